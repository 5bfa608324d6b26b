"""Characters and bytes as pieces, against a plain loop."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.stages import Example, Text, Upstream
from seqkit_text.tokenising import bytes_tokeniser, characters_tokeniser

ANY = st.text(st.characters(exclude_categories=[]), max_size=20)


Given = tuple[str, list[tuple[int, int]] | None]


@st.composite
def texts(draw: st.DrawFn) -> Given:
    """Any text, half of the time with words given: some of them empty, some over white space."""
    text = draw(ANY)
    if draw(st.booleans()):
        return text, None
    bounds = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return text, list(zip(bounds[::2], bounds[1::2], strict=False))


def plain(text: Text) -> list[tuple[int, int]]:
    """Each character in a word: where it stands, and its word."""
    if text.words is None:
        return [(place, place) for place in range(len(text.text))]
    return [
        (place, word) for word, (start, end) in enumerate(text.words) for place in range(start, end)
    ]


@given(texts())
def test_each_character_is_a_piece(case: Given) -> None:
    text = Text(*case)
    pieces = characters_tokeniser(Upstream(width=0)).prepare(text)
    assert list(zip(pieces.spans[:, 0].tolist(), pieces.words.tolist(), strict=True)) == plain(text)
    assert pieces.strings == [text.text[start:end] for start, end in pieces.spans]
    if text.words is None:
        assert pieces.word_spans.tolist() == pieces.spans.tolist()
    else:
        assert [tuple(span) for span in pieces.word_spans.tolist()] == text.words


@given(texts())
def test_white_space_can_be_left_out(case: Given) -> None:
    text = Text(*case)
    pieces = characters_tokeniser(Upstream(width=0), spaces=False).prepare(text)
    kept = [(place, word) for place, word in plain(text) if not text.text[place].isspace()]
    assert pieces.spans[:, 0].tolist() == [place for place, _ in kept]
    assert pieces.strings == [text.text[place] for place, _ in kept]
    if text.words is None:
        assert pieces.words.tolist() == list(range(len(kept)))
        assert pieces.word_spans.tolist() == pieces.spans.tolist()
    else:
        assert pieces.words.tolist() == [word for _, word in kept]
        assert len(pieces.word_spans) == len(text.words)


@given(texts())
def test_each_byte_is_a_piece_at_its_character(case: Given) -> None:
    text = Text(*case)
    tokeniser = bytes_tokeniser(Upstream(width=0))
    pieces = tokeniser.prepare(text)
    wanted = [
        (f"{byte:02x}", [place, place + 1], word)
        for place, word in plain(text)
        for byte in text.text[place].encode("utf-8", "surrogatepass")
    ]
    found: list[Any] = [pieces.strings, pieces.spans.tolist(), pieces.words.tolist()]
    assert list(zip(*found, strict=True)) == wanted


@given(st.text())
def test_pieces_join_to_the_text_again(text: str) -> None:
    for factory in (characters_tokeniser, bytes_tokeniser):
        tokeniser = factory(Upstream(width=0))
        assert tokeniser.text(tokeniser.prepare(Text(text)).strings) == text


@pytest.mark.parametrize(
    ("strings", "text"),
    [(["61", "ff", "62"], "a\ufffdb"), (["61", "no byte"], "a\ufffd"), (["c3"], "\ufffd")],
)
def test_bytes_that_are_no_text_are_replaced(strings: list[str], text: str) -> None:
    assert bytes_tokeniser(Upstream(width=0)).text(strings) == text


@pytest.mark.parametrize("tokeniser", [characters_tokeniser, bytes_tokeniser])
def test_a_split_is_described_by_how_many_pieces_a_word_has(tokeniser: Any) -> None:
    stage = tokeniser(Upstream(width=0))
    given = Text("the café", [(0, 3), (4, 8)])
    examples = [Example({}, {"text": stage.prepare(given)})]
    [finding] = stage.describe(examples, "dev")
    pieces = 3 + len("café" if tokeniser is characters_tokeniser else "café".encode())
    assert (finding.level, finding.text) == ("note", f"{pieces / 2:.2f} pieces a word")
    assert stage.describe([Example({}, {"text": stage.prepare(Text("the"))})], "dev") == []
    assert stage.describe([Example({}, {"text": stage.prepare(Text(""))})], "dev") == []
