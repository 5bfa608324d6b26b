"""Series without their level: logarithms, and differences to earlier steps (Box & Jenkins 1970)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32, Float64


def differenced(
    values: Float64[np.ndarray, "time channel"], lags: Sequence[int]
) -> Float64[np.ndarray, "time channel"]:
    """Differences at each lag, one after the other; zero in the steps that look before the first.

    Those are the first sum(lags) steps.
    """
    found = values
    for lag in lags:
        found = found[lag:] - found[:-lag]
    return np.concatenate([np.zeros_like(values[: len(values) - len(found)]), found])


def logarithms(
    values: Float32[np.ndarray, "time channel"], where: str
) -> Float64[np.ndarray, "time channel"]:
    """Natural logarithms. Raises DataError where a number has none."""
    if not (values > 0).all():
        step, channel = np.argwhere(values <= 0)[0].tolist()
        raise DataError(
            f"{where}: {values[step, channel]:g} at step {step + 1} of {len(values)}, channel "
            f"{channel + 1}, has no logarithm. Leave `log` out, or add a constant to the series."
        )
    return np.log(values.astype(np.float64))
