"""What a chain makes of a batch at a temperature: probabilities of words, of spans, of whole paths.

The probability of a span is that exactly these words have it, and with this label: the sum over
all paths on which its first word's tag does not go on with the one before, each further word's
does, and the tag after its last word does not. What goes on with what is the reading of
`schemes.spans`, so that this holds for every scheme, whether or not the others are forbidden.

Given all paths, tags are a Markov chain: the probability of a tag given the next one is forward sum
times pair weight, over all tags before, and given the one before it is pair weight times onward
sum, over all tags after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES
from seqkit_labels.chain import Chain, Posterior, posterior
from seqkit_labels.schemes import OUTSIDE, Span, goes_on, parts

if TYPE_CHECKING or CHECK_SHAPES:
    import numpy as np
    from jaxtyping import Float, Int


class Beliefs(NamedTuple):
    """What all paths together say of a batch. chain: its weights, divided by the temperature."""

    lengths: Int[Tensor, " batch"]
    chain: Chain
    posterior: Posterior

    def of_words(self, paths: Int[np.ndarray, "batch word"]) -> Float[np.ndarray, "batch word"]:
        """The marginal probability of each label of a path for each row."""
        along = torch.from_numpy(paths).to(self.lengths.device).unsqueeze(2)
        return self.posterior.marginals.gather(2, along).squeeze(2).cpu().numpy()

    @torch.no_grad()
    def of_spans(self, found: Sequence[Sequence[Span]], how: Reading) -> list[list[float]]:
        """The probability of each of the spans that were found in the rows."""
        listed = [
            (row, start, end, how.kinds[label])
            for row, spans in enumerate(found)
            for start, end, label in spans
        ]
        if not listed:
            return [[] for _ in found]
        device = self.lengths.device
        row, start, end, kind = torch.tensor(listed, device=device).unbind(1)
        sums = self.begun(row, start, kind, how.to(device))
        sums = self.gone_on(sums, row, start, end, kind, how.to(device))
        flat = iter(sums.sum(1).clamp(max=1).tolist())
        return [[next(flat) for _ in spans] for spans in found]

    def begun(
        self,
        row: Int[Tensor, " span"],
        start: Int[Tensor, " span"],
        kind: Int[Tensor, " span"],
        how: Reading,
    ) -> Float[Tensor, "span tag"]:
        """The probability that a span begins with each of its tags."""
        tags = how.tags[kind]
        sums = self.posterior.marginals[row.unsqueeze(1), start.unsqueeze(1), tags] * how.real[kind]
        inside = start > 0
        before = self.posterior.messages.before(row[inside], start[inside] - 1)
        here = tags[inside]
        others = shares(before, self.chain.pair.t()[here]) * (1 - how.onward.t()[here])
        sums[inside] *= others.sum(2)
        return sums

    def gone_on(
        self,
        sums: Float[Tensor, "span tag"],
        row: Int[Tensor, " span"],
        start: Int[Tensor, " span"],
        end: Int[Tensor, " span"],
        kind: Int[Tensor, " span"],
        how: Reading,
    ) -> Float[Tensor, "span tag"]:
        """The probability that a span that has begun goes on to its last word, and ends there."""
        tags, messages, pair = how.tags[kind], self.posterior.messages, self.chain.pair
        further = end - start - 1
        span = torch.repeat_interleave(further)
        first = further.cumsum(0) - further
        step = torch.arange(len(span), device=span.device) - first[span] + start[span] + 1
        after = shares(messages.after(row[span], step), pair[tags[span]])
        after = after.gather(2, tags[span].unsqueeze(1).expand(-1, tags.shape[1], -1))
        after = after * how.within[kind[span]]
        for place in range(int(further.max())):
            long = (further > place).nonzero().squeeze(1)
            sums[long] = (sums[long].unsqueeze(2) * after[first[long] + place]).sum(1)
        stops = end < self.lengths[row]
        here = tags[stops]
        after = shares(messages.after(row[stops], end[stops]), pair[here])
        sums[stops] *= (after * (1 - how.onward[here])).sum(2)
        return sums


def beliefs(
    scores: Float[Tensor, "batch word label"],
    lengths: Int[Tensor, " batch"],
    chain: Chain,
    temperature: float = 1.0,
) -> Beliefs:
    """What a chain makes of scores when all of them are divided by the temperature."""
    cooled = Chain(*(weight.to(scores) / temperature for weight in chain))
    return Beliefs(lengths, cooled, posterior(scores / temperature, lengths, cooled))


class Reading(NamedTuple):
    """How spans are read from labels.

    onward: whether a label goes on with the one before it [from to]. kinds: where each label of
    spans stands in the following. tags: the labels that are its tags, the first one repeated where
    another label of spans has more. within: 1 where one of these tags goes on with another one that
    is no repetition. real: 1 where it is none.
    """

    onward: Float[Tensor, "label label"]
    kinds: dict[str, int]
    tags: Int[Tensor, "kind tag"]
    within: Float[Tensor, "kind tag tag"]
    real: Float[Tensor, "kind tag"]

    def to(self, device: torch.device) -> Reading:
        """The same on a device."""
        moved = (part.to(device) for part in (self.tags, self.within, self.real))
        return Reading(self.onward.to(device), self.kinds, *moved)


def reading(labels: Sequence[str]) -> Reading:
    """How spans are read from a decoder's labels."""
    known = [parts(label) for label in labels]
    found: dict[str, list[int]] = {}
    for index, (role, label) in enumerate(known):
        if role != OUTSIDE:
            found.setdefault(label, []).append(index)
    most = max(map(len, found.values()), default=0)
    size = len(found), most
    padded = [every + every[:1] * (most - len(every)) for every in found.values()]
    tags = torch.tensor(padded, dtype=torch.long).view(size)
    ones = [[float(place < len(every)) for place in range(most)] for every in found.values()]
    real = torch.tensor(ones).view(size)
    onward = torch.tensor([[float(goes_on(tag, after)) for after in known] for tag in known])
    within = onward[tags.unsqueeze(2), tags.unsqueeze(1)] * real.unsqueeze(1)
    return Reading(onward, {label: kind for kind, label in enumerate(found)}, tags, within, real)


def shares(
    messages: Float[Tensor, "chosen label"], weights: Float[Tensor, "chosen tag label"]
) -> Float[Tensor, "chosen tag label"]:
    """The probability of each label beside each tag; 0 where the tag has no path at all."""
    found = (messages.unsqueeze(1) + weights).softmax(2).nan_to_num(0.0)
    return found.to(weights)  # messages are in double precision where they are logarithms
