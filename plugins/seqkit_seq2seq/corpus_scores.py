"""BLEU, chrF and TER by sacrebleu (Post 2018), from counts that add up over texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer
from seqkit_seq2seq.references import references, said

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

METRICS = {"bleu": BLEU, "chrf": CHRF, "ter": TER}


@final
class CorpusScore:
    """One of sacrebleu's metrics. The signature is sacrebleu's, with the metric before it."""

    def __init__(self, name: Literal["bleu", "chrf", "ter"], **settings: Any) -> None:
        self.name, self.higher_is_better = name, name != "ter"
        self.metric: Any = METRICS[name](**settings)
        self.metric.num_refs = 1
        self.signature = f"{name} {self.metric.get_signature()}"

    def survey(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> None:
        """Says in the signature how many references each text has, or that this differs."""
        del answers
        numbers = {len(references(self.name, gold)) for gold in golds}
        self.metric.num_refs = numbers.pop() if len(numbers) == 1 else -1
        self.signature = f"{self.name} {self.metric.get_signature()}"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """What sacrebleu sums over texts. Raises DataError where a value is no text."""
        # sacrebleu offers these two steps to its own bootstrap alone; they are its contract there.
        wanted = [[one] for one in references(self.name, gold)]
        (found,) = self.metric._extract_corpus_statistics([said(self.name, answer)], wanted)
        return np.array(found, np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """The score of all texts together, 100 at most but for TER; 0 of nothing."""
        if not totals.any():
            return 0.0
        return float(self.metric._compute_score_from_stats(list(totals)).score)
