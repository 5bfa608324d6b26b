"""Every error that seqkit raises on purpose.

    SeqkitError                 one line: `where: what is wrong. What to do.`
    ├── RecipeError             a recipe or an override is wrong; holds every problem found
    ├── PluginError             a plugin or a stage is missing, broken or ambiguous
    ├── DataError               a data file is missing, empty or malformed
    ├── ModelError              a saved pipeline is missing, damaged or needs another plugin
    ├── RunError                a run directory cannot be used as asked
    ├── TrainingError           training cannot go on (a loss that is not a number)
    └── Interrupted             a signal asked to stop; the run can be gone on with

The first five are mistakes that a user can mend: the command line ends with 2. A TrainingError,
like a full disk, is a failure and ends with 1; an interruption ends with 130.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class SeqkitError(Exception):
    """An error whose message is meant for a user, on one line."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a recipe, and where.

    `where` is `file:line:column` or the override `--set a.b`; `path` is the setting, dots between.
    """

    where: str
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.path, self.message) if part)


class RecipeError(SeqkitError):
    """A recipe with mistakes: all of them, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class PluginError(SeqkitError):
    """A plugin that is missing, broken or ambiguous."""


class DataError(SeqkitError):
    """Data that cannot be used."""


class ModelError(SeqkitError):
    """A saved pipeline that cannot be used."""


class RunError(SeqkitError):
    """A run directory that cannot be used as asked."""


class TrainingError(SeqkitError):
    """Training that cannot go on."""

    exit_code = 1


class Interrupted(SeqkitError):  # noqa: N818  it is news, not an error
    """A run that was asked to stop, and has saved a checkpoint."""

    exit_code = 130


def unreadable(path: Path, error: OSError) -> DataError:
    """What is said of a file or a folder that cannot be opened."""
    return DataError(
        f"{path}: cannot be read ({error.strerror}). Check the path and the data folder."
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """Says `Did you mean 'x'?` for the known name nearest to `name`, or lists the known names."""
    names = sorted(known)
    folded = {other.casefold(): other for other in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{folded[close[0]]}'?"
    if not names:
        return "There is none to choose from."
    return f"Known: {', '.join(names)}."
