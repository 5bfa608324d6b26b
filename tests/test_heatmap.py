"""An inspection as a person sees it: columns, scales, colours that can be read, and none."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color
from rich.console import Console

import seqkit
from seqkit.abilities import Attended
from seqkit.colours import VIRIDIS
from seqkit.errors import ModelError
from seqkit.heatmap import blocks, cells, draw_attention, number, place, show_inspection, style
from seqkit.inspection import Inspection, Part

Command = Callable[..., tuple[int, str, str]]
COLOUR = re.compile(r"\x1b\[[0-9;]*(?:38|48);2;")


def shown(inspection: Inspection, width: int = 100, pieces: int = 40, **options: Any) -> str:
    file = io.StringIO()
    options = {"force_terminal": True, "color_system": "truecolor", **options}
    console = Console(file=file, width=width, highlight=False, **options)
    show_inspection(inspection, console, pieces)
    return file.getvalue()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]


def inspection(*parts: Part, loss: float | None = 0.5, against: str = "gold") -> Inspection:
    return Inspection({"tag": {"value": ["N", "V"]}}, loss, against, parts)


def part(name: str = "layer 1", pieces: tuple[str, ...] = ("the", "cat"), **given: Any) -> Part:
    series = {
        "input gate": (0.25, 0.5),
        "input gate open": (0.0, 1.0),
        "cell norm": (12.5, 0.75),
        "gradient": (3.1e-7, 0.02),
    }
    return Part("lstm", 1, "text", name, pieces, given.pop("series", series))


def test_a_part_is_a_table_of_pieces_and_measurements() -> None:
    assert lines(shown(inspection(part()))) == [
        "tag: ['N', 'V']",
        "loss 0.5 against gold",
        "",
        "lstm, layer 1",
        "             input",
        "      input   gate   cell",
        "       gate   open   norm  gradient",
        "the    0.25   0.00   12.5   3.1e-07",
        "cat    0.50   1.00  0.750    0.0200",
    ]


def test_columns_without_room_stand_in_a_table_below() -> None:
    found = lines(shown(inspection(part()), width=24))
    assert [line for line in found if line.startswith("the")] == [
        "the    0.25   0.00",
        "the    12.5   3.1e-07",
    ]
    assert max(map(len, found)) <= 24


@given(st.lists(st.integers(1, 30), max_size=9), st.integers(1, 60))
def test_every_column_is_shown_once_and_fits_where_it_can(widths: list[int], room: int) -> None:
    groups = blocks(widths, room)
    assert [at for group in groups for at in group] == list(range(len(widths)))
    assert all(len(group) == 1 or sum(widths[one] for one in group) <= room for group in groups)


def test_only_the_first_pieces_of_a_long_text_are_shown_and_it_says_so() -> None:
    long = part(pieces=tuple("abcdefgh"), series={"gate": (0.5,) * 8})
    found = lines(shown(inspection(long), pieces=3))
    assert [line[0] for line in found if line.endswith("0.50")] == ["a", "b", "c"]
    assert found[-1] == "the first 3 of 8 pieces; --pieces shows more"
    assert "pieces" not in lines(shown(inspection(long), pieces=8))[-1]


def test_pieces_are_shown_as_they_are_or_quoted() -> None:
    pieces = ("[bold]x", " ", "a\nb", "東京", "x" * 30, "")
    found = lines(shown(inspection(part(pieces=pieces, series={"gate": (0.5,) * 6}))))
    assert [line.split("  ")[0] for line in found[-6:]] == [
        "[bold]x", "' '", "'a\\nb'", "東京", "x" * 20 + "…", "''"
    ]  # fmt: skip


def test_parts_are_told_apart_by_encoder_and_input_where_there_are_several() -> None:
    chain = [Part("lstm", step, name, "layer 1", ("a",), {}) for step, name in ((1, "q"), (2, "p"))]
    found = lines(shown(inspection(*chain)))
    assert "lstm (encoder 1), q, layer 1" in found
    assert "lstm (encoder 2), p, layer 1" in found


def test_without_gradients_the_reason_is_shown() -> None:
    found = lines(shown(inspection(part(), loss=None, against="no gradients: [none].")))
    assert found[1] == "no gradients: [none]."
    assert lines(shown(inspection()))[-1] == "there is no piece to show"


def test_a_long_answer_takes_one_line() -> None:
    long = Inspection({"tag": {"value": ["N"] * 99}}, 0.5, "gold", ())
    assert lines(shown(long, width=30))[0].startswith("tag: ['N', 'N', ")
    assert len(lines(shown(long, width=30))[0]) == 30


def test_colour_is_for_terminals_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = shown(inspection(part()))
    assert len(COLOUR.findall(coloured)) >= 8
    plain = shown(inspection(part()), force_terminal=False, color_system="auto")
    assert "\x1b" not in plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(shown(inspection(part())))
    assert lines(coloured) == lines(plain) == lines(shown(inspection(part())))


def channels(colour: Color | None) -> tuple[int, ...]:
    """Red, green and blue, of which no number goes without."""
    assert colour is not None
    assert colour.triplet is not None
    return tuple(colour.triplet)


def luminance(colour: Color | None) -> float:
    """The relative luminance of WCAG 2.2."""
    light: list[float] = []
    for channel in channels(colour):
        share = channel / 255
        light.append(share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4)
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


@given(st.floats(0, 1))
def test_every_number_can_be_read_on_its_colour(at: float) -> None:
    found = style(at)
    dark, bright = sorted([luminance(found.color), luminance(found.bgcolor)])
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_the_scale_goes_from_dark_to_bright() -> None:
    lights = [luminance(style(at / 50).bgcolor) for at in range(51)]
    assert lights == sorted(lights)
    ends = [channels(style(at).bgcolor) for at in (0.0, 0.5, 1.0)]
    assert ends == [VIRIDIS[0], VIRIDIS[4], VIRIDIS[8]]


@pytest.mark.parametrize(
    ("name", "values", "places"),
    [
        ("gate", (0.25, 0.5), (0.25, 0.5)),
        ("norm", (1.0, 4.0), (0.25, 1.0)),
        ("bias", (-1.0, 1.0, 3.0), (0.0, 0.5, 1.0)),
        ("below", (-3.0, -1.0), (0.0, 1.0)),
        ("half-life", (1.0, 1e2, 1e4), (0.0, 0.5, 1.0)),
        ("half-life", (1.0, math.inf, math.nan), (1.0, 1.0, None)),
        ("gradient", (1e-3, 1.0, 0.0, math.nan), (0.0, 1.0, 0.0, None)),
        ("gradient", (1e-6, 1e-3, 1.0), (0.0, 0.5, 1.0)),
        ("gradient", (0.5, 0.5), (1.0, 1.0)),
        ("gradient", (0.0, 0.0), (0.0, 0.0)),
        ("empty", (), ()),
    ],
)
def test_each_column_has_a_scale_that_fits_it(
    name: str, values: tuple[float, ...], places: tuple[float | None, ...]
) -> None:
    found = [at for _, at in cells(name, values)]
    assert [at is None for at in found] == [at is None for at in places]
    assert [at or 0.0 for at in found] == pytest.approx([at or 0.0 for at in places])


@given(st.floats(), st.floats(-9, 9), st.floats(0, 9))
def test_a_place_is_on_the_scale(value: float, low: float, span: float) -> None:
    at = place(value, low, low + span)
    assert at is None or 0.0 <= at <= 1.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.0123, "0.0123"), (0.5, "0.500"), (12.34, "12.3"), (123.4, "123"),
        (999.9, "1.00e+03"), (1234.5, "1.2e+03"), (3.14e-7, "3.1e-07"), (-2.5, "-2.50"),
        (math.inf, "inf"), (math.nan, "nan"),
    ],
)  # fmt: skip
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_the_command_prints_a_table_without_colour_into_a_pipe(
    command: Command, trained: Path
) -> None:
    code, out, err = command("inspect", trained, "the big dog", "--pieces", 2)
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    found = lines(out)
    assert found[1].endswith("against the model's own answer")
    assert found[3] == "bilstm, layer 1 forward"
    assert [line.split()[0] for line in found if line.startswith(("the  ", "big  "))] == [
        "the", "big"
    ] * 2  # fmt: skip
    assert found[-1] == "the first 2 of 3 pieces; --pieces shows more"


def test_the_command_prints_json(command: Command, trained: Path) -> None:
    gold = ["D", "A", "N"]
    code, out, _ = command("inspect", trained, "the big dög", "--json", "--gold", json.dumps(gold))
    assert (code, out.count("\n")) == (0, 1)
    found = seqkit.load(trained).inspect("the big dög", gold=gold).plain()
    assert json.loads(out) == found
    assert "dög" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--gold", "D"],
            "--gold: not JSON (Expecting value: line 1 column 1 (char 0)). Give JSON: a text "
            "stands in double quotes.",
        ),
        (
            ["--gold", "[]"],
            "inspect: the gold does not fit: crf: 0 labels for 3 words ('the', 'big', 'dog'). Give "
            "one label a word, with a tokeniser that keeps the words as they are given.",
        ),
        (
            ["--pieces", "0"],
            "seqkit inspect: Invalid value for '--pieces': 0 is not in the range x>=1.",
        ),
    ],
)
def test_a_mistake_is_one_line(
    command: Command, trained: Path, words: list[str], line: str
) -> None:
    assert command("inspect", trained, "the big dog", *words) == (2, "", line + "\n")


def test_a_model_that_is_not_there_is_named(command: Command, tmp_path: Path) -> None:
    code, out, err = command("inspect", tmp_path / "no", "x")
    assert (code, out) == (2, "")
    assert err.endswith("no: no such folder. Name a run or a pipeline folder.\n")


ATTENDED = Attended(("ein", "Hund"), ("a", "dog", "a"), ((0.7, 0.1, 0.2), (0.05, 0.9, 0.05)))


def test_where_the_decoder_looked_stands_below() -> None:
    found = Inspection({"de": {"value": "ein Hund"}}, 0.5, "gold", (), ATTENDED)
    assert lines(shown(found))[-4:] == [
        "where the decoder looked",
        "          a   dog     a",
        "ein    0.70  0.10  0.20",
        "Hund   0.05  0.90  0.05",
    ]
    assert "no piece" not in shown(found)


def test_where_the_decoder_looked_is_drawn(tmp_path: Path) -> None:
    found = Inspection({"de": {"value": "ein Hund"}}, 0.5, "gold", (), ATTENDED)
    draw_attention(found, str(tmp_path / "seen.svg"))
    drawn = ElementTree.fromstring((tmp_path / "seen.svg").read_text())
    kinds = [one.tag.rpartition("}")[2] for one in drawn]
    assert kinds.count("rect") == 6
    assert [one.text for one in drawn if one.tag.endswith("text")] == [
        "a",
        "dog",
        "a",
        "ein",
        "Hund",
    ]


def test_a_decoder_that_does_not_show_where_it_looked_is_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="inspect: --svg draws where a decoder looked, but this one"
    ):
        draw_attention(inspection(part()), str(tmp_path / "seen.svg"))
    assert not list(tmp_path.iterdir())
