"""One HTML page: it is well formed, needs nothing from elsewhere, and shows texts as they are."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from seqkit import page
from seqkit.abilities import Tabulation

EVIL = "<script>alert(\"x\")</script> & 'y'"
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """The text of a page, its tags, and whether they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.styles: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.styles += [value or "" for name, value in attrs if name == "style"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All text."""
        return "".join(self.words)


def test_a_page_is_well_formed_and_loads_nothing() -> None:
    parts = [page.heading(EVIL), page.paragraph(EVIL, quiet=True), page.preformatted(EVIL)]
    text = page.page(EVIL, parts)
    found = Reader(text)
    assert found.open == []
    assert found.text.count(EVIL) == 4
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    assert "http" not in text
    assert "@import" not in text
    assert text.startswith("<!doctype html>\n")


def test_a_table_sets_numbers_to_the_right_and_escapes_texts() -> None:
    table = Tabulation("t", (EVIL, "F1", "words"), ((EVIL, 12.345, 1234),))
    text = page.tabulation(table)
    found = Reader(text)
    assert found.open == []
    assert found.text.strip() == f"{EVIL}F1words\n{EVIL}12.351,234"
    assert text.count('class="number"') == 4


def test_an_empty_table_has_its_head() -> None:
    assert "<th>label</th>" in page.tabulation(Tabulation("t", ("label",), ()))


def test_of_many_rows_a_click_shows_the_rest() -> None:
    rows = tuple((f"label {n}", n) for n in range(30))
    text = page.tabulation(Tabulation("t", ("label", "words"), rows))
    shown, _, rest = text.partition("<details><summary>5 more</summary>")
    assert "label 24<" in shown
    assert "label 25<" in rest
    assert Reader(text).open == []


def test_a_matrix_is_coloured_by_the_share_of_its_row() -> None:
    rows = (("D", 8, 2), (EVIL, 0, 5))
    text = page.tabulation(Tabulation("t", ("gold", "D", EVIL), rows, "matrix"))
    found = Reader(text)
    assert found.open == []
    assert found.text.count(EVIL) == 2
    assert [style.split("; ")[0] for style in found.styles] == [
        "background: rgba(31, 78, 158, 0.72)",
        "background: rgba(200, 80, 20, 0.27)",
        "background: rgba(200, 80, 20, 0.00)",
        "background: rgba(31, 78, 158, 0.87)",
    ]


def test_a_matrix_of_nothing_has_no_colour() -> None:
    text = page.tabulation(Tabulation("t", ("gold", "D"), (("D", 0),), "matrix"))
    assert "0.00)" in text


@pytest.mark.parametrize(
    ("spans", "marked"),
    [
        ([], "one <two>"),
        ([[4, 9, "X"], [0, 3, "Y"]], "one Y <two> X"),
        ([[4, 99, "X"]], "one <two>"),
        ([[0, 5, "X"], [4, 9, "Y"]], "one < Xtwo>"),
    ],
)
def test_spans_are_marked_with_their_labels(spans: list[list[int | str]], marked: str) -> None:
    text = page.marked("one <two>", spans)
    assert Reader(text).text == marked
    assert Reader(text).open == []


def test_an_entry_is_lines_below_a_title() -> None:
    text = page.entry("a < b", ["<b>c</b>", "d"])
    assert Reader(text).text == "a < bcd"


def test_a_figure_may_have_a_caption() -> None:
    assert "figcaption" not in page.figure("<svg></svg>")
    assert "<figcaption>a &lt; b</figcaption>" in page.figure("<svg></svg>", "a < b")
