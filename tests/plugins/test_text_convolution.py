"""The character_cnn embedder, against torch's convolutions over one word at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seqkit.errors import DataError
from seqkit.stages import Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit_text.character_embedding import character_cnn_embedder, character_cnn_rules
from seqkit_text.convolution import Convolution
from seqkit_text.spelling import Spelling

TRAIN = [["the", "cat", "hath", "the", "hat"]]


def convolution(**given: Any) -> Spelling:
    torch.manual_seed(1)
    chosen = {"width": 6, "kernels": [4, 1, 3], "character_width": 5, **given}
    stage = cast("Spelling", character_cnn_embedder(Upstream(width=0), **chosen))
    stage.ready(stage.fit([example(words) for words in TRAIN]))
    return stage.eval()


@cache
def through(highway: int) -> Spelling:
    """A stage for properties that are tried on many texts."""
    return convolution(highway=highway)


def embed(stage: Spelling, texts: Sequence[Sequence[str]]) -> Vectors:
    arrays = [stage.prepare(example(list(words)), "text") for words in texts]
    found: Vectors = stage(collate(arrays))
    return found


def one_by_one(stage: Spelling, word: str) -> Tensor:
    """Kim et al.'s equations for one word, with torch's convolution in fp64."""
    rows = [stage.alphabet.known.get(one, 1) for one in word]
    reader = cast("Convolution", stage.reader)
    vectors = torch.stack([reader.begin, *stage.table.weight[rows], reader.end]).double()
    found = []
    for bank in cast("list[nn.Conv1d]", list(reader.convolutions)):
        short = max(0, bank.kernel_size[0] - len(vectors))
        padded = nn.functional.pad(vectors, (0, 0, 0, short)).T
        bias = cast("Tensor", bank.bias).double()
        answers = nn.functional.conv1d(padded, bank.weight.double(), bias)
        found.append(torch.tanh(answers).amax(dim=1))
    values = torch.cat(found)
    for layer in cast("Any", reader.highways):
        hidden, gate = (layer.weights.weight.double() @ values + layer.weights.bias).chunk(2)
        gate = torch.sigmoid(gate)
        values = gate * torch.relu(hidden) + (1 - gate) * values
    return values


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.lists(st.text("thcxy", max_size=7), max_size=5), min_size=1, max_size=4),
    st.integers(0, 2),
)
def test_each_piece_gets_the_highest_answers_to_its_own_characters(
    texts: list[list[str]], highway: int
) -> None:
    stage = through(highway)
    found = embed(stage, texts)
    assert found.lengths.tolist() == [len(words) for words in texts]
    for row, words in enumerate(texts):
        for column in range(found.values.shape[1]):
            word = words[column] if column < len(words) else ""
            wanted = one_by_one(stage, word) if word else torch.zeros(6, dtype=torch.float64)
            value = found.values[row, column].double()
            torch.testing.assert_close(value, wanted, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kernels", [[9], [1], [2]])
def test_words_may_be_shorter_than_every_filter(kernels: list[int]) -> None:
    stage = convolution(kernels=kernels)
    found = embed(stage, [["a", "cat"]]).values[0].double()
    wanted = torch.stack([one_by_one(stage, word) for word in ("a", "cat")])
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)


def test_repeated_words_add_up_their_gradients() -> None:
    stage = convolution(highway=1)
    parameters = list(stage.parameters())
    weights = torch.randn(4, 6)
    found = embed(stage, [["the", "x", "the"], ["a"]])
    together = torch.autograd.grad((found.values[found.mask] * weights).sum(), parameters)
    alone = torch.stack([one_by_one(stage, word) for word in ["the", "x", "the", "a"]])
    one = torch.autograd.grad((alone * weights).sum(), parameters)
    for mine, wanted in zip(together, one, strict=True):
        torch.testing.assert_close(mine, wanted, atol=1e-5, rtol=1e-4)
        assert mine.abs().sum() > 0


def test_what_stands_in_padding_changes_nothing() -> None:
    stage = convolution()
    batch = dict(collate([stage.prepare(example(w), "text") for w in [["the", "cat"], ["a"]]]))
    clean = stage(batch).values
    batch["characters"][1, 0, 1:] = 3
    batch["characters"][1, 1] = 3
    batch["characters.lengths"][1, 1] = 2
    torch.testing.assert_close(stage(batch).values, clean)


def test_a_highway_lets_its_input_through_before_training() -> None:
    plain, gated = convolution(), convolution(highway=1)
    gated.load_state_dict(plain.state_dict(), strict=False)
    before, after = (embed(stage, [["the"]]).values.detach() for stage in (plain, gated))
    assert float((after - before).norm()) < 0.3 * float(before.norm())


def test_dropout_leaves_padding_zero() -> None:
    found = embed(convolution(dropout=0.5).train(), [["the", "cat"], ["hat"]])
    assert not found.values[~found.mask].any()
    assert (found.values[found.mask] == 0).any()


def test_texts_without_characters_are_refused_in_its_own_name() -> None:
    with pytest.raises(DataError) as caught:
        convolution().fit([example([""])])
    assert str(caught.value) == (
        "character_cnn: the training split has no character. Give it texts that are not empty."
    )


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"kernels": [3, 3]}, [("kernels", "has 3 more than once. Keep one of them")]),
        (
            {"width": 50},
            [
                (
                    "width",
                    "is 50, but each of the 3 kernels takes an equal share of it. "
                    "Use a multiple of 3, such as 51",
                )
            ],
        ),
    ],
)
def test_filters_are_shared_out_equally(
    changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert list(character_cnn_rules({"width": 60, "kernels": [2, 3, 4]} | changed)) == found


def test_a_split_is_described_by_its_unknown_characters() -> None:
    [found] = convolution().describe([example(["the", "xx"])], "dev")
    assert found.text == (
        "40.0% of the characters (2 of 5) are unknown, 25.0% of the distinct ones; "
        "most often 'x' (2)"
    )
