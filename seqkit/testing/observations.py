"""The promises of encoders that can be looked into."""

from __future__ import annotations

from typing import Any

import torch

from seqkit.abilities import Observed
from seqkit.stages import State, Vectors
from seqkit.testing.subject import Subject
from seqkit.testing.vectors import TOLERANCE, distance, noise


def check_observed(subject: Subject, stage: Any, whole: Vectors) -> None:
    """Observes a batch of rows of unlike lengths, one without a step among them, with a state too.

    The stage is in evaluation mode.
    """
    none = Vectors(whole.values[:, :0], torch.zeros_like(whole.lengths))
    with torch.inference_mode(), subject.doing("forward"):
        state = stage(whole).state if stage.causal else None
    check_pass(subject, stage, whole, None)
    check_pass(subject, stage, none, None)
    if state is not None:
        state = tuple(part.clone() for part in state)  # out of inference mode
        check_pass(subject, stage, whole, state)


def check_pass(subject: Subject, stage: Any, vectors: Vectors, state: State | None) -> None:
    """Holds one pass against forward's, and its numbers and probes to their forms."""
    with torch.inference_mode(), subject.doing("forward"):
        forward = stage(vectors, state)
    with subject.doing("observe"):
        found = stage.observe(vectors, state)
    form = isinstance(found, Observed)
    subject.hold(form, f"observe gives {type(found).__name__}, not Observed.")
    when = "" if state is None else ", from a state on"
    check_same(subject, forward, found.vectors, when)
    if not vectors.values.numel():
        return
    subject.hold(bool(found.series), "observe shows no part. Give series by part.")
    for part, series in found.series.items():
        subject.hold(bool(series), f"observe shows no number of '{part}'.")
        for name, numbers in series.items():
            check_series(subject, f"the series '{name}' of '{part}'", numbers, found.vectors)
    check_probes(subject, stage, found)


def check_same(subject: Subject, forward: Vectors, shown: Vectors, when: str) -> None:
    """Checks that values, lengths and state are forward's."""
    same = torch.equal(forward.lengths, shown.lengths)
    subject.hold(same, f"observe has other lengths than forward{when}.")
    gap = distance(forward.values, shown.values.detach())
    subject.hold(gap <= TOLERANCE, f"observe differs by {gap:.1g} from forward{when}.")
    states = (forward.state or (), shown.state or ())
    subject.hold(len(states[0]) == len(states[1]), f"observe has another state than forward{when}.")
    for one, other in zip(*states, strict=True):
        gap = distance(one, other.detach())
        told = f"observe ends in a state that differs by {gap:.1g} from forward's{when}."
        subject.hold(gap <= TOLERANCE, told)


def check_series(subject: Subject, what: str, numbers: Any, vectors: Vectors) -> None:
    """Checks the form of a number for each step."""
    wanted, shape = list(vectors.values.shape[:2]), list(getattr(numbers, "shape", ()))
    subject.hold(shape == wanted, f"{what} has the shape {shape}, not [batch time], {wanted}.")
    finite = bool(numbers[vectors.mask].isfinite().all())
    subject.hold(finite, f"{what} is not finite on a real step.")


def check_probes(subject: Subject, stage: Any, found: Observed) -> None:
    """Checks that gradients reach the probes, where they are, and only from steps that see them."""
    vectors, real = found.vectors, found.vectors.mask
    subject.hold(bool(found.probes), "observe gives no probe. Give one for each part.")
    for part, probe in found.probes.items():
        told, shape = f"the probe of '{part}'", list(probe.shape)
        wanted = list(real.shape)
        fits = len(shape) == 3 and shape[:2] == wanted
        subject.hold(fits, f"{told} has the shape {shape}, not [batch time width], {wanted}.")
        subject.hold(part in found.series, f"{told} has no series beside it.")
        subject.hold(not probe.any(), f"{told} is not zero.")
        subject.hold(probe.requires_grad and probe.is_leaf, f"{told} does not require grad.")
    if stage.causal and stage.stride == 1:
        for part, gradient in reaching(subject, found, vectors.values[:, :1]).items():
            late = gradient is not None and gradient[:, 1:].any()
            told = f"the probe of '{part}' at a later step changes an earlier one"
            subject.hold(not late, f"{told}. Give probes in the order of the text.")
    gradients = reaching(subject, found, vectors.values)
    for part, gradient in gradients.items():
        told = f"the probe of '{part}'"
        subject.hold(gradient is not None, f"no gradient reaches {told}. Add it to the state.")
        norms = gradient.norm(dim=2)
        subject.hold(bool(norms[real].isfinite().all()), f"the gradient of {told} is not finite.")
        reached = float((norms[real] > 0).float().mean()) > 0.5  # rectifiers may shut some steps
        subject.hold(reached, f"no gradient reaches {told} on most steps. Add it at each step.")
        subject.hold(not norms[~real].any(), f"{told} changes what comes out past a row's length.")


def reaching(subject: Subject, found: Observed, values: Any) -> dict[str, Any]:
    """The gradient of a random sum of values with respect to each probe."""
    subject.hold(values.requires_grad, "observe gives vectors without gradient. Detach nothing.")
    total, probes = (values * noise(values)).sum(), list(found.probes.values())
    with subject.doing("backward from what it observes"):
        gradients = torch.autograd.grad(total, probes, retain_graph=True, allow_unused=True)
    return dict(zip(found.probes, gradients, strict=True))
