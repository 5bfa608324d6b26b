"""The searches: greedy, beam and sampling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from annotated_types import Gt, Le

from seqkit.settings import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from seqkit.stages import Search, Upstream

Mass = Annotated[float, Gt(0.0), Le(1.0)]


def greedy_search(
    upstream: Upstream,
    *,
    minimum: NonNegativeInt = 0,
    no_repeat: NonNegativeInt = 0,
    normalise: NonNegativeFloat = 1.0,
    ratio: NonNegativeFloat = 2.0,
    more: NonNegativeInt = 20,
    longest: PositiveInt = 1000,
) -> Search:
    """Takes the likeliest piece at each step.

    minimum: pieces that an answer has at least, before its end.
    no_repeat: no run of so many pieces comes twice in an answer; 0 allows all.
    normalise: an answer's score is the sum of its log-probabilities over its length to this power.
    ratio: an answer has at most so many pieces for each step of the input,
    more: and so many beside these,
    longest: but never more than this.
    """
    del upstream
    from seqkit_seq2seq.greedy import Greedy
    from seqkit_seq2seq.limits import Limits

    return Greedy(Limits(ratio, more, longest), minimum, no_repeat, normalise)


def beam_search(
    upstream: Upstream,
    *,
    size: PositiveInt = 5,
    best: PositiveInt = 1,
    normalise: NonNegativeFloat = 1.0,
    coverage: NonNegativeFloat = 0.0,
    minimum: NonNegativeInt = 0,
    no_repeat: NonNegativeInt = 0,
    groups: PositiveInt = 1,
    diversity: NonNegativeFloat = 0.0,
    ratio: NonNegativeFloat = 2.0,
    more: NonNegativeInt = 20,
    longest: PositiveInt = 1000,
) -> Search:
    """Keeps the best hypotheses of each text, and gives the best that have ended.

    A size of 1 gives what greedy gives.

    size: how many hypotheses are kept of each text.
    best: how many answers are given; those after the first are the answer's `alternatives`.
    normalise: scores are sums of log-probabilities over length to this power; 0 compares sums.
    coverage: weight of the penalty for steps of the input that no piece looked at (Wu et al. 2016).
    groups: parts of the beam that each go their own way (Vijayakumar et al. 2018),
    diversity: and what a piece costs for each earlier group that chose it at the same step.
    minimum, no_repeat, ratio, more, longest: as in greedy.
    """
    del upstream
    from seqkit_seq2seq.beam import BeamSearch
    from seqkit_seq2seq.limits import Limits

    return BeamSearch(
        size,
        Limits(ratio, more, longest),
        best=best,
        power=normalise,
        coverage=coverage,
        minimum=minimum,
        no_repeat=no_repeat,
        groups=groups,
        diversity=diversity,
    )


def beam_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """More answers than hypotheses, groups that do not share out the beam, an idle diversity."""
    size, best, groups = settings["size"], settings["best"], settings["groups"]
    if best > size:
        yield "best", f"is {best}, but 'size' is {size}: a beam gives as many answers at most"
    if size % groups:
        yield "groups", f"is {groups}, which does not divide 'size', {size}. Choose one that does"
    if settings["diversity"] and groups == 1:
        yield "diversity", "has no effect in a single group. Set 'groups' to 2 or more"


def sampling_search(
    upstream: Upstream,
    *,
    temperature: PositiveFloat = 1.0,
    top: NonNegativeInt = 0,
    mass: Mass = 1.0,
    samples: PositiveInt = 1,
    seed: NonNegativeInt = 1,
    minimum: NonNegativeInt = 0,
    ratio: NonNegativeFloat = 2.0,
    more: NonNegativeInt = 20,
    longest: PositiveInt = 1000,
) -> Search:
    """Draws answers from the model; the same text is always answered alike.

    temperature: log-probabilities are divided by it: below 1, likely pieces are likelier.
    top: draws from so many of the likeliest pieces; 0 from all (Fan et al. 2018).
    mass: draws from the likeliest pieces that together have this probability (Holtzman et al.
        2020).
    samples: how many answers are drawn; the likeliest is the answer, the others its `alternatives`.
    seed: of what is drawn.
    minimum, ratio, more, longest: as in greedy.
    """
    del upstream
    from seqkit_seq2seq.limits import Limits
    from seqkit_seq2seq.sampling import Sampling

    return Sampling(
        Limits(ratio, more, longest),
        temperature=temperature,
        top=top,
        mass=mass,
        count=samples,
        seed=seed,
        minimum=minimum,
    )
