"""Batches: every example once, within the budget, the same plan again, from any position."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqkit.batching import Batches, Pools, Streams, cut
from seqkit.errors import DataError
from seqkit.optimisers import BatchSettings
from seqkit.table import Table

SIZES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=0, max_size=60).map(
    lambda pairs: np.array(pairs, np.int64).reshape(-1, 2)
)
WAYS = st.builds(
    lambda tokens, pool: BatchSettings(tokens=tokens, pool=pool),
    st.integers(1, 90),
    st.integers(1, 5),
) | st.builds(
    lambda rows, pool: BatchSettings(rows=rows, pool=pool), st.integers(1, 9), st.integers(1, 5)
)


def numbered(rows: np.ndarray, epoch: int) -> dict[str, torch.Tensor]:
    """Collates nothing: a batch names its rows and its epoch."""
    return {"rows": torch.from_numpy(rows), "epoch": torch.tensor(epoch)}


def lengths(count: int, seed: int = 0) -> np.ndarray:
    """Lengths of sentences: lognormal with mean 17."""
    drawn = np.random.default_rng(seed).lognormal(np.log(17) - 0.32, 0.8, count)
    return np.maximum(1, drawn).astype(np.int64)[:, None]


def padded(sizes: np.ndarray, rows: Sequence[int]) -> int:
    """What a batch costs: rows x longest row, summed over the parts."""
    return len(rows) * int(sizes[list(rows)].max(axis=0).sum())


@given(SIZES, WAYS, st.integers(0, 99))
def test_every_example_comes_once_an_epoch_within_the_budget(
    sizes: np.ndarray, settings: BatchSettings, seed: int
) -> None:
    pools = Pools(numbered, sizes, settings, seed)
    count = len(pools)
    batches = list(pools)
    assert len(batches) == count
    assert sorted(row for _, rows, _ in batches for row in rows) == list(range(len(sizes)))
    for batch, rows, continues in batches:
        assert batch["rows"].tolist() == list(rows)
        assert not continues
        if settings.rows is not None:
            assert 0 < len(rows) <= settings.rows
        elif settings.tokens is not None:
            assert len(rows) == 1 or padded(sizes, rows) <= settings.tokens


@given(SIZES, WAYS)
def test_an_order_is_cut_without_a_change(sizes: np.ndarray, settings: BatchSettings) -> None:
    order = list(range(len(sizes)))[::-1]
    batches = cut(sizes, order, settings)
    assert list(itertools.chain.from_iterable(batches)) == order
    assert all(len(batch) for batch in batches)
    for one, other in itertools.pairwise(batches):  # no batch could have taken one row more
        both = [*one, other[0]]
        if settings.rows is not None:
            assert len(both) > settings.rows
        elif settings.tokens is not None:
            assert padded(sizes, both) > settings.tokens


def test_a_longer_example_than_the_budget_stands_alone() -> None:
    sizes = np.array([[3], [50], [3]])
    assert [batch.tolist() for batch in cut(sizes, [0, 1, 2], BatchSettings(tokens=10))] == [
        [0],
        [1],
        [2],
    ]


def plan(pools: Pools) -> list[list[int]]:
    """The rows of each batch from here to the end of the epoch."""
    return [list(rows) for _, rows, _ in pools]


def test_seed_and_epoch_alone_decide_the_plan() -> None:
    sizes, settings = lengths(300), BatchSettings(tokens=200, pool=3)
    first, again = Pools(numbered, sizes, settings, 7), Pools(numbered, sizes, settings, 7)
    epochs = [plan(first) for _ in range(3)]
    assert [plan(again) for _ in range(3)] == epochs
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert plan(Pools(numbered, sizes, settings, 8)) != epochs[0]
    again.seek({"epoch": 1, "batch": 0})
    assert plan(again) == epochs[1]


def test_the_epoch_reaches_whoever_collates() -> None:
    pools = Pools(numbered, lengths(20), BatchSettings(rows=5), 1)
    assert [[int(batch["epoch"]) for batch, _, _ in pools] for _ in range(2)] == [[0] * 4, [1] * 4]


@pytest.mark.parametrize(
    ("settings", "share"), [(BatchSettings(tokens=2000), 0.9), (BatchSettings(rows=32), 0.8)]
)
def test_most_of_a_batch_is_real(settings: BatchSettings, share: float) -> None:
    sizes = lengths(8000)
    batches = plan(Pools(numbered, sizes, settings, 1))
    assert sizes.sum() / sum(padded(sizes, rows) for rows in batches) > share
    shuffled = cut(sizes, np.random.default_rng(1).permutation(8000).tolist(), settings)
    assert sizes.sum() / sum(padded(sizes, rows.tolist()) for rows in shuffled) < 0.5


def test_lengths_do_not_rise_from_batch_to_batch() -> None:
    sizes = lengths(1000)
    means = [sizes[rows].mean() for rows in plan(Pools(numbered, sizes, BatchSettings(rows=20), 1))]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.3


def test_pools_of_one_batch_are_random_batches() -> None:
    sizes = np.sort(lengths(1000), axis=0)
    batches = plan(Pools(numbered, sizes, BatchSettings(rows=10, pool=1), 1))
    spread = np.mean([np.ptp(sizes[rows]) for rows in batches])
    assert spread > 20


def pools() -> Pools:
    return Pools(numbered, lengths(40), BatchSettings(rows=6, pool=2), 3)


def streams() -> Streams:
    return Streams(stack([9, 4, 7, 3]), ["words"], BatchSettings(streams=3, window=2))


def stack(counts: Sequence[int]) -> Table:
    """Examples whose steps count up through all of them."""
    steps = itertools.count(1)
    return Table.stack(
        [{"words": np.array(list(itertools.islice(steps, count)), np.int64)} for count in counts]
    )


def told(batches: Batches, epochs: int) -> list[Any]:
    """What comes in some epochs."""
    return [
        ({name: value.tolist() for name, value in batch.items()}, list(rows), continues)
        for _ in range(epochs)
        for batch, rows, continues in batches
    ]


@pytest.mark.parametrize("make", [pools, streams])
def test_from_any_position_it_goes_on_exactly(make: Any) -> None:
    whole = told(make(), 3)
    count = len(make())
    assert count >= 4
    for done in (0, 1, count // 2, count - 1, count, count + 1, 2 * count, 2 * count + 2):
        first = make()
        left = done
        while left:
            left -= len(list(itertools.islice(first, left)))
        position = first.position()
        assert position == type(first).position(first)
        again = make()
        again.seek(dict(position))
        assert again.position() == position
        rest: list[Any] = []
        while len(rest) < len(whole) - done:  # at the very end of an epoch, none of it is left
            rest += told(again, 1)
        assert rest == whole[done:]


@pytest.mark.parametrize("make", [pools, streams])
def test_a_position_is_saved_again_right_after_it_was_sought(make: Any) -> None:
    batches = make()
    next(iter(batches))
    position = batches.position()
    assert position == {"epoch": 0, "batch": 1}
    other = make()
    other.seek(position)
    assert (other.position(), len(other)) == (position, len(batches))


@pytest.mark.parametrize("make", [pools, streams])
def test_after_the_last_batch_the_next_epoch_begins(make: Any) -> None:
    batches = make()
    list(batches)
    assert batches.position() == {"epoch": 1, "batch": 0}


def test_pools_never_go_on_and_streams_do_after_their_first_window() -> None:
    assert (Pools.carries, Streams.carries) == (False, True)
    assert [continues for _, _, continues in told(pools(), 1)] == [False] * 7
    windows = streams()
    assert [continues for _, _, continues in told(windows, 2)] == [False, True, True, True] * 2


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(1, 6), st.integers(1, 6))
def test_windows_put_together_are_the_whole(counts: list[int], rows: int, window: int) -> None:
    windows = Streams(stack(counts), {"words"}, BatchSettings(streams=rows, window=window))
    found: list[list[int]] = [[] for _ in range(rows)]
    batches = list(windows)
    assert len(windows) == len(batches)
    for batch, _, _ in batches:
        assert batch["words"].shape[0] == rows
        assert batch["words"].shape[1] <= window
        for row in range(rows):
            length = int(batch["words.lengths"][row])
            found[row] += batch["words"][row, :length].tolist()
            assert not batch["words"][row, length:].any()
    assert list(itertools.chain.from_iterable(found)) == list(range(1, sum(counts) + 1))
    full = -(-sum(counts) // rows)
    assert all(len(row) in (full, 0) for row in found[: sum(counts) // full if full else 0])


def test_the_lengths_tell_the_ragged_end() -> None:
    windows = Streams(stack([7]), ["words"], BatchSettings(streams=2, window=3))
    found = [(batch["words"].tolist(), batch["words.lengths"].tolist()) for batch, _, _ in windows]
    assert found == [([[1, 2, 3], [5, 6, 7]], [3, 3]), ([[4], [0]], [1, 0])]


def test_more_streams_than_steps_leave_empty_rows() -> None:
    windows = Streams(stack([2]), ["words"], BatchSettings(streams=4, window=5))
    ((batch, rows, continues),) = windows
    assert batch["words"].tolist() == [[1], [2], [0], [0]]
    assert batch["words.lengths"].tolist() == [1, 1, 0, 0]
    assert (list(rows), continues) == ([], False)


def test_steps_that_are_ragged_themselves_are_cut_with_the_others() -> None:
    flat, offsets = np.arange(1, 7), np.array([0, 2, 2, 5, 6])
    table = Table.stack(
        [{"words": np.array([1, 2, 3, 4]), "chars": flat, "chars.offsets": offsets}]
    )
    windows = Streams(table, ["words", "chars"], BatchSettings(streams=1, window=2))
    first, second = [batch for batch, _, _ in windows]
    assert first["chars"].tolist() == [[[1, 2], [0, 0]]]
    assert first["chars.lengths"].tolist() == [[2, 0]]
    assert second["chars"].tolist() == [[[3, 4, 5], [6, 0, 0]]]
    assert second["words"].tolist() == [[3, 4]]


def refused(arrays: Mapping[str, np.ndarray], along: Sequence[str]) -> str:
    """Why examples cannot be streamed."""
    with pytest.raises(DataError) as caught:
        Streams(Table.stack([arrays]), along, BatchSettings(streams=2, window=2))
    return str(caught.value)


def test_what_windows_cannot_cut_is_refused() -> None:
    words, label = np.arange(3), np.array(1)
    assert refused(
        {"text/words": words, "decode/label": label, "decode/tree": words}, ["text/words"]
    ) == (
        "train.batch.streams: decode/label, decode/tree have no row for each piece, which windows "
        "need. Batch by tokens or by rows."
    )
    assert refused({"text/words": words, "label": label}, ["text/words", "label"]).startswith(
        "train.batch.streams: label has no row for each piece, which windows need."
    )


def test_columns_of_different_lengths_are_refused() -> None:
    assert refused({"words": np.arange(5), "tags": np.arange(3)}, ["words", "tags"]) == (
        "train.batch.streams: tags has 3 steps and others 5: windows would part what belongs "
        "together. Batch by tokens or by rows."
    )
