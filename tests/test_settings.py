"""The types that a recipe may set: their bounds, as pydantic sees them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from seqkit import settings
from seqkit.settings import Nested
from seqkit.stages import Upstream


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("PositiveInt", [1, 10**9], [0, -1, 0.5, "x", None]),
        ("NonNegativeInt", [0, 1], [-1, 0.5]),
        ("PositiveFloat", [1e-9, 3.0, 1], [0.0, -1.0, float("nan"), "x"]),
        ("NonNegativeFloat", [0.0, 1.0], [-1e-9, float("nan")]),
        ("Probability", [0.0, 0.5, 1.0], [-0.1, 1.1, float("nan")]),
        ("Dropout", [0.0, 0.99], [1.0, -0.1, float("nan")]),
        ("Name", ["x"], ["", 3]),
        ("DataFile", ["a/b.conllu"], ["", None]),
    ],
)
def test_a_type_takes_what_lies_inside_its_bounds(
    kind: str, good: list[Any], bad: list[Any]
) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(getattr(settings, kind))
    for value in good:
        assert adapter.validate_python(value) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


def test_whatever_builds_is_nested() -> None:
    class Built:
        def build(self, upstream: Upstream) -> int:
            return upstream.width

    nested: Nested[int] = Built()
    assert isinstance(nested, Nested)
    assert nested.build(Upstream(width=3)) == 3
    assert not isinstance(3, Nested)


def test_shapes_are_checked_in_the_tests() -> None:
    assert settings.CHECK_SHAPES
