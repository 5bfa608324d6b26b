"""The mathematics of a linear chain (Lafferty, McCallum & Pereira 2001): sums over all paths.

A path gives each step of a row a label. Its score is the sum of the emissions of its labels, of the
weight of each pair of neighbours, and of the weights of its first and last label.

Sums over all paths run forward and backward in exp-space, rescaled at each step (Rabiner 1989).
Where a row's scores span more than the floating-point range, the batch is done again in log-space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import time_mask

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int


class Chain(NamedTuple):
    """The weights of labels that stand first, next to each other [from to], and last.

    What is forbidden weighs minus infinity. For each length there must be a path that is not.
    """

    first: Float[Tensor, " label"]
    pair: Float[Tensor, "label label"]
    last: Float[Tensor, " label"]


class Messages(NamedTuple):
    """What the paths before a step say of its labels, and what the paths from it on say of them.

    forward: the sum over the paths up to a step that end in a label, the step included. onward: the
    sum over the paths from a step on that begin with a label, the step included. Both up to a
    factor for each step and row; `logs` says whether they are logarithms. place: where each row of
    the batch stands in them.
    """

    forward: Float[Tensor, "time batch label"]
    onward: Float[Tensor, "time batch label"]
    place: Int[Tensor, " batch"]
    logs: bool

    def before(
        self, rows: Int[Tensor, " chosen"], steps: Int[Tensor, " chosen"]
    ) -> Float[Tensor, "chosen label"]:
        """The logarithms of the forward sums of some rows at some steps."""
        found = self.forward[steps, self.place[rows]]
        return found if self.logs else found.log()

    def after(
        self, rows: Int[Tensor, " chosen"], steps: Int[Tensor, " chosen"]
    ) -> Float[Tensor, "chosen label"]:
        """The logarithms of the onward sums of some rows at some steps."""
        found = self.onward[steps, self.place[rows]]
        return found if self.logs else found.log()


class Posterior(NamedTuple):
    """What all paths together say of a batch.

    log_partition: logarithm of the sum of exp(score) over all paths; 0 for a row without a step.
    marginals: probability of each label at each step, 0 past lengths. pairs: expected count of each
    pair of neighbours, summed over the batch.
    """

    log_partition: Float[Tensor, " batch"]
    marginals: Float[Tensor, "batch time label"]
    pairs: Float[Tensor, "label label"]
    messages: Messages


@torch.no_grad()
def posterior(
    emissions: Float[Tensor, "batch time label"], lengths: Int[Tensor, " batch"], chain: Chain
) -> Posterior:
    """Partition, marginals and expected pair counts of a batch, without a gradient."""
    with torch.autocast(emissions.device.type, enabled=False):
        shifted, level, tops = shift(emissions, chain)
        found = sums(shifted, lengths, level)
        mask = time_mask(lengths, emissions.shape[1])
        first, pair, last = tops
        back = torch.where(mask, emissions.amax(2), 0.0).sum(1) + (lengths - 1) * pair
        back = torch.where(lengths > 0, back + first + last, 0.0)
        return found._replace(log_partition=found.log_partition + back)


def shift(
    emissions: Float[Tensor, "batch time label"], chain: Chain
) -> tuple[Float[Tensor, "batch time label"], Chain, tuple[Tensor, Tensor, Tensor]]:
    """Scores shifted so that the greatest of each step, and of each weight, is 0; and the tops."""
    tops = (chain.first.max(), chain.pair.max(), chain.last.max())
    level = Chain(chain.first - tops[0], chain.pair - tops[1], chain.last - tops[2])
    return emissions - emissions.amax(2, keepdim=True), level, tops


def sums(
    emissions: Float[Tensor, "batch time label"], lengths: Int[Tensor, " batch"], chain: Chain
) -> Posterior:
    """The posterior of shifted scores; rows are put in the order of their lengths inside."""
    order = lengths.argsort(descending=True, stable=True)
    sorted_lengths = lengths[order]
    steps = np.arange(emissions.shape[1])
    active = (sorted_lengths.cpu().numpy() > steps[:, None]).sum(1).tolist()
    active = active[: max((t + 1 for t, rows in enumerate(active) if rows), default=0)]
    ordered = emissions[order].transpose(0, 1)
    found = scaled(ordered, sorted_lengths, active, chain)
    if found is None:
        found = in_log_space(
            ordered.double(), sorted_lengths, active, Chain(*(x.double() for x in chain))
        )
    back = order.argsort()
    return Posterior(
        found.log_partition[back].to(emissions),
        found.marginals.transpose(0, 1)[back].to(emissions),
        found.pairs.to(emissions),
        Messages(found.forward, found.onward, back, found.logs),
    )


class Sums(NamedTuple):
    """What `Posterior` and its `Messages` hold, rows in the order of their lengths."""

    log_partition: Float[Tensor, " batch"]
    marginals: Float[Tensor, "time batch label"]
    pairs: Float[Tensor, "label label"]
    forward: Float[Tensor, "time batch label"]
    onward: Float[Tensor, "time batch label"]
    logs: bool


def scaled(
    emissions: Float[Tensor, "time batch label"],
    lengths: Int[Tensor, " batch"],
    active: list[int],
    chain: Chain,
) -> Sums | None:
    """Rescaled forward and backward sums; None where the range of numbers is too small for them.

    active: how many rows are real at each step. A label whose forward sum is too small for a number
    counts as 0. That matters where its backward sum is so great that the product is not negligible:
    then the answer is None.
    """
    local = emissions.exp().contiguous()
    first, pair, last = (weight.exp() for weight in chain)
    forward, scale = run_forward(local, active, first, pair)
    final = local.new_ones(len(lengths))
    if active:
        rows = torch.arange(len(lengths), device=lengths.device)
        final = forward[(lengths - 1).clamp(min=0), rows] @ last
        final = torch.where(lengths > 0, final, 1.0)
    local /= scale.unsqueeze(2)
    backward, onward = run_backward(local, active, last / final.unsqueeze(1), pair)
    limits = torch.finfo(local.dtype)
    if active and not backward.amax().item() < limits.eps / 10 / limits.tiny:
        return None
    size = local.shape[2]
    pairs = pair * (forward[:-1].reshape(-1, size).t() @ onward[1:].reshape(-1, size))
    partition = scale.log().sum(0) + final.log()
    return Sums(partition, forward * backward, pairs, forward, onward, logs=False)


def run_forward(
    local: Float[Tensor, "time batch label"],
    active: list[int],
    first: Float[Tensor, " label"],
    pair: Float[Tensor, "label label"],
) -> tuple[Float[Tensor, "time batch label"], Float[Tensor, "time batch"]]:
    """Forward sums that add up to 1 at each step, and what each step was divided by."""
    forward = torch.zeros_like(local)
    scale = local.new_ones(local.shape[:2])
    steps = zip(forward.unbind(), local.unbind(), scale.unbind(), active, strict=False)
    before: Tensor | None = None
    for whole, here, size, rows in steps:
        now, divisor = whole[:rows], size[:rows]
        if before is None:
            torch.mul(first, here[:rows], out=now)
        else:
            torch.mm(before[:rows], pair, out=now)
            now.mul_(here[:rows])
        torch.sum(now, 1, out=divisor)
        now.div_(divisor.unsqueeze(1))
        before = now
    return forward, scale


def run_backward(
    local: Float[Tensor, "time batch label"],
    active: list[int],
    ending: Float[Tensor, "batch label"],
    pair: Float[Tensor, "label label"],
) -> tuple[Float[Tensor, "time batch label"], Float[Tensor, "time batch label"]]:
    """Backward sums on the scale of the forward ones, and the same times the local scores.

    local: divided by the scale. ending: the sums of rows at their last step.
    """
    backward, onward = torch.zeros_like(local), torch.zeros_like(local)
    flipped = pair.t().contiguous()
    steps = zip(backward.unbind(), onward.unbind(), local.unbind(), active, strict=False)
    after, later = 0, local
    for whole, following, here, rows in reversed(list(steps)):
        now = whole[:rows]
        if after:
            torch.mm(later, flipped, out=now[:after])
        now[after:] = ending[after:rows]
        later, after = following[:rows], rows
        torch.mul(now, here[:rows], out=later)
    return backward, onward


def in_log_space(
    emissions: Float[Tensor, "time batch label"],
    lengths: Int[Tensor, " batch"],
    active: list[int],
    chain: Chain,
) -> Sums:
    """What `scaled` gives, for scores of any size; slower, as each step takes label² logarithms."""
    forward, backward, onward = (torch.full_like(emissions, -torch.inf) for _ in range(3))
    for t, rows in enumerate(active):
        before = chain.first
        if t:
            before = (forward[t - 1, :rows].unsqueeze(2) + chain.pair).logsumexp(1)
        forward[t, :rows] = before + emissions[t, :rows]
    batch = torch.arange(len(lengths), device=lengths.device)
    ending = forward[(lengths - 1).clamp(min=0), batch] + chain.last
    log_partition = torch.where(lengths > 0, ending.logsumexp(1), 0.0)
    pairs = torch.zeros_like(chain.pair)
    after = 0
    for t in range(len(active) - 1, -1, -1):
        rows = active[t]
        if after:
            following = onward[t + 1, :after].unsqueeze(1) + chain.pair
            backward[t, :after] = following.logsumexp(2)
            joint = forward[t, :after].unsqueeze(2) + following
            pairs += (joint - log_partition[:after].view(-1, 1, 1)).exp().sum(0)
        backward[t, after:rows] = chain.last
        onward[t, :rows] = backward[t, :rows] + emissions[t, :rows]
        after = rows
    marginals = (forward + backward - log_partition.unsqueeze(1)).exp()
    return Sums(log_partition, marginals, pairs, forward, onward, logs=True)
