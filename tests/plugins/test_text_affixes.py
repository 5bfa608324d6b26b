"""The affixes embedder, against a table read by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit.stages import Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit_text.affixes import Affixes
from seqkit_text.embedding import affixes_embedder, affixes_rules

TRAIN = [["walking", "talking", "a"], ["Walks", "a", ""]]


def affixes(**given: Any) -> Affixes:
    chosen = {"prefixes": [1, 3], "suffixes": [3], "affix_width": 4, **given}
    stage = cast("Affixes", affixes_embedder(Upstream(width=0), **chosen))
    stage.ready(stage.fit([example(words) for words in TRAIN]))
    return stage.eval()


def embed(stage: Affixes, texts: Sequence[Sequence[str]]) -> Vectors:
    arrays = [stage.prepare(example(list(words)), "text") for words in texts]
    found: Vectors = stage(collate(arrays))
    return found


def test_each_end_of_a_piece_is_counted_for_itself() -> None:
    stage = affixes(minimum=1)
    assert stage.fit(iter([example(words) for words in TRAIN])) == {
        "affixes": [
            {"strings": ["a", "W", "t", "w"], "counts": [2, 1, 1, 1]},
            {"strings": ["a", "Wal", "tal", "wal"], "counts": [2, 1, 1, 1]},
            {"strings": ["a", "ing", "lks"], "counts": [2, 2, 1]},
        ]
    }


def test_lower_case_and_minimum_shape_what_is_known() -> None:
    learnt = affixes(lower=True, minimum=2).fit([example(words) for words in TRAIN])
    assert [found["strings"] for found in learnt["affixes"]] == [
        ["a", "w"],
        ["a", "wal"],
        ["a", "ing"],
    ]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.text("walkinget", max_size=6), max_size=4), min_size=1, max_size=3))
def test_a_vector_is_those_of_the_affixes_end_to_end(texts: list[list[str]]) -> None:
    stage = affixes(lower=True)
    with torch.no_grad():  # the unknown ones are zero before training
        stage.table.weight[1:4] = torch.arange(12.0).view(3, 4)
    learnt = stage.fit([example(words) for words in TRAIN])["affixes"]
    known = [string for found in learnt for string in found["strings"]]
    first = [0, len(learnt[0]["strings"]), len(known) - len(learnt[2]["strings"])]
    found = embed(stage, texts)
    assert stage.width == found.values.shape[2] == 12
    for row, words in enumerate(texts):
        for column in range(found.values.shape[1]):
            word = words[column] if column < len(words) else ""
            wanted = []
            for end, affix in enumerate([word[:1], word[:3], word[-3:]]):
                strings = learnt[end]["strings"]
                place = 4 + first[end] + strings.index(affix) if affix in strings else 1 + end
                wanted.append(stage.table.weight[place if word else 0])
            assert torch.equal(found.values[row, column], torch.cat(wanted))


def test_what_stands_in_padding_changes_nothing() -> None:
    stage = affixes()
    batch = dict(collate([stage.prepare(example(words), "text") for words in [["a", "b"], ["a"]]]))
    clean = stage(batch).values
    batch["affixes"][1, 1] = 4
    assert torch.equal(stage(batch).values, clean)


def test_unknown_affixes_of_each_end_are_learnt_apart() -> None:
    stage = affixes()
    [gradient] = torch.autograd.grad(embed(stage, [["xyz"]]).values.sum(), [stage.table.weight])
    assert gradient.sum(dim=1).tolist() == [0, 4, 4, 4] + [0] * (len(gradient) - 4)


def test_no_affix_that_is_frequent_enough_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        affixes(minimum=3)
    assert str(caught.value) == (
        "affixes: no 1-character prefix occurs 3 times in the training split; the most frequent, "
        "'a', occurs 2. Set 'minimum' lower."
    )


def test_a_split_is_described_by_its_unknown_affixes() -> None:
    stage = affixes()
    [found] = stage.describe([example(["a", "walking", "xing", "a"])], "dev")
    assert found.level == "note"
    assert found.text == (
        "unknown are 50.0% of 1-character prefixes, 50.0% of 3-character prefixes, "
        "0.0% of 3-character suffixes"
    )
    assert [each.level for each in stage.describe([example(["xyz"])], "dev")] == ["warning"]
    assert [each.level for each in stage.describe([], "dev")] == ["note"]


RULES = {"prefixes": [1], "suffixes": [], "dropout": 0.0, "locked": False}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        (
            {"prefixes": []},
            [
                (
                    "suffixes",
                    "is empty, and so is 'prefixes'. Give at least one length to one of them",
                )
            ],
        ),
        ({"suffixes": [2, 3, 2]}, [("suffixes", "has 2 more than once. Keep one of them")]),
        ({"locked": True}, [("locked", "has no effect without 'dropout'. Set 'dropout' above 0")]),
    ],
)
def test_rules_tell_what_makes_no_sense(
    changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert list(affixes_rules(RULES | changed)) == found
