"""Numbers in, numbers out: a source and the embedder of frames, regression, and its metrics."""

from __future__ import annotations

from typing import Literal

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Name, PositiveFloat
from seqkit.stages import Decoder, Embedder, Metric, Upstream
from seqkit_frames.reading import matlab, matlab_rules


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers matlab, frames, regression, squared_error and within."""
    register.source("matlab", matlab, rules=matlab_rules, files=True)
    register.embedder("frames", frames)
    register.decoder("regression", regression)
    register.metric("squared_error", squared_error)
    register.metric("within", within)


def frames(upstream: Upstream, *, scale: bool = False) -> Embedder:
    """Takes the numbers of a series as its vectors, one number a channel; nothing is trained.

    scale: standardises each channel by its mean and deviation in the training split.
    """
    del upstream
    from seqkit_frames.channels import Channels

    return Channels(scale)


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
