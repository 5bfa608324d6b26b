"""Places of data: the files and folders that a recipe names, and whether they are there."""

from __future__ import annotations

import difflib
import itertools
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqkit.marks import one_line
from seqkit.settings import DataFile, DataFolder
from seqkit.signatures import Chosen, fields, members, owner_of

Kinds = tuple[Any, ...]
"""What a setting may name: DataFile, DataFolder, both or neither."""
WORDS = {DataFile: "file", DataFolder: "folder"}


def kinds(annotation: Any) -> Kinds:
    """What a setting of a type may name."""
    return tuple(kind for kind in WORDS if kind in (annotation, *members(annotation)))


def named_by(chosen: Chosen) -> dict[str, str]:
    """The settings of a stage that name files or folders, without those of stages inside it."""
    return {
        each.name: chosen.settings[each.name]
        for each in fields(chosen.stage.factory, owner_of(chosen.stage))
        if kinds(each.annotation) and chosen.settings[each.name] is not None
    }


def located(chosen: Chosen, folder: Path) -> Chosen:
    """A stage that names files and folders by their paths, and so do those inside it."""
    paths = {name: os.path.join(folder, place) for name, place in named_by(chosen).items()}
    return replace(chosen, settings={**inside(chosen.settings, folder), **paths})


def inside(value: Any, folder: Path) -> Any:
    """A value of settings, its stages located."""
    if isinstance(value, Chosen):
        return located(value, folder)
    if isinstance(value, Mapping):
        return {name: inside(item, folder) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(inside(item, folder) for item in value)
    return value


def problem(place: str, wanted: Kinds, folder: Path) -> str:
    """What is wrong with a file or folder that a recipe names, or nothing."""
    path = os.path.join(folder, place)
    named = f"'{one_line(place)}'" if os.path.isabs(place) else f"'{one_line(place)}' in {folder}"
    if os.path.isdir(path) and DataFolder not in wanted:
        return f"{named} is a folder. Name a file in it."
    if os.path.isfile(path) and DataFile not in wanted:
        return f"{named} is a file. Name the folder that it is in."
    if not (os.path.isfile(path) or os.path.isdir(path)):
        what = " or ".join(WORDS[kind] for kind in wanted)
        return f"no {what} {named}. Set --data or SEQKIT_DATA.{like(path, place)}"
    return "" if os.access(path, os.R_OK) else f"{named} cannot be read. Mend its permissions."


def like(path: str, place: str) -> str:
    """Asks for a file with nearly the same name in the same folder, if there is one."""
    folder, name = os.path.split(path)
    try:
        names = [entry.name for entry in itertools.islice(os.scandir(folder), 1000)]
    except (OSError, ValueError):
        return ""
    close = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean '{os.path.join(os.path.dirname(place), close[0])}'?" if close else ""
