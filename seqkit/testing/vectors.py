"""What all stages that make vectors promise: forms, padding, neighbours, loading, seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqkit.stages import Vectors, time_mask
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
