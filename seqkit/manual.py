"""What `seqkit explain` prints: a stage or a section of recipes, from its signature."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from seqkit.errors import PluginError, nearest
from seqkit.optimisers import TABLES, BatchSettings, StopSettings, TrainSettings
from seqkit.plugins import KINDS, Registry, Stage
from seqkit.sections import BOOTSTRAP
from seqkit.settings import DataFile, Name, NonNegativeInt
from seqkit.signatures import MISSING, Field, Listed, fields, owner_of, plain, prose, recipe_name
from seqkit.wording import a, inline, type_words

WIDTH = 100
KEYS = {
    "tokeniser": "tokenise",
    "embedder": "embed",
    "encoder": "encode",
    "decoder": "decode",
    "search": "search",
    "source": "data",
    "metric": "evaluate",
    "optimiser": "train.optimiser",
    "schedule": "train.schedule",
}
"""From a kind to the place in a recipe where it stands."""
EXAMPLES = {
    "search": "decode: {{use: ..., search: {}}}",
    "metric": "evaluate: {{metrics: [{}]}}",
    "optimiser": "train: {{optimiser: {}}}",
    "schedule": "train: {{schedule: {}}}",
}
SECTIONS: dict[str, type] = {
    "train": TrainSettings,
    "train.batch": BatchSettings,
    "train.stop": StopSettings,
}
DATA = (
    Field("use", Name, MISSING, "the source"),
    Field("train", DataFile, MISSING, "what to learn from; a source without files may need none"),
    Field(
        "dev",
        DataFile,
        None,
        "what early stopping and evaluations while training look at; `10%` carves it out of train",
    ),
    Field("test", DataFile, None, "what the final scores are measured on"),
    Field("text", Name | dict[str, Name], "text", "the field of the input, or of each by name"),
    Field("gold", Name | dict[str, Name] | None, None, "the field of the gold, or of each by name"),
)
EVALUATE = (
    Field("metrics", list[Name], (), "the metrics, or a list of them for each gold by name"),
    Field("bootstrap", NonNegativeInt, BOOTSTRAP, "samples that the intervals are drawn from"),
)
Named = Stage | Listed


def explain(registry: Registry, name: str) -> str:
    """The manual's page on `encode.bilstm`, `bilstm`, `encode`, `train.batch` and the like.

    Raises PluginError for a name that nothing has.
    """
    stages = all_stages(registry)
    found = [stage for stage in stages if name in names_of(stage)]
    if found:
        return "\n\n\n".join(stage_page(stage, registry) for stage in found)
    if name in SECTIONS:
        kind = SECTIONS[name]
        known = fields(kind)
        return page(name, prose(kind, [each.name for each in known]), known)
    kinds = {**{key: kind for kind, key in KEYS.items()}, **dict.fromkeys(KEYS)}
    if name in kinds:
        return kind_page(kinds[name] or name, stages, registry)
    key = next((key for key in (*KEYS, *KEYS.values()) if name.startswith(f"{key}.")), "")
    full = {each for stage in stages for each in names_of(stage) if "/" not in each}
    close = {each for each in full if each.startswith(f"{key}.")} if key else full
    hint = nearest(name, close or full) if key else nearest(name, {*full, *SECTIONS, *kinds})
    raise PluginError(f"nothing called '{name}' to explain. {hint}")


def all_stages(registry: Registry) -> list[Named]:
    """Every stage of every kind, and the entries of the closed tables."""
    listed = [
        Listed(kind, name, factory)
        for kind, table in TABLES.items()
        for name, factory in table.items()
    ]
    return [*(stage for kind in KINDS for stage in registry.stages(kind)), *listed]


def names_of(stage: Named) -> set[str]:
    """All that a stage may be asked for by."""
    short = {stage.name}
    if isinstance(stage, Stage):
        short.add(f"{stage.plugin.distribution}/{stage.name}")
    return short | {f"{key}.{name}" for key in (stage.kind, KEYS[stage.kind]) for name in short}


def stage_page(stage: Named, registry: Registry) -> str:
    """The page on one stage."""
    known = fields(stage.factory, owner_of(stage))
    words = prose(stage.factory, [each.name for each in known])
    if not known:
        words.append("It has no settings of its own.")
    if isinstance(stage, Stage):
        plugin = stage.plugin
        words.append(f"From the plugin {plugin.name} of {plugin.distribution} {plugin.version}.")
    title = f"{KEYS[stage.kind]}.{recipe_name(stage, registry)}"
    return f"{page(title, words, known)}\n\nExample:\n  {example(stage, known, registry)}"


def kind_page(kind: str, stages: Sequence[Named], registry: Registry) -> str:
    """The page on a place in recipes: what may stand there."""
    own = {"source": DATA, "metric": EVALUATE}.get(kind, ())
    rows = []
    for stage in stages:
        if stage.kind == kind:
            known = [each.name for each in fields(stage.factory, owner_of(stage))]
            rows.append((recipe_name(stage, registry), (prose(stage.factory, known) or [""])[0]))
    said = f"Names {a(kind)}." if rows else f"No {kind} is installed."
    return "\n\n".join(part for part in (page(KEYS[kind], [said], own), table(rows)) if part)


def page(title: str, words: Sequence[str], known: Sequence[Field]) -> str:
    """A title, paragraphs, and a table of settings."""
    rows = [
        (
            each.name,
            type_words(each.annotation),
            "required" if each.required else inline(said(plain(each.default))),
            each.description,
        )
        for each in known
    ]
    parts = [title, *(textwrap.fill(paragraph, WIDTH) for paragraph in words)]
    if rows:
        parts.append(table([("setting", "type", "default", "what it does"), *rows]))
    return "\n\n".join(parts)


def said(default: Any) -> Any:
    """A default without the settings that are null, as short as a recipe would say it."""
    if not isinstance(default, dict):
        return default
    given = {name: value for name, value in default.items() if value is not None}
    return given["use"] if list(given) == ["use"] else given


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns, the last as wide as the page allows; cells wrap."""
    if not rows:
        return ""
    widths = [min(24, max(map(len, column))) for column in list(zip(*rows, strict=True))[:-1]]
    widths.append(WIDTH - sum(widths) - 2 * len(widths) - 2)
    lines = []
    for row in rows:
        cells = [
            textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)
        ]
        for index in range(max(map(len, cells))):
            parts = [
                (cell[index] if index < len(cell) else "").ljust(width)
                for cell, width in zip(cells, widths, strict=True)
            ]
            lines.append(f"  {'  '.join(parts)}".rstrip())
    return "\n".join(lines)


def example(stage: Named, known: Sequence[Field], registry: Registry) -> str:
    """A line of a recipe that names the stage: what it needs, or else its first setting."""
    pairs = [f"use: {recipe_name(stage, registry)}"]
    if stage.files:
        pairs.append("train: FILE")
    for each in known:
        if each.required:
            many = type_words(each.annotation).startswith("list")
            pairs.append(f"{each.name}: {'[...]' if many else '...'}")
    optional = [
        f"{each.name}: {inline(said(plain(each.default)))}"
        for each in known
        if not each.required and each.default is not None
    ]
    if len(pairs) == 1:
        pairs += [pair for pair in optional if len(pair) <= WIDTH // 2][:1]
    return EXAMPLES.get(stage.kind, KEYS[stage.kind] + ": {}").format("{" + ", ".join(pairs) + "}")
