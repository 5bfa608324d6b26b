"""Saved pipelines, back from their folders: every byte checked, every plugin there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit import storage
from seqkit.errors import ModelError, SeqkitError
from seqkit.pipeline import FORMAT, Pipeline, rebuild
from seqkit.plugins import registry
from seqkit.recipe import NOTHING, recipe_from_plain
from seqkit.weights import unpack_weights

STAGES = ("tokenise", "embed", "encode", "decode")


def load(path: str | Path, *, set: Mapping[str, Any] = NOTHING) -> Pipeline:  # noqa: A002  as run
    """Loads a saved pipeline: the folder of a run, or of a pipeline.

    set: settings of its stages to change, by path, such as {"decode.search.size": 1}; those that
    weights depend on are refused.

    Raises ModelError where a file is missing or damaged, or a plugin is not installed, RecipeError
    for a setting that there is not.
    """
    return load_changed(path, values=set)


def load_changed(
    path: str | Path, values: Mapping[str, Any] = NOTHING, texts: Mapping[str, str] = NOTHING
) -> Pipeline:
    """Loads a saved pipeline as `load`. texts: settings as `--set` says them."""
    folder = Path(path)
    if (folder / "pipeline").exists():
        folder = folder / "pipeline"
    elif (folder / "run.json").exists():
        raise ModelError(f"{folder}: the run is not finished. Run its recipe again to go on.")
    files = storage.read_folder(folder)
    if "chain.json" in files:
        raise ModelError(f"{folder}: is a chain of pipelines. Load it with seqkit.load_chain.")
    return restored(files, str(folder), values, texts)


def restored(
    files: Mapping[str, bytes],
    folder: str,
    values: Mapping[str, Any] = NOTHING,
    texts: Mapping[str, str] = NOTHING,
) -> Pipeline:
    """The pipeline in the files of a folder, which names them in messages. Raises ModelError."""
    where = f"{folder}/pipeline.json"
    lacking = {"pipeline.json", "weights.safetensors", *storage.pack({})} - set(files)
    if lacking:
        raise ModelError(f"{folder}: has no {sorted(lacking)[0]}. Name a run or a pipeline folder.")
    content = json.loads(files["pipeline.json"])
    if content["format"] != FORMAT:
        raise ModelError(
            f"{where}: is of format {content['format']}, but this version reads {FORMAT}. "
            f"Install seqkit {content['seqkit']}."
        )
    require(content["plugins"], where)
    refuse_others("set", values)
    refuse_others("--set", texts)
    recipe = recipe_from_plain(content["recipe"], where, overrides=texts, values=values)
    weights = f"{folder}/weights.safetensors"
    try:
        pipeline = rebuild(recipe, storage.unpack(files))
        unpack_weights(pipeline.network, files["weights.safetensors"], content["aliases"], weights)
    except ModelError as error:
        if not values and not texts:
            raise
        changed = ", ".join([*values, *texts])
        raise ModelError(
            f"set {changed}: what was trained no longer fits ({error}) "
            "Change what weights do not depend on."
        ) from error
    return pipeline


def refuse_others(how: str, paths: Iterable[str]) -> None:
    """Raises SeqkitError for settings that a trained pipeline does nothing with."""
    for path in paths:
        if path.partition(".")[0] not in STAGES:
            raise SeqkitError(
                f"{how} {path}: does nothing to what is trained. Change a setting of "
                f"{', '.join(STAGES)}."
            )


def require(plugins: Sequence[Mapping[str, str]], where: str) -> None:
    """Raises ModelError with the `pip install` line where a plugin is missing or broken."""
    loaded = {plugin.name for plugin in registry().plugins if plugin.state == "loaded"}
    lacking = [plugin for plugin in plugins if plugin["name"] not in loaded]
    if lacking:
        names = ", ".join(f"'{plugin['name']}'" for plugin in lacking)
        wanted = " ".join(
            sorted({f'"{plugin["distribution"]}=={plugin["version"]}"' for plugin in lacking})
        )
        raise ModelError(f"{where}: needs the plugin {names}. Run: pip install {wanted}")
