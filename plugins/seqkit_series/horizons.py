"""Golds and histories as arrays: the steps ahead of each example, and what was observed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.errors import DataError, nearest
from seqkit.inputs import input_name
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Frames

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64

LARGEST = float(np.finfo(np.float32).max)


def steps_ahead(gold: Any, where: str) -> Float64[np.ndarray, ...]:
    """A gold as [ahead], or [ahead target] where each step is a list of several targets.

    Raises DataError for anything else, and for what is not finite in single precision.
    """
    if gold is None:
        raise DataError(f"{where}: there is no gold. Name the field of what came after, `future`.")
    try:
        found = np.array(gold, np.float64)
    except (TypeError, ValueError):
        found = np.empty(())
    if found.ndim not in (1, 2) or not found.size:
        raise DataError(
            f"{where}: the gold is {shown(gold)}, but a forecast takes a list of numbers, one for "
            "each step ahead. Name another field under data.gold."
        )
    if not (np.abs(found) <= LARGEST).all():
        raise DataError(
            f"{where}: the gold is {shown(gold)}, in which a number is not finite in single "
            "precision. Mend it, or leave the example out."
        )
    return found


def same_form(form: Sequence[int], first: Sequence[int], where: str) -> None:
    """Raises DataError where a gold has another number of steps or targets than the first one."""
    if tuple(form) != tuple(first):
        raise DataError(
            f"{where}: the gold has {told(form)}, but training began with {told(first)}. "
            "Give every example the same."
        )


def told(form: Sequence[int]) -> str:
    """The form of a gold in words."""
    steps = f"{form[0]} step{'' if form[0] == 1 else 's'} ahead"
    return steps if len(form) == 1 else f"{steps} of {form[1]} targets"


def shown(value: Any, most: int = 60) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def observed(
    example: Example, over: str | None, targets: int, where: str
) -> Float64[np.ndarray, "time target"]:
    """The first channels of an example's series. Raises DataError where it has fewer, or none."""
    name = input_name("forecast", example.inputs, over)
    frames = example.inputs[name]
    if not isinstance(frames, Frames):
        raise DataError(
            f"{where}: input '{name}' is pieces of text, but a forecast is made of numbers. Name "
            "a field that holds a series under data.text."
        )
    channels = frames.values.shape[1]
    if channels < targets:
        raise DataError(
            f"{where}: input '{name}' has {channels} channels, but {targets} targets are forecast, "
            "which are the first channels. Give them all."
        )
    return frames.values[:, :targets].astype(np.float64)


def kept_fields(fields: Mapping[str, Any], keep: Sequence[str], where: str) -> None:
    """Raises DataError where a row lacks a field that answers are to repeat, or it is no scalar."""
    for name in keep:
        if name not in fields:
            raise DataError(f"{where}: keep: no field '{name}'. {nearest(name, fields)}")
        if not isinstance(fields[name], str | int | float):
            raise DataError(
                f"{where}: keep: the field '{name}' is {type(fields[name]).__name__}, but an "
                "answer repeats texts and numbers. Name another field."
            )


def naive_error(history: Float64[np.ndarray, "time target"], lag: int) -> list[float] | None:
    """The mean absolute change over a lag, by target: what MASE is in units of.

    None where the history is too short, or nothing changes (Hyndman & Koehler 2006).
    """
    if len(history) <= lag:
        return None
    found = np.abs(history[lag:] - history[:-lag]).mean(axis=0)
    return found.tolist() if (found > 0).all() else None
