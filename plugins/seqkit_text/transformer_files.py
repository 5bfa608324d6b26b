"""Folders of pretrained transformers: their configuration, tokeniser and weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from seqkit.stages import Learnt

LONGEST = 512
"""Tokens that a model reads at once where it says no other number, and at most."""
SPARE = 2
"""Positions that are left: some models, such as RoBERTa, count them from 2."""
SAVE = "In Python: {}.from_pretrained(...).save_pretrained(folder)."


def read_model(folder: str) -> Learnt:
    """A model as it is saved: config, tokeniser, weights by name, and the largest window.

    Nothing but this folder is looked at, and no code of it is run. Raises DataError for a file that
    it lacks, for weights that are a pickle, and for what is no encoder.
    """
    place = Path(folder)
    config = read_json(place, "config.json", "AutoModel")
    tokeniser = read_json(place, "tokenizer.json", "AutoTokenizer")
    if not list(place.glob("*.safetensors")):
        pickles = sorted(path.name for path in place.glob("*.bin"))
        also = f": {pickles[0]} is a pickle, which may run code" if pickles else ""
        raise DataError(
            f"contextual: {folder} has no weights as safetensors{also}. {SAVE.format('AutoModel')}"
        )
    if config.get("is_encoder_decoder"):
        raise DataError(
            f"contextual: {folder} is a {config.get('model_type')}, which translates texts. "
            "Name an encoder, such as BERT."
        )
    with explained(folder), quietly():
        model, told = read_weights(folder, config)
    lacking = sorted(name for name in told["missing_keys"] if "pooler" not in name)
    if lacking:
        raise DataError(
            f"contextual: {folder} has no weights for {lacking[0]}. {SAVE.format('AutoModel')}"
        )
    weights = model.state_dict()
    for name in told["missing_keys"]:  # what pools a text is drawn at random, and never used
        weights[name].zero_()
    return {
        "config": json.loads(model.config.to_json_string(use_diff=False)),
        "tokeniser": json.dumps(tokeniser, ensure_ascii=False),
        "weights": {name: weight.numpy() for name, weight in weights.items()},
        "window": largest_window(place, model.config),
    }


def read_json(folder: Path, name: str, saver: str) -> dict[str, Any]:
    """A JSON object of the folder. Raises DataError where there is none."""
    path = folder / name
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"contextual: {folder} has no {name}. {SAVE.format(saver)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"contextual: {path}: cannot be read: {error}. Mend it.") from None
    if not isinstance(found, dict):
        raise DataError(f"contextual: {path}: is no JSON object. {SAVE.format(saver)}")
    return found


def read_weights(folder: str, config: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The model, in float32, and which weights were missing.

    It is of a class that transformers knows: what a folder says of code of its own is left out.
    """
    from transformers import AutoConfig, AutoModel

    said = {name: value for name, value in config.items() if name != "auto_map"}
    found: tuple[Any, dict[str, Any]] = AutoModel.from_pretrained(
        folder,
        config=AutoConfig.for_model(**said),
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        dtype=torch.float32,
    )
    return found


@contextmanager
def explained(folder: str) -> Iterator[None]:
    """Turns whatever transformers raises for a folder into a DataError."""
    try:
        yield
    except Exception as error:  # it raises what its parts raise: ValueError, KeyError, RuntimeError
        first = str(error).strip().partition("\n")[0]
        raise DataError(
            f"contextual: {folder} cannot be read by transformers ({first}). "
            "Name the folder of a model that it knows."
        ) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps transformers from printing progress and reports."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()


def largest_window(folder: Path, config: Any) -> int:
    """How many tokens a model reads at once, its special ones among them."""
    found = [LONGEST]
    if (folder / "tokenizer_config.json").exists():
        told = read_json(folder, "tokenizer_config.json", "AutoTokenizer").get("model_max_length")
        found += [int(told)] if isinstance(told, int | float) and told >= 1 else []
    positions = getattr(config, "max_position_embeddings", None)
    found += [positions - SPARE] if isinstance(positions, int) and positions > SPARE else []
    return min(found)


def built_model(learnt: Learnt) -> Any:
    """A frozen model from what `read_model` gave."""
    from transformers import AutoConfig, AutoModel

    with quietly(), torch.random.fork_rng(devices=[]):  # weights are drawn before they are filled
        model = AutoModel.from_config(AutoConfig.for_model(**learnt["config"]))
    model.load_state_dict({name: torch.tensor(one) for name, one in learnt["weights"].items()})
    return model.requires_grad_(requires_grad=False).eval()
