"""Batches: length pools, and contiguous streams for carried state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from seqkit.errors import DataError
from seqkit.optimisers import BatchSettings
from seqkit.settings import CHECK_SHAPES
from seqkit.table import Table, put

if TYPE_CHECKING or CHECK_SHAPES:
    import torch
    from jaxtyping import Int

    from seqkit.stages import Batch


@runtime_checkable
class Batches(Protocol):
    """Batches of one epoch after another, from any position.

    carries: whether batches may go on where the one before ended.
    """

    carries: bool

    def __iter__(self) -> Iterator[tuple[Batch, Sequence[int], bool]]:
        """From the position on to the end of its epoch: batch, its examples' rows, continues.

        continues: whether the batch goes on where the one before it ended, so that the trainer
        hands the last state back, detached.
        """
        ...

    def __len__(self) -> int:
        """Batches of the current epoch."""
        ...

    def position(self) -> Mapping[str, Any]:
        """Where the next batch stands; saved in checkpoints."""
        ...

    def seek(self, position: Mapping[str, Any]) -> None:
        """Goes to a saved position."""
        ...


def cut(
    sizes: Int[np.ndarray, "example part"], order: Sequence[int], settings: BatchSettings
) -> list[np.ndarray]:
    """Cuts an order of examples into batches by rows, or by rows x longest row with its padding."""
    batches: list[list[int]] = [[]]
    longest = np.zeros(sizes.shape[1], np.int64)
    for row in order:
        wider = np.maximum(longest, sizes[row])
        count = len(batches[-1]) + 1
        full = (
            count > settings.rows
            if settings.rows is not None
            else settings.tokens is not None and count * int(wider.sum()) > settings.tokens
        )
        if full and batches[-1]:
            batches.append([])
            wider = sizes[row]
        batches[-1].append(row)
        longest = wider
    return [np.asarray(batch, np.int64) for batch in batches if batch]


class Pools:
    """Shuffled batches of like length: pools of a few batches are sorted by length, then cut.

    collate: called with rows and the epoch's number (a sampling stage gives others each epoch).
    sizes: steps of each example, a column for each input and target. The order depends on seed and
    epoch alone.
    """

    carries = False

    def __init__(
        self,
        collate: Callable[[np.ndarray, int], Batch],
        sizes: Int[np.ndarray, "example part"],
        settings: BatchSettings,
        seed: int,
    ) -> None:
        self.collate, self.sizes, self.settings, self.seed = collate, sizes, settings, seed
        self.epoch = self.number = 0
        self.planned: tuple[int, list[np.ndarray]] = (-1, [])

    def plan(self) -> list[np.ndarray]:
        """The rows of each batch of the current epoch."""
        if self.planned[0] != self.epoch:
            rng = np.random.default_rng([self.seed, self.epoch])
            self.planned = (self.epoch, pooled(self.sizes, self.settings, rng))
        return self.planned[1]

    def __len__(self) -> int:
        return len(self.plan())

    def __iter__(self) -> Iterator[tuple[Batch, Sequence[int], bool]]:
        plan, epoch = self.plan(), self.epoch
        while self.number < len(plan):
            rows = plan[self.number]
            self.number += 1
            yield self.collate(rows, epoch), rows.tolist(), False
        self.epoch, self.number = epoch + 1, 0

    def position(self) -> Mapping[str, Any]:
        """Epoch and number of the next batch."""
        return {"epoch": self.epoch, "batch": self.number}

    def seek(self, position: Mapping[str, Any]) -> None:
        """Goes to a saved position."""
        self.epoch, self.number = position["epoch"], position["batch"]


def pooled(
    sizes: Int[np.ndarray, "example part"], settings: BatchSettings, rng: np.random.Generator
) -> list[np.ndarray]:
    """One epoch's batches: shuffle, sort within pools, cut, shuffle the batches of each pool."""
    order = rng.permutation(len(sizes))
    total = sizes.sum(axis=1)
    if settings.rows is not None:
        pool = np.arange(len(order)) // (settings.rows * settings.pool)
    else:
        pool = np.cumsum(total[order]) // ((settings.tokens or 1) * settings.pool)
    batches: list[np.ndarray] = []
    for members in np.split(order, np.flatnonzero(np.diff(pool)) + 1):
        members = members[np.argsort(total[members], kind="stable")]
        cuts = cut(sizes, members.tolist(), settings)
        batches.extend(cuts[place] for place in rng.permutation(len(cuts)))
    return batches


class Streams:
    """Contiguous rows of all examples end to end, cut into windows; state goes on between windows.

    along_time: the columns that windows may cut. Raises DataError where there are others, and where
    they differ in length.
    """

    carries = True

    def __init__(self, table: Table, along_time: Iterable[str], settings: BatchSettings) -> None:
        along = set(along_time)
        ends = {n: int(c.starts[-1]) for n, c in table.columns.items() if c.starts is not None}
        whole = sorted(name for name in table.columns if name not in along or name not in ends)
        if whole:
            has = "has" if len(whole) == 1 else "have"
            raise DataError(
                f"train.batch.streams: {', '.join(whole)} {has} no row for each piece, which "
                "windows need. Batch by tokens or by rows."
            )
        self.steps = max(ends.values(), default=0)
        odd = next((name for name, end in ends.items() if end != self.steps), None)
        if odd is not None:
            raise DataError(
                f"train.batch.streams: {odd} has {ends[odd]} steps and others {self.steps}: "
                "windows would part what belongs together. Batch by tokens or by rows."
            )
        self.table = table
        self.rows, self.window = settings.streams or 1, settings.window or 1
        self.length = -(-self.steps // self.rows)
        self.epoch = self.number = 0

    def __len__(self) -> int:
        return -(-self.length // self.window)

    def __iter__(self) -> Iterator[tuple[Batch, Sequence[int], bool]]:
        epoch = self.epoch
        starts = np.arange(self.rows, dtype=np.int64) * self.length
        ends = np.minimum(starts + self.length, self.steps)
        while self.number < len(self):
            begins = np.minimum(starts + self.number * self.window, ends)
            sizes = np.minimum(begins + self.window, ends) - begins
            batch: dict[str, torch.Tensor] = {}
            for name, column in self.table.columns.items():
                put(batch, name, column, begins, sizes)
            self.number += 1
            yield batch, [], self.number > 1
        self.epoch, self.number = epoch + 1, 0

    def position(self) -> Mapping[str, Any]:
        """Epoch and number of the next window."""
        return {"epoch": self.epoch, "batch": self.number}

    def seek(self, position: Mapping[str, Any]) -> None:
        """Goes to a saved position."""
        self.epoch, self.number = position["epoch"], position["batch"]
