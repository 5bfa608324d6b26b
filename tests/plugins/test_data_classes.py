"""Class numbers and their names, at any depth."""

from __future__ import annotations

from typing import Any

import pytest

from seqkit_data.classes import named

LABEL = {"_type": "ClassLabel", "names": ["O", "B"]}


@pytest.mark.parametrize(
    ("value", "feature", "expected"),
    [
        (1, LABEL, "B"),
        (-1, LABEL, None),
        (None, LABEL, None),
        ("B", LABEL, "B"),
        (1, {"_type": "Value", "dtype": "int64"}, 1),
        (1, None, 1),
        ([0, -1], {"_type": "List", "feature": LABEL}, ["O", None]),
        (
            [[0], [1]],
            {"_type": "List", "feature": {"_type": "List", "feature": LABEL}},
            [["O"], ["B"]],
        ),
        ([0, 1], [LABEL], ["O", "B"]),
        ({"tag": 0, "n": 0}, {"tag": LABEL, "n": {"_type": "Value"}}, {"tag": "O", "n": 0}),
        ([{"tag": 1}], {"_type": "List", "feature": {"tag": LABEL}}, [{"tag": "B"}]),
        ({"tag": [1, 0]}, {"_type": "Sequence", "feature": {"tag": LABEL}}, {"tag": ["B", "O"]}),
        (1, {"_type": "ClassLabel"}, 1),
        ({"tag": 1}, {"feature": "x"}, {"tag": 1}),
    ],
)
def test_class_numbers_become_names(value: Any, feature: Any, expected: Any) -> None:
    assert named(value, feature) == expected


def test_a_class_without_a_name_is_told() -> None:
    with pytest.raises(ValueError, match=r"^class 2 has no name: there are 2, from 0\.$"):
        named([2], {"feature": LABEL})
