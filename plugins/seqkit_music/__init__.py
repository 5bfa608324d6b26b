"""Polyphonic music: piano rolls and MIDI files, a decoder of the notes that come next."""

from __future__ import annotations

from typing import Literal

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Name
from seqkit.stages import Decoder, Metric, Upstream
from seqkit_music.sources import midi, midi_places, piano_rolls


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers sources, decoder and metrics."""
    register.source("piano_rolls", piano_rolls, files=True)
    register.source("midi", midi, files=midi_places)
    register.decoder("notes", notes)
    register.metric("step_nll", step_nll)
    register.metric("frame_accuracy", frame_accuracy)


def notes(upstream: Upstream, *, over: Name | None = None) -> Decoder:
    """Gives each of 88 piano keys a probability of sounding at the next step, on its own.

    The targets are the input's own next steps, frames of zeros and ones for the MIDI notes 21 to
    108, so that no gold is named. The loss is the binary cross-entropy in nats, its sum over the
    notes of a step, for the steps from the second to the last (Bai et al. 2018): the first has
    nothing before it and does not count. The encoder must be causal.

    over: the input whose notes are predicted, where there are several.
    """
    from seqkit_music.next_notes import NextNotes

    return NextNotes(upstream, over=over)


def step_nll(*, mean: Literal["steps", "pieces"] = "steps") -> Metric:
    """Negative log-likelihood of a step's notes given those before it, in nats; lower is better.

    mean: over all steps of the split, or over the steps of each piece first and then over pieces.
    """
    from seqkit_music.metrics import StepNll

    return StepNll(mean)


def frame_accuracy() -> Metric:
    """Right notes among those that sound or were expected, over all steps, in percent.

    It is the accuracy of Bay et al. (2009), equation 3: true positives by true positives, false
    positives and false negatives. A note is expected whose probability is above a half.
    """
    from seqkit_music.metrics import FrameAccuracy

    return FrameAccuracy()
