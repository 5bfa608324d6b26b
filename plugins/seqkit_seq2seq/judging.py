"""The metrics of texts: bleu, chrf, ter, error_rate, wrong and rouge."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le

from seqkit.settings import NonNegativeInt, PositiveInt
from seqkit.stages import Metric

Order = Annotated[int, Ge(1), Le(9)]


def bleu(
    *,
    tokenise: Literal["13a", "intl", "char", "zh", "none"] = "13a",
    lower: bool = False,
) -> Metric:
    """BLEU (Papineni et al. 2002) of the whole split, as sacrebleu computes and signs it.

    tokenise: how answers and references are split: 13a is WMT's; `none` takes texts that are
        tokenised already.
    lower: compares in lower case.
    """
    from seqkit_seq2seq.corpus_scores import CorpusScore

    return CorpusScore("bleu", tokenize=tokenise, lowercase=lower)


def chrf(*, order: Order = 6, words: NonNegativeInt = 0, lower: bool = False) -> Metric:
    """ChrF (Popović 2015) of the whole split, as sacrebleu computes and signs it.

    order: of the longest runs of characters.
    words: order of the longest runs of words; 2 gives chrF++ (Popović 2017).
    lower: compares in lower case.
    """
    from seqkit_seq2seq.corpus_scores import CorpusScore

    return CorpusScore("chrf", char_order=order, word_order=words, lowercase=lower)


def ter(*, lower: bool = True, normalise: bool = False) -> Metric:
    """Translation edit rate (Snover et al. 2006) of the whole split, as sacrebleu computes it.

    lower: compares in lower case.
    normalise: tokenises first, as tercom does.
    """
    from seqkit_seq2seq.corpus_scores import CorpusScore

    return CorpusScore("ter", case_sensitive=not lower, normalized=normalise)


def error_rate(*, of: Literal["words", "characters"] = "words") -> Metric:
    """Edits to the nearest reference for each 100 units of it; lower is better.

    An edit inserts, deletes or replaces one unit (Levenshtein 1966). The nearest reference is the
    one with the fewest edits, and of these the longest.

    of: the units: `words` gives the word error rate, and the phoneme error rate of phonemes that
        spaces part; `characters` the character error rate.
    """
    from seqkit_seq2seq.edits import ErrorRate

    return ErrorRate(of)


def wrong() -> Metric:
    """Share of answers that are not one of their references, in percent; lower is better.

    Of pronunciations, this is what is published as the word error rate.
    """
    from seqkit_seq2seq.edits import Wrong

    return Wrong()


def rouge(*, order: PositiveInt | Literal["longest"] = 1) -> Metric:
    """ROUGE F1 (Lin 2004), the mean over texts, in percent: the best over an answer's references.

    Words are runs of letters and digits, in lower case; they are not stemmed.

    order: of the runs of words that both have; `longest` takes the longest common subsequence
        (ROUGE-L).
    """
    from seqkit_seq2seq.overlap import Rouge

    return Rouge(order)
