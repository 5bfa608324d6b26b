"""JSON lines: one object a line (jsonlines.org)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, final

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data.lines import named_file, read_lines, repeated, some

KINDS = {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}


@final
class JsonLines:
    """Reads one row a line. Raises DataError that names the file and the line."""

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the objects of a file, one at a time; blank lines are skipped."""
        path = named_file(split, place)
        return some(path, read_objects(path))


def read_objects(path: Path) -> Iterator[Row]:
    """Yields the objects of a file."""
    for number, line in read_lines(path):
        if line.isspace() or not line:
            continue
        try:
            row = DECODER.decode(line)
        except json.JSONDecodeError as error:
            wrong = f"not JSON: {error.msg} at character {error.colno}"
            raise DataError(f"{path}:{number}: {wrong}. Write one JSON object a line.") from None
        except RecursionError:
            raise DataError(f"{path}:{number}: nested too deeply. Flatten the object.") from None
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        if not isinstance(row, dict):
            kind = KINDS.get(type(row), "a number")
            raise DataError(
                f"{path}:{number}: {kind}, expected an object. Write one JSON object a line."
            )
        yield row


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises ValueError where it has one key twice: JSON would keep the last alone."""
    row = dict(pairs)
    if len(row) != len(pairs):
        twice = repeated(name for name, _ in pairs)
        raise ValueError(f"two keys are called '{twice}'. Rename one of them.")
    return row


def whole(number: str) -> int:
    """A whole number. Raises ValueError where it takes more than 64 bits, as no table holds it."""
    value = int(number) if len(number) <= 20 else 2**63
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"the number {number[:20]} is too long. Write it in quotes, as a text.")
    return value


def finite(number: str) -> float:
    """A number with a fraction or an exponent. Raises ValueError where it overflows."""
    value = float(number)
    return value if math.isfinite(value) else refuse(number)


def refuse(number: str) -> NoReturn:
    """Raises ValueError for NaN, Infinity and numbers that overflow to it."""
    raise ValueError(f"the number {number[:20]} is not finite. Use null for a missing number.")


DECODER = json.JSONDecoder(
    object_pairs_hook=unique_keys, parse_int=whole, parse_float=finite, parse_constant=refuse
)
"""Reads JSON; what a table cannot hold, and keys that stand twice, are ValueErrors."""
