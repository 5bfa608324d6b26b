"""What a run is made of: recipe, data, plugins and machine, and how two of them differ."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from seqkit import __version__
from seqkit.data import data_digest, named_digests, plugin_digests, splits, trained
from seqkit.pipeline import needed
from seqkit.recipe import Recipe

NAMED = ("sample", "recipe", "data", "files", "plugins")
"""What a run must keep from start to end; the machine may change, with a note."""


def provenance(recipe: Recipe, folder: Path, sample: int | None, device: str) -> dict[str, Any]:
    """Everything that a run's result depends on, as JSON. Raises DataError."""
    data = trained(recipe)
    return {
        "format": 1,
        "recipe": recipe.plain(),
        "data": {split: data_digest(data, split, folder, sample) for split in splits(data)},
        "files": named_digests(recipe, folder),
        "plugins": plugin_digests(recipe),
        "sample": sample,
        "seed": recipe.train.seed,
        "versions": {
            "seqkit": __version__,
            "plugins": needed(recipe),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("torch", "numpy")},
        },
        "hardware": {
            "machine": platform.machine(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": device,
        },
    }


def processor() -> str:
    """The processor's name, where the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown"


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs, by name, with both values; empty where a run can go on."""
    found: list[str] = []
    for part in NAMED:
        found.extend(
            f"{path} was {short(old)} and is {short(new)}"
            for path, old, new in changed(before.get(part), now.get(part), part)
        )
    return found


def changed(before: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The leaves at which two JSON values differ."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}):
            yield from changed(before.get(key), now.get(key), f"{path}.{key}")
    elif before != now:
        yield path, before, now


def short(value: Any) -> str:
    """A value for a message; a long one is cut."""
    text = "not there" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"
