"""Encoders that show another pass than their own, or numbers and probes of another form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, final

import pytest
import torch
from torch import Tensor, nn

from seqkit.abilities import Observed as Seen
from seqkit.settings import PositiveInt
from seqkit.stages import Encoder, Upstream, Vectors
from seqkit.testing import check_stage

Broken = Callable[..., str]
State = tuple[Tensor, ...] | None


@final
class Elman(nn.Module):
    stride: int = 1
    causal: bool = True

    def __init__(self, inputs: int, width: int, flaw: str) -> None:
        super().__init__()
        self.width, self.flaw, self.cell = width, flaw, nn.RNNCell(inputs, width)

    def forward(self, vectors: Vectors, state: State = None) -> Vectors:
        shape = (*vectors.values.shape[:2], self.width)
        return self.read(vectors, state, vectors.values.new_zeros(shape))

    def read(self, vectors: Vectors, state: State, probe: Tensor) -> Vectors:
        rows = len(vectors.values)
        hidden = state[0] if state is not None else vectors.values.new_zeros(rows, self.width)
        steps = [hidden.new_zeros(rows, 0, self.width)]
        for step, real in enumerate(vectors.mask.unbind(1)):
            kept = real.unsqueeze(1)
            new = self.cell(vectors.values[:, step], hidden) + probe[:, step]
            hidden = torch.where(kept, new, hidden)
            steps.append((hidden * kept).unsqueeze(1))
        return replace(vectors, values=torch.cat(steps, 1), state=(hidden,))

    def observe(self, vectors: Vectors, state: State = None) -> Any:
        flaw, shape = self.flaw, (*vectors.values.shape[:2], self.width)
        if flaw == "needs rows":
            vectors.values[:, 0]
        probe = torch.zeros(shape, requires_grad=flaw != "no gradient asked")
        if flaw == "not zero":
            probe = torch.ones(shape, requires_grad=True)
        used = torch.zeros(shape) if flaw == "unused" else probe
        used = used - used.detach() if flaw == "not zero" else used
        used = used.flip(1) if flaw == "backwards" else used
        used = used * (torch.arange(shape[1]) == 0).view(1, -1, 1) if flaw == "once" else used
        found = self.read(vectors, None if flaw == "forgets" else state, used)
        values, (hidden,) = found.values, found.state or ()
        if flaw == "differs":
            values = values * (1 + 1e-3)
        if flaw == "reads on":
            values = values + 1e-9 * (probe - probe.detach())
        if flaw == "detached":
            values = values.detach()
        found = replace(found, values=values)
        if flaw == "other state":
            found = replace(found, state=(hidden + 0.1,))
        if flaw == "no state":
            found = replace(found, state=None)
        if flaw == "other lengths":
            found = replace(found, lengths=found.lengths + 1)
        numbers = values.norm(dim=2).where(vectors.mask, torch.nan)  # padding means nothing
        numbers = numbers / 0 if flaw == "not finite" else numbers
        series: dict[str, Any] = {"cell": {} if flaw == "no number" else {"norm": numbers}}
        series = {} if flaw == "no part" else series
        probes = {"gate" if flaw == "another part" else "cell": probe}
        seen = Seen(found, series, {} if flaw == "no probe" else probes)
        if flaw == "time first":  # as it is where no shapes are checked
            object.__setattr__(seen, "series", {"cell": {"norm": numbers.T}})
        if flaw == "width first":
            object.__setattr__(seen, "probes", {"cell": probe.mT})
        return found if flaw == "vectors" else seen


def elman(upstream: Upstream, *, width: PositiveInt = 5, flaw: str = "") -> Encoder:
    """A simple recurrent network that can be looked into."""
    return Elman(upstream.width, width, flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("vectors", "observe gives Vectors, not Observed."),
        ("needs rows", "observe raises IndexError"),
        ("differs", "observe differs by 0.00"),
        ("forgets", "from forward, from a state on."),
        ("other state", "observe ends in a state that differs by 0.1 from forward's."),
        ("no state", "observe has another state than forward."),
        ("other lengths", "observe has other lengths than forward."),
        ("no part", "observe shows no part. Give series by part."),
        ("no number", "observe shows no number of 'cell'."),
        ("time first", "the series 'norm' of 'cell' has the shape ["),
        ("not finite", "the series 'norm' of 'cell' is not finite on a real step."),
        ("no probe", "observe gives no probe. Give one for each part."),
        ("another part", "the probe of 'gate' has no series beside it."),
        ("width first", "the probe of 'cell' has the shape ["),
        ("not zero", "the probe of 'cell' is not zero."),
        ("no gradient asked", "the probe of 'cell' does not require grad."),
        ("detached", "observe gives vectors without gradient. Detach nothing."),
        ("unused", "no gradient reaches the probe of 'cell'. Add it to the state."),
        ("once", "no gradient reaches the probe of 'cell' on most steps."),
        ("reads on", "the probe of 'cell' changes what comes out past a row's length."),
        ("backwards", "the probe of 'cell' at a later step changes an earlier one."),
    ],
)
def test_a_broken_look_into_an_encoder_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(elman, flaw)


def test_an_encoder_that_can_be_looked_into_passes() -> None:
    check_stage(elman)
    check_stage(elman, settings={"width": 3})
