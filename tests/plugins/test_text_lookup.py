"""The lookup embedder, against a table read by hand."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
import torch

from seqkit.errors import DataError
from seqkit.stages import Example, Frames, Text, Upstream, Vectors
from seqkit.table import collate
from seqkit_text.embedding import lookup_embedder
from seqkit_text.lookup import Lookup
from seqkit_text.tokenising import words_tokeniser

TRAIN = ["the cat saw the dog", "The dog"]


def example(text: str) -> Example:
    return Example({}, {"text": words_tokeniser(Upstream(width=0)).prepare(Text(text))})


def lookup(**settings: Any) -> Lookup:
    stage = cast("Lookup", lookup_embedder(Upstream(width=0), **{"width": 6, **settings}))
    stage.ready(stage.fit([example(text) for text in TRAIN]))
    return stage.eval()


def embed(stage: Lookup, texts: Sequence[str]) -> Vectors:
    found: Vectors = stage(collate([stage.prepare(example(text), "text") for text in texts]))
    return found


def test_pieces_are_counted_over_every_input() -> None:
    stage = lookup_embedder(Upstream(width=0))
    pieces = [example(text).inputs["text"] for text in TRAIN]
    learnt = stage.fit(iter([Example({}, {"one": pieces[0], "two": pieces[1]})]))
    assert learnt == {"strings": ["dog", "the", "The", "cat", "saw"], "counts": [2, 2, 1, 1, 1]}


def test_lower_case_minimum_and_limit_shape_the_vocabulary() -> None:
    fit = [example(text) for text in TRAIN]
    lower = lookup_embedder(Upstream(width=0), lower=True, minimum=2).fit(fit)
    assert lower == {"strings": ["the", "dog"], "counts": [3, 2]}
    assert lookup_embedder(Upstream(width=0), limit=1).fit(fit)["strings"] == ["dog"]


def test_each_piece_gets_its_row_and_padding_gets_zero() -> None:
    stage = lookup(lower=True, minimum=2)
    found = embed(stage, ["DOG bird the", "", "the"])
    table = stage.table.weight
    assert found.lengths.tolist() == [3, 0, 1]
    wanted = torch.zeros(3, 3, 6)
    wanted[0] = torch.stack([table[3], table[1], table[2]])
    wanted[2, 0] = table[2]
    assert torch.equal(found.values, wanted)


def test_what_stands_in_padding_changes_nothing() -> None:
    stage = lookup()
    batch = dict(collate([stage.prepare(example(text), "text") for text in ["the cat", "dog"]]))
    clean = stage(batch).values
    batch["pieces"][1, 1] = 4
    assert torch.equal(stage(batch).values, clean)


def test_a_batch_of_no_pieces_works() -> None:
    assert embed(lookup(), ["", ""]).values.shape == (2, 0, 6)


def test_training_takes_rare_pieces_for_unknown() -> None:
    torch.manual_seed(1)
    stage = lookup(unknown=0.5, word_dropout=0.1).train()
    with torch.no_grad():
        stage.table.weight[1] = 100
    lost = (embed(stage, ["the saw"] * 10_000).values == 100).all(dim=2).float().mean(dim=0)
    for column, count in enumerate([2, 1]):
        wanted = 1 - 0.9 * count / (count + 0.5)
        assert abs(float(lost[column]) - wanted) < 4 * (wanted * (1 - wanted) / 10_000) ** 0.5
    assert not (embed(stage.eval(), ["the saw"] * 100).values == 100).any()


@pytest.mark.parametrize("locked", [False, True])
def test_training_drops_elements_and_leaves_padding_zero(locked: bool) -> None:
    torch.manual_seed(1)
    stage = lookup(dropout=0.5, locked=locked, word_dropout=0.5).train()
    found = embed(stage, ["the cat saw", "dog"])
    assert not found.values[~found.mask].any()
    assert (found.values[found.mask] == 0).any()


def test_gradients_reach_real_rows_alone() -> None:
    stage = lookup()
    values = embed(stage, ["the cat", "bird"]).values
    [gradient] = torch.autograd.grad(values.sum(), [stage.table.weight])
    assert gradient[0].abs().sum() == 0
    touched = [1, stage.known["the"], stage.known["cat"]]
    assert (gradient.sum(dim=1).nonzero().flatten().tolist()) == sorted(touched)


def test_ready_allocates_the_same_again() -> None:
    learnt = lookup().fit([example(text) for text in TRAIN])
    tables = []
    stage = lookup(lower=False)
    for _ in range(2):
        torch.manual_seed(5)
        stage.ready(learnt)
        tables.append(stage.table.weight.detach().clone())
    assert torch.equal(*tables)
    assert list(stage.state_dict()) == ["table.weight"]
    assert not tables[0][:2].any()


def test_a_copy_stands_alone() -> None:
    stage = lookup()
    assert stage.prepare(example("x dog"), "text")["pieces"].tolist() == [1, 2]
    other = copy.deepcopy(stage)
    other.ready({"strings": ["x"], "counts": [1]})
    assert stage.prepare(example("x dog"), "text")["pieces"].tolist() == [1, 2]
    assert other.prepare(example("x dog"), "text")["pieces"].tolist() == [2, 1]


def test_a_split_is_described_by_its_unknown_pieces() -> None:
    stage = lookup(lower=True, minimum=2)
    [train] = stage.describe((example(text) for text in TRAIN), "train")
    assert train.text == (
        "28.6% of the pieces (2 of 7) are unknown, 40.0% of the distinct ones: they are rarer than "
        "the vocabulary takes"
    )
    [dev] = stage.describe([example("The bird , the bird and cat")], "dev")
    assert dev.text == (
        "71.4% of the pieces (5 of 7) are unknown, 66.7% of the distinct ones; most often "
        "'bird' (2), ',' (1), 'and' (1), 'cat' (1)"
    )
    assert [train.level, dev.level] == ["note", "warning"]


def test_a_piece_of_100000_characters_is_not_remembered() -> None:
    stage = lookup(lower=True)
    assert stage.prepare(example("A" * 100_000), "text")["pieces"].tolist() == [1]
    assert not stage.numbers


def test_frames_are_refused() -> None:
    frames = Example({}, {"wave": Frames(np.zeros((3, 1), np.float32))})
    message = (
        "lookup: embeds pieces, but input 'wave' is frames. Name a field that holds text, or "
        "choose an embedder of frames."
    )
    with pytest.raises(DataError) as caught:
        lookup().prepare(frames, "wave")
    assert str(caught.value) == message
    with pytest.raises(DataError) as caught:
        lookup().fit([frames])
    assert str(caught.value) == message
