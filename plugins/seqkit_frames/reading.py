"""The source of MATLAB files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from annotated_types import Ge

from seqkit.errors import nearest
from seqkit.settings import Name, NonNegativeInt
from seqkit.stages import Source

Several = Annotated[int, Ge(2)]
NONE: Mapping[str, Any] = MappingProxyType({})


def matlab(
    *,
    fields: dict[Name, Name],
    names: dict[Name, Name] = NONE,  # type: ignore[assignment]  # a default that none changes
    time: Literal["columns", "rows"] = "columns",
    folds: Several | None = None,
    fold: NonNegativeInt = 0,
) -> Source:
    """Variables of a MATLAB file (versions 5 to 7.2).

    A row takes one item of each variable: of cells a cell, of numbers a number, of a matrix of
    characters a line. A cell of numbers is a series.

    fields: by field, the variable whose items it takes, such as {series: xtrain, label: ytrain}.
    names: by field, the variable that lists what its numbers stand for; the first is number 1.
    time: whether the steps of a series are the columns of its matrix or the rows.
    folds: cuts the items of the file into so many parts for cross-validation: item i, from 0, is of
        part i modulo `folds`. Test is then one part, train all others.
    fold: which part is test, from 0.
    """
    from seqkit_frames.matrices import Matlab

    return Matlab(fields, names, time == "rows", folds, fold)


def matlab_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses fields of nothing and a fold that is not there."""
    fields, folds, fold = settings["fields"], settings["folds"], settings["fold"]
    if not fields:
        yield "fields", "names no variable. Say {field: variable}"
    for name in settings["names"]:
        if name not in fields:
            yield "names", f"names '{name}', which is no field. {nearest(name, fields)}"
    if folds is None and fold:
        yield "fold", "has no effect without 'folds'. Set both, or remove it"
    if folds is not None and fold >= folds:
        yield "fold", f"is {fold}, but {folds} folds are numbered 0 to {folds - 1}. Lower it"
