"""Plain text: one row a line."""

from __future__ import annotations

from pathlib import Path

import seqkit_data


def test_every_line_is_a_row_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one \n\n two", "utf-8")
    assert list(seqkit_data.text().read("train", path)) == [
        {"text": "one ", "line": 1},
        {"text": "", "line": 2},
        {"text": " two", "line": 3},
    ]
