"""Dev or test carved out of the training data, where a recipe says a share: `dev: 10%`.

Which side an example falls on depends on its input alone, by a hash: not on the seed, the order of
the file or the other examples. Examples with the same input always fall on the same side.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
MOST = 90.0
"""Percent of the training data that may be carved out of it, all in all."""


def shares(places: Mapping[str, Any]) -> dict[str, float]:
    """The splits that are carved out of train, with the percent that each one takes."""
    found = {}
    for split, place in places.items():
        match = SHARE.fullmatch(place) if isinstance(place, str) else None
        if match:
            found[split] = float(match.group(1))
    return found


def share_problem(places: Mapping[str, Any], split: str) -> str:
    """What is wrong with the share of one split, or nothing."""
    found = shares(places)
    if split not in found:
        return ""
    if split == "train":
        return "a share is taken from the training data, so it cannot be 'train' itself."
    total = sum(found.values())
    if not found[split] > 0 or total > MOST:
        return f"the shares come to {total:g}%. Leave at least {100 - MOST:g}% to train on."
    return ""


def side(given: Any, wanted: Mapping[str, float], default: Callable[[Any], Any]) -> str:
    """The split on whose side an example with this input falls: train, or one of `wanted`.

    default: makes JSON of what JSON does not know.
    """
    content = json.dumps(given, sort_keys=True, default=default).encode()
    number = int.from_bytes(blake2b(content, digest_size=8).digest(), "big") / 2**64
    for split in sorted(wanted):
        number -= wanted[split] / 100
        if number < 0:
            return split
    return "train"
