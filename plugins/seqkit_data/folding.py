"""The source folds: k-fold cross-validation on one set of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from annotated_types import Ge

from seqkit.settings import Name, Nested, PositiveInt
from seqkit.stages import Source
from seqkit_data.deriving import nested_rules

Several = Annotated[int, Ge(2)]


def folds(
    *,
    source: Nested[Source],
    fold: PositiveInt = 1,
    of: Several = 10,
    by: Name | None = None,
    seed: Annotated[int, Ge(0)] = 1,
) -> Source:
    """Another source's rows, a share of them held out for test: k-fold cross-validation.

    data.train and data.test name the same place of that source. Test has the rows of one fold, and
    train all others, of which dev may be a share: `dev: 10%`. Folds are drawn at random, and have
    as many rows, or groups of rows, as each other, but for one.

    source: who reads the files.
    fold: which one is held out, from 1.
    of: how many there are.
    by: rows with the same value of this field are always in one fold, such as those of a speaker,
        of a document, or of a text that stands there twice.
    seed: which rows are together.
    """
    from seqkit_data.cross_validation import Folds

    chosen: Any = source
    return Folds(chosen.build(), fold, of, by, seed)


def folds_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses a source without files, and a fold that is not there."""
    yield from nested_rules(settings)
    if settings["fold"] > settings["of"]:
        yield "fold", f"is {settings['fold']}, but there are {settings['of']}. Choose one of them"
