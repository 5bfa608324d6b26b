"""The promises of encoders and joint encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from seqkit.abilities import Observable, Stepping
from seqkit.stages import Encoder, Example, Joint, Upstream, Vectors, time_mask
from seqkit.testing.observations import check_observed
from seqkit.testing.specimens import edges, embedded
from seqkit.testing.subject import Subject
from seqkit.testing.vectors import TOLERANCE, Outputs, Rows, check_vectors, distance


def check_encoder(subject: Subject, examples: Sequence[Example], upstream: Upstream) -> None:
    """Encodes the first input of examples."""
    name, every = next(iter(upstream.inputs)), [*examples, *edges(examples)]
    stage = subject.made()
    check_form(subject, stage, Encoder)

    def run(who: Any, rows: Sequence[int], keep: int) -> Any:
        return {"": who(taken(embedded(upstream, [every[row] for row in rows])[name], keep))}

    steps = [len(one.inputs[name]) for one in every]
    rows = Rows(subject, run, {"": steps}, stage.stride)
    check_vectors(rows, stage, subject.twin(stage, None), None)
    whole = embedded(upstream, every)[name]
    check_handed_on(subject, lambda inputs: {"": stage(inputs[""])}, {"": whole})
    if stage.causal:
        check_causal(subject, stage, whole)
        if isinstance(stage, Stepping):
            check_steps(subject, stage, whole)
    if isinstance(stage, Observable):
        check_observed(subject, stage, whole)


def check_joint(subject: Subject, examples: Sequence[Example], upstream: Upstream) -> None:
    """Encodes all inputs of examples at once."""
    every, stage = [*examples, *edges(examples)], subject.made()
    check_form(subject, stage, Joint)

    def run(who: Any, rows: Sequence[int], keep: int) -> Any:
        inputs = embedded(upstream, [every[row] for row in rows])
        found = who({name: taken(vectors, keep) for name, vectors in inputs.items()})
        given = list(found) if isinstance(found, Mapping) else type(found).__name__
        subject.hold(
            isinstance(found, Mapping) and set(found) == set(inputs),
            f"gives {given} for the inputs {list(inputs)}. Give vectors for each input.",
        )
        return found

    steps = {name: [len(one.inputs[name]) for one in every] for name in upstream.inputs}
    rows = Rows(subject, run, steps, stage.stride)
    check_vectors(rows, stage, subject.twin(stage, None), None)
    check_handed_on(subject, stage, embedded(upstream, every))


def taken(vectors: Vectors, keep: int) -> Vectors:
    """The first rows of a batch, as padded as they were."""
    return Vectors(vectors.values[:keep], vectors.lengths[:keep])


def check_form(subject: Subject, stage: Any, protocol: type) -> None:
    """Checks what an encoder says of itself."""
    subject.is_network(stage)
    subject.has(stage, protocol)
    subject.positive(stage, "width", "stride")
    subject.hold(isinstance(stage.causal, bool), f"causal is {stage.causal!r}, not true or false.")


def check_handed_on(subject: Subject, call: Callable[[Outputs], Outputs], inputs: Outputs) -> None:
    """Checks that the penalties of the stages before go on."""
    given = {
        name: replace(one, penalty=torch.tensor(float(number)))
        for number, (name, one) in enumerate(inputs.items(), 1)
    }
    with torch.inference_mode(), subject.doing("forward"):
        added = penalty(call(given)) - penalty(call(inputs))
    kept = abs(added - penalty(given)) < TOLERANCE
    subject.hold(kept, "the penalty of the stage before it is lost. Add it to its own.")


def penalty(outputs: Outputs) -> float:
    """The sum of all penalties."""
    return sum(0.0 if one.penalty is None else float(one.penalty) for one in outputs.values())


def check_causal(subject: Subject, stage: Any, whole: Vectors) -> None:
    """Checks that no step sees later ones, and that a carried state makes windows whole."""
    cut = min(2 * stage.stride, whole.values.shape[1])
    ahead = whole.lengths.clamp(max=cut)
    first = Vectors(whole.values[:, :cut] * time_mask(ahead, cut).unsqueeze(2), ahead)
    rest = (whole.lengths - cut).clamp(min=0)
    with torch.inference_mode(), subject.doing("forward of a window"):
        full, start = stage(whole), stage(first)
        end = stage(Vectors(whole.values[:, cut:], rest), start.state)
    lengths = start.lengths.tolist()
    for row, length in enumerate(lengths):
        gap = distance(full.values[row, :length], start.values[row, :length])
        subject.hold(gap <= TOLERANCE, "it says that it is causal, but a step sees later steps.")
    broken = "windows with carried state differ by {:.1g} from the whole sequence."
    if start.state is None:
        broken = (
            "a step depends on earlier ones (windows differ by {:.1g} from the whole sequence), "
            "but there is no state to carry on. Give one, or say that it is not causal."
        )
    for row, length in enumerate(lengths):
        last = int(end.lengths[row])
        joined = torch.cat([start.values[row, :length], end.values[row, :last]])
        gap = distance(full.values[row, : int(full.lengths[row])], joined)
        subject.hold(gap <= TOLERANCE, broken.format(gap))
    for one, other in zip(full.state or (), end.state or (), strict=True):
        gap = distance(one, other)
        subject.hold(
            gap <= TOLERANCE,
            f"the state after two windows differs by {gap:.1g} from that of the whole sequence. A "
            "row without a step keeps the state that it is given.",
        )


def check_steps(subject: Subject, stage: Any, whole: Vectors) -> None:
    """Checks that steps one by one give what forward gives."""
    rows = whole.lengths > 1
    values = whole.values[rows]
    lengths = whole.lengths[rows]
    with torch.inference_mode(), subject.doing("stepper"):
        full, state = (
            stage(Vectors(values, lengths)),
            stage(Vectors(values[:, :0], 0 * lengths)).state,
        )
        advance = stage.stepper()
        for step in range(int(lengths.min())):
            found, state = advance(values[:, step], state)
            gap = distance(full.values[:, step], found)
            subject.hold(
                gap <= TOLERANCE, f"what its stepper gives differs by {gap:.1g} from its forward."
            )
