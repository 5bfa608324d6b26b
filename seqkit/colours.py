"""A scale of colours, for heat maps in a terminal and in pictures."""

from __future__ import annotations

from itertools import pairwise

VIRIDIS = (
    (68, 1, 84), (71, 45, 123), (59, 82, 139), (44, 114, 142), (33, 145, 140),
    (40, 174, 128), (94, 201, 98), (173, 220, 48), (253, 231, 37),
)  # fmt: skip
"""Nine points of a scale whose steps look alike (Smith & van der Walt 2015), dark to bright."""


def colours(at: float) -> tuple[str, str]:
    """The colour of a place from 0 to 1, and black or white, whichever can be read on it."""
    steps = list(pairwise(VIRIDIS))
    step = min(int(at * len(steps)), len(steps) - 1)
    share, (low, high) = at * len(steps) - step, steps[step]
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(low, high, strict=True))
    bright = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    ink = "#000000" if bright > 0.179 else "#ffffff"  # where both have the same contrast
    return f"#{red:02x}{green:02x}{blue:02x}", ink


def linear(channel: int) -> float:
    """The light of an sRGB channel of 0 to 255 (IEC 61966-2-1)."""
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
