"""The promises of stages that make vectors: embedders, encoders and joint encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqkit.stages import Embedder, Encoder, Example, Joint, Upstream, Vectors, time_mask
from seqkit.table import collate
from seqkit.testing.specimens import shortened
from seqkit.testing.subject import Subject, same

TOLERANCE = 1e-5
Outputs = Mapping[str, Vectors]


@dataclass(frozen=True)
class Rows:
    """Rows that a stage can be run on, in any batch.

    run: the outputs of a stage for some rows, of which only the first few are kept in the batch.
    steps: of each row, by output.
    """

    subject: Subject
    run: Callable[[Any, Sequence[int], int], Any]
    steps: Mapping[str, Sequence[int]]
    stride: int = 1

    @property
    def sizes(self) -> list[int]:
        """The longest input of each row."""
        return [max(sizes) for sizes in zip(*self.steps.values(), strict=True)]

    def __call__(self, stage: Any, rows: Sequence[int], keep: int | None = None) -> Outputs:
        """The outputs of a batch."""
        sizes = [self.sizes[row] for row in rows]
        with self.subject.doing(f"forward of rows of {', '.join(map(str, sizes))} steps"):
            found = self.run(stage, rows, len(rows) if keep is None else keep)
        for out in found.values():
            form = isinstance(out, Vectors)
            self.subject.hold(form, f"forward gives {type(out).__name__}, not Vectors.")
        outputs: Outputs = found
        return outputs


def check_embedder(subject: Subject, examples: Sequence[Example], more: Sequence[Example]) -> None:
    """Fits on some examples, then embeds them and more."""
    learnt = subject.learn(examples)
    stage, every = subject.ready(learnt), [*examples, *more, *edges(examples)]
    subject.is_network(stage)
    subject.has(stage, Embedder)
    subject.positive(stage, "width")
    named = [(one, name) for one in every for name in one.inputs]
    steps = [len(one.inputs[name]) for one, name in named]

    def prepared(who: Any, seed: int | None = None) -> list[Any]:
        rngs = [None if seed is None else np.random.default_rng(seed) for _ in named]
        with subject.doing("prepare"):
            pairs = zip(named, rngs, strict=True)
            return [dict(who.prepare(one, name, rng)) for (one, name), rng in pairs]

    arrays, twin = prepared(stage), subject.twin(stage, learnt)
    subject.hold(bool(stage.along_time), "along_time is empty: name the arrays with a row a piece.")
    subject.arrays(arrays, stage.along_time, steps)
    subject.hold(same(arrays, prepared(stage)), "prepare gives other arrays the second time.")
    subject.hold(same(arrays, prepared(twin)), "prepare gives other arrays after loading.")
    if stage.samples:
        drawn = same(prepared(stage, 3), prepared(stage, 3))
        subject.hold(drawn, "prepare draws from another source than rng.")

    def run(who: Any, rows: Sequence[int], keep: int) -> Any:
        batch = collate([arrays[row] for row in rows])
        return {"": who({name: value[:keep] for name, value in batch.items()})}

    check_vectors(Rows(subject, run, {"": steps}), stage, twin, learnt)


def edges(examples: Sequence[Example]) -> list[Example]:
    """An empty example and one of a single step, made from the first that is long enough."""
    longest = max(examples, key=lambda one: min(map(len, one.inputs.values())))
    return [shortened(longest, 0), shortened(longest, 1)]


def embedded(upstream: Upstream, examples: Sequence[Example]) -> dict[str, Vectors]:
    """What reaches the stage behind the fronts: a batch of vectors for each input."""
    found = {}
    for name, front in upstream.inputs.items():
        batch = collate([front.embedder.prepare(one, name) for one in examples])
        embedder: Any = front.embedder
        found[name] = embedder(batch)
    return found


def taken(vectors: Vectors, keep: int) -> Vectors:
    """The first rows of a batch, as padded as they were."""
    return Vectors(vectors.values[:keep], vectors.lengths[:keep])


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


def check_form(subject: Subject, stage: Any, protocol: type) -> None:
    """Checks what an encoder says of itself."""
    subject.is_network(stage)
    subject.has(stage, protocol)
    subject.positive(stage, "width", "stride")
    subject.hold(isinstance(stage.causal, bool), f"causal is {stage.causal!r}, not true or false.")


def check_vectors(rows: Rows, stage: Any, twin: Any, learnt: Any) -> None:
    """Shapes, padding, neighbours, empty rows, loading, seeds, gradients."""
    subject, every = rows.subject, range(len(rows.sizes))
    full = [row for row in every if all(sizes[row] for sizes in rows.steps.values())]
    rest = [row for row in every if row not in full]
    empty = [row for row in rest if not rows.sizes[row]][:1]
    longest = max(full, key=lambda row: rows.sizes[row])
    stage.eval()
    with torch.inference_mode():
        check_shapes(rows, stage, full)
        alone = {row: rows(stage, [row]) for row in full}
        for row in full:
            padded = rows(stage, [row, longest], keep=1)
            compare(rows, alone[row], padded, row, 0, "when padding follows it")
        alone |= {row: rows(stage, [row]) for row in rest}
        for order in (full, full[::-1], [*rest, *full]):
            beside = rows(stage, order)
            for place, row in enumerate(order):
                compare(rows, alone[row], beside, row, place, "beside other rows")
        for batch in (list(every), empty, empty * 2):
            check_shapes(rows, stage, batch)
        loaded = rows(twin, full)
        for place, row in enumerate(full):
            compare(rows, alone[row], loaded, row, place, "after saving and loading")
    twins = [subject.ready(learnt, seed=5).train() for _ in range(2)]
    drawn = []
    for one in twins:
        torch.manual_seed(6)
        drawn.append(numbers(rows(one, full)))
    subject.hold(same(*drawn), "one seed gives two results. Draw from torch's generator alone.")
    total = sum((part.float() * noise(part)).sum() for part in numbers(rows(stage, full)))
    if isinstance(total, Tensor):
        subject.gradients(stage, total, "what it gives")


def numbers(outputs: Outputs) -> list[Tensor]:
    """All floating tensors of outputs."""
    every: list[Tensor] = []
    for one in outputs.values():
        every += [one.values, *(one.state or ()), *([] if one.penalty is None else [one.penalty])]
    return [tensor for tensor in every if tensor.is_floating_point()]


def noise(like: Tensor) -> Tensor:
    """Weights of a sum, so that no two parts of a gradient cancel."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(7))


def check_shapes(rows: Rows, stage: Any, batch: Sequence[int]) -> None:
    """Checks what comes out for a batch: forms, lengths, and zeros past them."""
    hold, width = rows.subject.hold, stage.width
    for name, out in rows(stage, batch).items():
        values, lengths = out.values, out.lengths
        shape = list(values.shape)
        fits = len(shape) == 3 and shape[0] == len(batch) and shape[2] == width
        wanted = f"[{len(batch)} time {width}]"
        hold(fits, f"values have the shape {shape}, not {wanted}: the width it says is {width}.")
        hold(values.dtype == torch.float32, f"values are of {values.dtype}, not torch.float32.")
        hold(bool(values.isfinite().all()), "a value is not finite.")
        whole = not lengths.is_floating_point() and lengths.shape == (len(batch),)
        hold(whole, "lengths are not one whole number a row.")
        for row, length in zip(batch, lengths.tolist(), strict=True):
            steps = rows.steps[name][row]
            least, most = steps // rows.stride, -(-steps // rows.stride)
            said = f"a row of {steps} steps comes out with the length {length}"
            hold(least <= length <= most, f"{said}, with a stride of {rows.stride}.")
            hold(length <= shape[1], f"{said}, but values have {shape[1]} steps.")
        past = values.masked_fill(time_mask(lengths, shape[1]).unsqueeze(2), 0.0)
        hold(not past.any(), "values past the lengths are not zero. Mask them.")
        for part in out.state or ():
            first = list(part.shape)[:1]
            hold(first == [len(batch)], f"a state's axis 0 is {first}, not batch, {len(batch)}.")
        scalar = out.penalty is None or out.penalty.ndim == 0
        hold(scalar, "the penalty is no scalar.")


def compare(rows: Rows, left: Outputs, right: Outputs, row: int, place: int, when: str) -> None:
    """Checks that a row alone (the only one on the left) and at a place on the right are equal."""
    for name, one in left.items():
        other, size = right[name], rows.steps[name][row]
        length = int(one.lengths[0])
        told = f"a row of {size} steps"
        kept = int(other.lengths[place]) == length
        rows.subject.hold(kept, f"{told} has another length {when}.")
        gap = distance(one.values[0, :length], other.values[place, :length])
        rows.subject.hold(gap <= TOLERANCE, f"{told} comes out different by {gap:.1g} {when}.")
        states = (one.state or (), other.state or ())
        rows.subject.hold(len(states[0]) == len(states[1]), f"{told} has another state {when}.")
        for before, after in zip(*states, strict=True):
            gap = distance(before[0], after[place])
            rows.subject.hold(
                gap <= TOLERANCE,
                f"{told} has a state that differs by {gap:.1g} {when}. Take the state after the "
                "row's last real step.",
            )


def distance(left: Tensor, right: Tensor) -> float:
    """The largest difference of two tensors, beside the larger of 1 and their size."""
    if left.shape != right.shape:
        return float("inf")
    if not left.numel():
        return 0.0
    left, right = left.double(), right.double()
    gap = float(((left - right).abs() / left.abs().clamp(min=1.0)).max())
    return gap if gap == gap else float("inf")


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
    cut = 2 * stage.stride
    ahead = whole.lengths.clamp(max=cut)
    first = Vectors(whole.values[:, :cut] * time_mask(ahead, cut).unsqueeze(2), ahead)
    rest = (whole.lengths - cut).clamp(min=0)
    with torch.inference_mode(), subject.doing("forward of a window"):
        full, start = stage(whole), stage(first)
        if start.state is not None:
            end = stage(Vectors(whole.values[:, cut:], rest), start.state)
    lengths = start.lengths.tolist()
    for row, length in enumerate(lengths):
        gap = distance(full.values[row, :length], start.values[row, :length])
        subject.hold(gap <= TOLERANCE, "it says that it is causal, but a step sees later steps.")
    if start.state is None:
        return
    broken = "windows with carried state differ by {:.1g} from the whole sequence."
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
