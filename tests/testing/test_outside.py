"""The suite in a plugin author's own tests, where nothing else checks shapes and types."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import numpy as np
import torch
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Pieces, Upstream, Vectors
from seqkit.testing import check_stage

assert not CHECK_SHAPES and "jaxtyping" not in sys.modules


class Whole:
    samples = False

    def __init__(self, flaw):
        self.flaw = flaw

    def fit(self, texts):
        return {}

    def ready(self, learnt):
        pass

    def prepare(self, text, rng=None):
        whole = [(0, len(text.text))] if text.words is None else text.words
        spans = np.array(whole, np.int64 if self.flaw == "long spans" else np.int32).reshape(-1, 2)
        words = np.arange(len(spans), dtype=np.float32 if self.flaw == "float words" else np.int32)
        strings = [text.text[start:end] for start, end in whole]
        if self.flaw == "bytes":
            strings = [string.encode() for string in strings]
        return Pieces(text, strings, spans, words, spans.astype(np.int32))

    def text(self, strings):
        return " ".join(strings)


class Plain(torch.nn.Module):
    stride, causal = 1, True

    def __init__(self, width, flaw):
        super().__init__()
        self.width, self.flaw = width, flaw

    def forward(self, vectors, state=None):
        lengths = vectors.lengths.float() if self.flaw == "float lengths" else vectors.lengths
        penalty = torch.zeros(2) if self.flaw == "penalties" else vectors.penalty
        return Vectors(vectors.values, lengths, penalty=penalty)


def whole(upstream: Upstream, *, flaw: str = ""):
    return Whole(flaw)


def plain(upstream: Upstream, *, flaw: str = ""):
    return Plain(upstream.width, flaw)


for factory, flaws in ((whole, ["long spans", "float words", "bytes"]),
                       (plain, ["float lengths", "penalties"])):
    check_stage(factory)
    for flaw in flaws:
        try:
            check_stage(factory, settings={"flaw": flaw})
        except AssertionError as error:
            print(error)
"""
SAID = """\
whole: the spans of 'the quick brown fox jumps over 13 lazy dogs .' are no int32 array of pairs.
whole: the words of 'the quick brown fox jumps over 13 lazy dogs .' are no int32 array with one \
number a piece.
whole: a piece of 'the quick brown fox jumps over 13 lazy dogs .' is no str.
plain: lengths are not one whole number a row.
plain: the penalty is no scalar.
"""


@pytest.mark.slow
def test_the_suite_checks_types_by_itself() -> None:
    env = {name: value for name, value in os.environ.items() if name != "SEQKIT_CHECK_SHAPES"}
    command = [sys.executable, "-c", SCRIPT]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ran.stdout == SAID, ran.stderr
