"""The characters embedder, against an LSTM that reads one word at a time."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seqkit.errors import DataError, PluginError
from seqkit.plugins import registry
from seqkit.stages import Example, Frames, Pieces, Text, Upstream, Vectors
from seqkit.table import collate
from seqkit_text.character_embedding import characters_embedder
from seqkit_text.spelling import LastState, Spelling

TRAIN = [["the", "cat", "hath", "the", "hat"]]


class OneByOne(nn.Module):
    """A bidirectional LSTM of torch that reads each row alone, so that it needs no padding."""

    stride, causal = 1, False

    def __init__(self, inputs: int, width: int = 8) -> None:
        super().__init__()
        self.width = width
        self.lstm = nn.LSTM(inputs, width // 2, bidirectional=True, batch_first=True)
        self.read = 0

    def forward(self, vectors: Vectors, state: object = None) -> Vectors:
        rows = zip(vectors.values, vectors.lengths.tolist(), strict=True)
        self.read += len(vectors.values)
        assert not vectors.values[~vectors.mask].any()
        states = [self.lstm(row[None, :length])[1][0].flatten() for row, length in rows]
        return Vectors(vectors.values, vectors.lengths, (torch.stack(states)[:, None],))


class Forgetful(OneByOne):
    """Keeps no state, or one of another width."""

    def forward(self, vectors: Vectors, state: object = None) -> Vectors:
        kept = None if self.width == 8 else (torch.zeros(len(vectors.values), 1, 8),)
        return Vectors(vectors.values, vectors.lengths, kept)


@dataclass(frozen=True)
class Given:
    """A nested encoder as a recipe's check hands it over."""

    kind: type[OneByOne]
    width: int = 8

    def build(self, upstream: Upstream) -> OneByOne:
        return self.kind(upstream.width, self.width)


def example(strings: Sequence[str]) -> Example:
    steps = np.arange(len(strings), dtype=np.int32)
    spans = np.zeros((len(strings), 2), np.int32)
    return Example({}, {"text": Pieces(Text(""), list(strings), spans, steps, spans)})


def spelled(**changed: Any) -> Spelling:
    stage = characters_embedder(Upstream(width=0), **{"encode": Given(OneByOne), **changed})
    stage.ready(stage.fit([example(words) for words in TRAIN]))
    return cast("Spelling", stage).eval()


def encoder_of(stage: Spelling) -> Any:
    return cast("LastState", stage.reader).encoder


def embed(stage: Spelling, texts: Sequence[Sequence[str]]) -> Vectors:
    found: Vectors = stage(collate([stage.prepare(example(words), "text") for words in texts]))
    return found


def test_characters_are_counted_over_pieces() -> None:
    stage = characters_embedder(Upstream(width=0), minimum=2)
    assert stage.fit([example(words) for words in TRAIN]) == {
        "strings": ["h", "t", "a", "e"],
        "counts": [5, 5, 3, 2],
    }


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.text("thxy", max_size=6), max_size=5), min_size=1, max_size=4))
def test_each_piece_gets_the_last_states_of_its_own_characters(texts: list[list[str]]) -> None:
    torch.manual_seed(1)
    stage = spelled()
    found = embed(stage, texts)
    encoder = encoder_of(stage)
    assert found.lengths.tolist() == [len(words) for words in texts]
    for row, words in enumerate(texts):
        for column in range(found.values.shape[1]):
            word = words[column] if column < len(words) else ""
            wanted = torch.zeros(8)
            if word:
                numbers = torch.tensor([stage.alphabet.known.get(one, 1) for one in word])
                wanted = encoder.lstm(stage.table(numbers)[None])[1][0].flatten()
            torch.testing.assert_close(found.values[row, column], wanted, atol=1e-6, rtol=1e-5)


def test_each_spelling_is_read_once() -> None:
    stage = spelled()
    embed(stage, [["the", "cat", "the", ""], ["cat", "xyz", "zyx"]])
    assert encoder_of(stage).read == 3  # xyz and zyx are both three unknowns


def test_repeated_words_add_up_their_gradients() -> None:
    stage = spelled()
    parameters = list(stage.parameters())
    weights = torch.randn(5, 8)
    found = embed(stage, [["the", "hat", "the"], ["a", "the"]])
    together = torch.autograd.grad((found.values[found.mask] * weights).sum(), parameters)
    words = ["the", "hat", "the", "a", "the"]
    alone = torch.stack([embed(stage, [[word]]).values[0, 0] for word in words])
    one_by_one = torch.autograd.grad((alone * weights).sum(), parameters)
    for mine, wanted in zip(together, one_by_one, strict=True):
        torch.testing.assert_close(mine, wanted, atol=1e-5, rtol=1e-4)
        assert mine.abs().sum() > 0


def test_what_stands_in_padding_changes_nothing() -> None:
    stage = spelled()
    arrays = [stage.prepare(example(words), "text") for words in [["the", "cat"], ["a"]]]
    batch = dict(collate(arrays))
    clean = stage(batch).values
    batch["characters"][1, 0, 1:] = 3
    batch["characters"][1, 1] = 3
    batch["characters.lengths"][1, 1] = 2
    batch["forms"][1, 1] = batch["forms"][0, 0]
    torch.testing.assert_close(stage(batch).values, clean)


@pytest.mark.parametrize("texts", [[[]], [[], []], [[""]], [["", ""], []]])
def test_a_batch_of_no_characters_is_zero(texts: list[list[str]]) -> None:
    found = embed(spelled(), texts)
    assert found.values.shape == (len(texts), max(map(len, texts)), 8)
    assert not found.values.any()


def test_head_and_tail_of_a_long_piece_are_read() -> None:
    stage = spelled(longest=5)
    long = "hea" + "x" * 99_994 + "cat"
    arrays = stage.prepare(example([long, "heaat", "hat"]), "text")
    assert arrays["characters.offsets"].tolist() == [0, 5, 10, 13]
    assert arrays["forms"][0] == arrays["forms"][1] != arrays["forms"][2]
    assert spelled(longest=1).prepare(example([long]), "text")["characters.offsets"][-1] == 1


def test_forms_are_the_same_in_every_process() -> None:
    forms = spelled().prepare(example(["the", ""]), "text")["forms"]
    assert forms.dtype == np.int64
    spelt = [struct.pack("<3i", 3, 2, 5), b""]  # t, h and e are the second, first and fourth
    hashes = [blake2b(one, digest_size=8).digest() for one in spelt]
    assert forms.tolist() == [int.from_bytes(one, "big") >> 1 for one in hashes]


def test_dropout_leaves_padding_zero() -> None:
    torch.manual_seed(1)
    found = embed(spelled(dropout=0.5).train(), [["the", "cat"], ["hat"]])
    assert not found.values[~found.mask].any()
    assert (found.values[found.mask] == 0).any()


@pytest.mark.parametrize(("width", "wanted"), [(None, 50), (6, 6)])
def test_bilstm_reads_by_default(width: int | None, wanted: int) -> None:
    stage = spelled(encode=None, width=width)
    assert isinstance(
        encoder_of(stage),
        type(registry().find("encoder", "bilstm").factory(Upstream(2))),
    )
    assert stage.width == wanted
    alone = embed(stage, [["hat"]]).values[0, 0]
    words = [["x" * length] for length in range(1, 30)]
    among = embed(stage, [*words, ["the", "hat", "hath", "a"]]).values[-1, 1]
    torch.testing.assert_close(among, alone, atol=1e-5, rtol=1e-5)


def test_ready_allocates_the_same_again() -> None:
    stage = spelled()
    learnt = stage.fit([example(words) for words in TRAIN])
    tables = []
    for _ in range(2):
        torch.manual_seed(5)
        stage.ready(learnt)
        tables.append(stage.table.weight.detach().clone())
    assert torch.equal(*tables)


def test_ready_forgets_the_spellings_of_another_alphabet() -> None:
    stage = spelled()
    assert stage.prepare(example(["xh"]), "text")["characters"].tolist() == [1, 2]
    stage.ready({"strings": ["x"], "counts": [1]})
    assert stage.prepare(example(["xh"]), "text")["characters"].tolist() == [2, 1]


def test_a_split_is_described_by_its_unknown_characters() -> None:
    [found] = spelled().describe([example(["the", "hat"])], "train")
    assert found.text == "none of the characters is unknown"
    [found] = spelled(minimum=5).describe([example(["the", "cat"])], "test")
    assert found.text == (
        "50.0% of the characters (3 of 6) are unknown, 60.0% of the distinct ones; most often "
        "'a' (1), 'c' (1), 'e' (1)"
    )


@pytest.mark.parametrize(
    ("width", "message"),
    [
        (
            8,
            "characters: encoder Forgetful keeps no state after the last character. "
            "Choose a recurrent one, such as bilstm.",
        ),
        (
            6,
            "characters: encoder Forgetful is 6 wide, but its state is (1, 1, 8), not "
            "[batch, layer, 6]. Choose another one.",
        ),
    ],
)
def test_an_encoder_without_a_fit_state_is_refused(width: int, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        embed(spelled(encode=Given(Forgetful, width)), [["the"]])
    assert str(caught.value) == message


def test_frames_and_texts_without_characters_are_refused() -> None:
    stage = spelled()
    with pytest.raises(DataError) as caught:
        stage.prepare(Example({}, {"wave": Frames(np.zeros((3, 1), np.float32))}), "wave")
    assert str(caught.value) == (
        "characters: embeds pieces, but input 'wave' is frames. Name a field that holds text, or "
        "choose an embedder of frames."
    )
    with pytest.raises(DataError) as caught:
        stage.fit([example([""])])
    assert str(caught.value) == (
        "characters: the training split has no character. Give it texts that are not empty."
    )
