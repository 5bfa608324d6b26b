"""Numbers in, numbers out: frames and where they are read, regression, metrics for numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Name, PositiveFloat, PositiveInt
from seqkit.stages import Decoder, Embedder, Metric, Upstream
from seqkit_frames.reading import matlab, matlab_rules
from seqkit_frames.tables import npy, npy_files, npy_rules

NONE: list[PositiveInt] = []


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers matlab, npy, frames, regression, squared_error and within."""
    register.source("matlab", matlab, rules=matlab_rules, files=True)
    register.source("npy", npy, rules=npy_rules, files=npy_files)
    register.embedder("frames", frames, rules=frames_rules)
    register.decoder("regression", regression)
    register.metric("squared_error", squared_error)
    register.metric("within", within)


def frames(
    upstream: Upstream,
    *,
    scale: bool = False,
    log: bool = False,
    differences: list[PositiveInt] = NONE,
    first: PositiveInt | None = None,
) -> Embedder:
    """Takes the numbers of a series as its vectors, one number a channel; nothing is trained.

    scale: standardises each channel by its mean and deviation in the training split; what `log` and
        `differences` make, where these are set.
    log: takes logarithms.
    differences: lags at which differences are taken, one after the other: [1, 12] takes what a
        month changed, less what the same month of the year before did. The steps that would look
        before the first are 0.
    first: how many of the first channels `log` and `differences` are for; by default all.
    """
    del upstream
    from seqkit_frames.channels import Channels

    return Channels(scale, log, differences, first)


def frames_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """No setting without an effect."""
    if settings["first"] is not None and not (settings["log"] or settings["differences"]):
        yield "first", "has no effect without 'log' or 'differences'. Remove it"


def regression(
    upstream: Upstream,
    *,
    pool: Literal["last", "max", "mean"] = "last",
    over: Name | None = None,
) -> Decoder:
    """Gives a whole text or series one number, or a list of numbers whose size is fixed.

    Gold is a number, or a list of as many numbers each time. The loss is the squared error.

    pool: the encoder's last state, or the greatest or the mean value of all steps.
    over: the input that is read, where there are several.
    """
    from seqkit_frames.regressor import Regressor

    return Regressor(upstream, pool=pool, over=over)


def squared_error() -> Metric:
    """Mean squared error of numbers; over all numbers of a list first, then over examples."""
    from seqkit_frames.metrics import SquaredError

    return SquaredError()


def within(*, tolerance: PositiveFloat = 0.04) -> Metric:
    """Share of answers that are near enough to gold in every number, in percent.

    tolerance: the largest absolute error of a number that still counts as right.
    """
    from seqkit_frames.metrics import Within

    return Within(tolerance)
