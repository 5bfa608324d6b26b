"""The promises of a tokeniser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqkit.stages import Pieces, Text, Tokeniser
from seqkit.testing.specimens import HOSTILE, texts
from seqkit.testing.subject import Subject, same


def check_tokeniser(subject: Subject, given: Sequence[Text]) -> None:
    """Fits on the given texts; splits them, and texts that stop others."""
    learnt = subject.learn(given)
    stage, twin = subject.ready(learnt), subject.ready(learnt, seed=2)
    subject.has(stage, Tokeniser)
    for text in [*given, *texts(HOSTILE)]:
        told = repr(text.text)
        pieces = prepared(subject, stage, text)
        check_pieces(subject, pieces, text, told)
        again = prepared(subject, stage, text)
        subject.hold(same(pieces, again), f"prepare of {told} gives other pieces the second time.")
        other = prepared(subject, twin, text)
        subject.hold(same(pieces, other), f"prepare of {told} gives other pieces after loading.")
        if stage.samples:
            drawn = [prepared(subject, stage, text, seed=3) for _ in range(2)]
            subject.hold(same(*drawn), f"prepare of {told} draws from another source than rng.")
            check_pieces(subject, drawn[0], text, told)
        with subject.doing(f"text of {list(pieces.strings)!r}"):
            joined = stage.text(pieces.strings)
        subject.hold(isinstance(joined, str), f"text gives {type(joined).__name__}, not str.")


def prepared(subject: Subject, stage: Any, text: Text, seed: int | None = None) -> Pieces:
    """The pieces of a text."""
    with subject.doing(f"prepare of {text.text!r}"):
        found = stage.prepare(text, None if seed is None else np.random.default_rng(seed))
    subject.hold(isinstance(found, Pieces), f"prepare gives {type(found).__name__}, not Pieces.")
    pieces: Pieces = found
    return pieces


def check_pieces(subject: Subject, pieces: Pieces, text: Text, told: str) -> None:
    """Checks spans and the map from pieces to words."""
    hold, size, count = subject.hold, len(text.text), len(pieces.strings)
    hold(pieces.source == text, f"the pieces of {told} do not keep the text as their source.")
    strings = all(isinstance(string, str) for string in pieces.strings)
    hold(strings, f"a piece of {told} is no str.")
    for name in ("spans", "word_spans"):
        spans = getattr(pieces, name)
        form = isinstance(spans, np.ndarray) and spans.dtype == np.int32 and spans.ndim == 2
        hold(form and spans.shape[1] == 2, f"the {name} of {told} are no int32 array of pairs.")
        inside = spans.min(initial=0) >= 0 and spans.max(initial=0) <= size
        hold(bool(inside), f"a span in {name} lies outside the text {told} of {size} characters.")
        ordered = bool((spans[:, 0] <= spans[:, 1]).all())
        hold(ordered, f"a span in {name} of {told} ends before it begins.")
    hold(len(pieces.spans) == count, f"{told} has {count} pieces, but {len(pieces.spans)} spans.")
    words, known = pieces.words, len(pieces.word_spans)
    form = isinstance(words, np.ndarray) and words.dtype == np.int32 and words.shape == (count,)
    hold(form, f"the words of {told} are no int32 array with one number a piece.")
    inside = words.min(initial=0) >= 0 and words.max(initial=-1) < known
    hold(bool(inside), f"a piece of {told} belongs to a word that is none of its {known}.")
    if text.words is not None:
        kept = pieces.word_spans.tolist() == [list(span) for span in text.words]
        hold(kept, f"the given words of {told} are not kept as they are.")
