"""Connectionist temporal classification: labels of a series, or of pieces, that nobody aligned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seqkit.plugins import Register, Use, hookimpl
from seqkit.settings import Dropout, Name, Nested, NonNegativeFloat, PositiveInt
from seqkit.stages import Decoder, Tokeniser, Upstream


@dataclass(frozen=True)
class Language:
    """An n-gram model of the golds of train.

    order: of the longest runs of pieces that it counts.
    weight: of its log-probabilities beside those of what is read.
    bonus: for each piece, as the model makes long texts unlikely.
    """

    order: PositiveInt = 3
    weight: NonNegativeFloat = 0.5
    bonus: float = 0.0


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the decoder."""
    register.decoder("ctc", ctc, rules=ctc_rules)


def ctc(
    upstream: Upstream,
    *,
    tokenise: Nested[Tokeniser] = Use("tokeniser", "characters"),  # noqa: B008  # frozen
    beam: PositiveInt | None = None,
    best: PositiveInt = 1,
    language: Language | None = None,
    dropout: Dropout = 0.0,
    over: Name | None = None,
) -> Decoder:
    """Writes a text in the order of what is read, at most a piece a step (Graves et al. 2006).

    Each step gives a piece or a blank; a run of one piece is one, and blanks part equal ones. The
    loss sums over all ways to lay a text on the steps, so that nobody has to align them. An answer
    has the time of each piece, in seconds where the input has a rate.

    tokenise: how the text is cut to pieces.
    beam: texts that prefix beam search keeps at each step (Hannun et al. 2014), each with the sum
        over its ways; where it is left out, the likeliest way decides.
    best: gives so many of the likeliest texts, those after the first as `alternatives`.
    language: an n-gram model of train's texts, which the beam listens to, such as
        {order: 3, weight: 0.5, bonus: 0.0}: the longest runs that it counts, the weight of its
        log-probabilities, and what each piece earns, as the model makes long texts unlikely.
    dropout: share of values dropped before the output layer.
    over: the input that is read, where there are several.
    """
    from seqkit_ctc.decoder import CTC

    return CTC(
        upstream,
        tokenise=tokenise,
        beam=beam,
        best=best,
        language=language,
        dropout=dropout,
        over=over,
    )


def ctc_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses what only a beam can do without one."""
    beam, best = settings["beam"], settings["best"]
    if settings["language"] is not None and beam is None:
        yield "language", "has no effect without 'beam'. Set 'beam', such as 8"
    if best > (beam or 1):
        yield "best", f"asks for {best} texts, but {beam or 1} are kept. Set 'beam' higher"
