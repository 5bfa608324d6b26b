"""The embedder of recordings: log_mel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seqkit.settings import NonNegativeFloat, PositiveFloat, PositiveInt
from seqkit.stages import Embedder, Upstream


@dataclass(frozen=True)
class Masks:
    """How many stretches are masked while training, each of 0 to `longest` steps or filters."""

    count: PositiveInt
    longest: PositiveInt


def log_mel(
    upstream: Upstream,
    *,
    filters: PositiveInt = 40,
    window: PositiveFloat = 25.0,
    hop: PositiveFloat = 10.0,
    lowest: NonNegativeFloat = 20.0,
    highest: PositiveFloat | None = None,
    scale: Literal["htk", "slaney"] = "htk",
    floor: PositiveFloat = 1e-6,
    normalise: Literal["recording", "training", "none"] = "recording",
    deltas: Literal[0, 1, 2] = 0,
    time_masks: Masks | None = None,
    filter_masks: Masks | None = None,
) -> Embedder:
    """Log energies of a recording in bands of the mel scale, a step for each window.

    Samples under a periodic Hann window, the squared magnitudes of their Fourier transform (its
    size the next power of two), triangular filters, natural logarithm. The last window is filled up
    with zeros, so that no sample is lost and the shortest recording has a step.

    filters: how many bands.
    window: of a step, in milliseconds.
    hop: from one window to the next, in milliseconds.
    lowest: where the first band begins, in hertz.
    highest: where the last one ends, in hertz; by default half the rate.
    scale: of the bands: `htk` is 2595 log10(1 + f / 700) with triangles of height 1; `slaney` is
        linear below 1000 Hz, with triangles of equal area (as in librosa).
    floor: the energy below which nothing is heard; a sample is 1 at most.
    normalise: each band to mean 0 and deviation 1, of the recording or of all that training has.
    deltas: how many differences in time stand beside the bands: none, the first, the second too
        (the slope of a line through five steps).
    time_masks: stretches of steps that training sees as their mean (SpecAugment, Park et al. 2019),
        such as {count: 2, longest: 8}.
    filter_masks: stretches of bands, likewise.
    """
    del upstream
    from seqkit_speech.bands import Bands
    from seqkit_speech.listening import LogMel
    from seqkit_speech.masking import Masking

    bands = Bands(filters, window, hop, lowest, highest, scale, floor)
    return LogMel(bands, normalise, deltas, Masking(time_masks, filter_masks))


def log_mel_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses windows that leave samples out, and bands of nothing."""
    if settings["hop"] > settings["window"]:
        yield "hop", "is above 'window', so that samples between windows are lost. Lower it"
    if settings["highest"] is not None and settings["highest"] <= settings["lowest"]:
        yield "highest", f"is {settings['highest']:g} Hz, not above 'lowest'. Raise it"
    masks = settings["filter_masks"]
    if masks is not None and masks.longest >= settings["filters"]:
        yield "filter_masks", f"may hide all {settings['filters']} filters. Lower 'longest'"
