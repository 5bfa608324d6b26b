"""Texts in, texts out: a decoder with attention, searches, and the metrics of texts."""

from __future__ import annotations

from seqkit.plugins import Register, hookimpl
from seqkit_seq2seq.judging import bleu, chrf, error_rate, rouge, ter, wrong
from seqkit_seq2seq.searching import (
    beam_rules,
    beam_search,
    greedy_search,
    sampling_search,
)
from seqkit_seq2seq.writing import attention, attention_rules, shared_stages


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the decoder, the searches and the metrics."""
    register.decoder("attention", attention, rules=attention_rules, shares=shared_stages)
    register.search("greedy", greedy_search)
    register.search("beam", beam_search, rules=beam_rules)
    register.search("sampling", sampling_search)
    register.metric("bleu", bleu)
    register.metric("chrf", chrf)
    register.metric("ter", ter)
    register.metric("error_rate", error_rate)
    register.metric("wrong", wrong)
    register.metric("rouge", rouge)
