"""Every stage that comes with seqkit keeps the contract, as `check_stage` tries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from seqkit.plugins import registry
from seqkit.stages import Frames
from seqkit.testing import check_stage, example

TEXTS = ["to be or not", "yes", "", "so it is", "no no no no no no", "well then"]
ONE_LABEL = [example(text, str(len(text) % 3)) for text in TEXTS]
SPANS = [
    ({"value": ["B-X", "I-X", "O"], "spans": [[0, 2, "X"]], "scheme": "BIO"},) * 2,
    tuple({"value": tags, "spans": [], "scheme": "BIO"} for tags in (["O"], ["O"])),
    (
        {"value": ["B-X", "B-Y"], "spans": [[0, 1, "X"], [1, 2, "Y"]], "scheme": "BIO"},
        {"value": ["O", "B-Y"], "spans": [[1, 2, "Y"]], "scheme": "BIO"},
    ),
]
TWO_GOLDS = [
    example(text, {"one": list(text.split()), "two": list(text.split())}) for text in TEXTS
]
SAYING = ("answer_exact", "answer_f1", "bleu", "chrf", "ter", "error_rate", "rouge", "wrong")
SURE = [
    (
        {"value": "a", "confidence": 0.8, "spans": [[0, 1, "X"]], "span_confidence": [0.75]},
        {"value": "b", "confidence": 1.0, "spans": [], "span_confidence": []},
    ),
    tuple(
        {"value": "a", "confidence": sure, "spans": [], "span_confidence": []}
        for sure in (0.5, 1.0)
    ),
]
BUNDLES = [
    example(text, [f"Size={len(word)}|Voice=Act" if "o" in word else "_" for word in text.split()])
    for text in TEXTS
]
TWO_TEXTS = [
    example("a b c", "x y z"),
    example("b", "y"),
    example("c d", "z é x"),
    example("to be or not", "not or be to"),
    example("d d", ""),
]
WRITTEN = [example(text, text[: len(text.split())]) for text in TEXTS]
SAID = [
    ({"value": "the cat sat on the mat"}, {"value": "the cat is on the mat"}),
    ({"value": ""}, {"value": "nothing at all"}),
    ({"value": "a dog"}, {"value": "a dog", "references": ["a dog", "the dog barks"]}),
]
READ = [
    (
        {"value": logs, "pieces": ["a", "."][: len(logs)], "words": size, "characters": size},
        {"value": [0.0] * size, "pieces": ["a", "."][:size], "words": size, "characters": size},
    )
    for logs, size in (([-1.5, -0.25], 2), ([], 0))
]
ASKED = [
    example({"passage": passage, "question": question}, answers)
    for passage, question, answers in [
        ("to be or not to be", "be or what ?", [[6, 8, "or"], [9, 12, "not"]]),
        ("yes", "Yes or no ?", [[0, 3, "yes"]]),
        ("it is so", "is it ?", []),
        ("No no no No no No", "no", [[3, 14, "no no No no"]]),
        ("well then", "when so ?", [[0, 3, "wel"]]),
    ]
]
CHARACTERS = {"use": "characters", "width": 6, "character_width": 4}
ONE_NUMBER = [example(text, len(text) / 7) for text in TEXTS]
SERIES = [example((1 + np.arange(2 * n).reshape(n, 2)) / 3) for n in (4, 1, 7)]
FORECASTS = [
    example({"text": (1.0 + np.arange(n) % 4)[:, None]}, [n + 0.5, n / 2]) for n in (4, 6, 9)
]
LEVELS = {"0.1": [0.5, 1.0], "0.25": [0.9, 1.5], "0.75": [1.5, 2.0], "0.9": [2.0, 3.0]}
FORECAST = [
    tuple(
        {"value": value, "scale": [0.5], "quantiles": LEVELS} for value in ([1.0, 2.0], [1.5, 3])
    ),
    tuple({"value": value, "scale": None, "quantiles": LEVELS} for value in ([0.0, 2.0], [0.0, 1])),
]
MUSIC = [example(np.eye(88)[rows]) for rows in ([3, 40, 40, 87], [0, 5], [9, 9, 70, 2, 1])]
HEARD = [
    (
        {"value": [[60, 64], []], "surprise": [1.5, 0.25]},
        {"value": [[60], [62]], "surprise": [0.0, 0.0]},
    ),
    ({"value": [], "surprise": []}, {"value": [], "surprise": []}),
]
SOUNDS = [
    example(Frames(np.sin(np.arange(size, dtype=np.float32) / 3)[:, None], 8000.0))
    for size in (900, 80, 300)
]
NUMBERS = [({"value": 0.5}, {"value": 0.52}), ({"value": -1.0}, {"value": 2.0})]
SWITCHES: list[dict[str, Any]] = [
    {"recurrent_dropout": 0.3},
    {"weight_drop": 0.3},
    {"zoneout": 0.3},
    {"cell_zoneout": 0.3},
    {"peephole": True},
    {"coupled": True},
    {"forget_gate": False},
    {"forget_bias": 2.0},
    {"chrono": 9},
    {"layer_norm": True, "width": 64},  # few normalised units make much of rounding
    {"cells": 9},
    {"learned_state": True},
    {"window": 2},
    {"layers": 3, "residual": True, "input_dropout": 0.2, "dropout": 0.3, "locked": True},
    {"layers": 2, "highway": True, "dropout": 0.3, "output_dropout": 0.0},
]
"""What an LSTM may do otherwise, one by one."""
SETTINGS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "tokeniser cut": [{"longest": 60}],
    "tokeniser lines": [
        {},
        {"strip": True, "tokenise": "characters"},
        {"tokenise": {"use": "sentencepiece", "size": 300}},
    ],
    "tokeniser sentencepiece": [
        {"size": 300},
        {"algorithm": "bpe", "size": 200, "byte_fallback": False, "sampling": 0.2},
        {"algorithm": "bpe", "size": 400, "sampling": 0.1},
        {"size": 45, "byte_fallback": False, "sampling": 0.3},
    ],
    "tokeniser spacy": [{"lang": "en"}, {"lang": "de", "lower": True}],
    "embedder floret": [],  # tried in test_spacy_stages.py, with pipelines that are made there
    "embedder spacy_features": [],  # likewise
    "embedder contextual": [],  # tried in test_text_contextual.py, with a model that is made there
    "embedder vectors": [],  # tried in test_text_word_vectors.py, with a file that is written there
    "embedder affixes": [
        {"minimum": 1, "affix_width": 3},
        {"prefixes": [], "suffixes": [2, 5], "lower": True, "dropout": 0.3, "locked": True},
    ],
    "embedder character_cnn": [
        {"width": 6, "kernels": [1, 3]},
        {"width": 6, "kernels": [40, 2, 5], "highway": 2, "longest": 9, "dropout": 0.3},
    ],
    "embedder concat": [
        {"parts": ["lookup", {"use": "characters", "character_width": 5, "width": 4}]},
    ],
    "embedder exact_match": [{"runs": [1, 3]}, {"lower": False}],
    "embedder frames": [
        {},
        {"scale": True, "log": True, "differences": [1, 2], "first": 1},
        {"scale": True},
    ],
    "embedder hashed": [
        {"width": 6},
        {"width": 6, "rows": {"piece": 9, "suffix": 4}, "hashes": 1, "mix": "linear"},
    ],
    "embedder log_mel": [
        {"filters": 9, "deltas": 2, "time_masks": {"count": 2, "longest": 3}},
        {"filters": 6, "normalise": "training", "scale": "slaney"},
    ],
    "embedder lookup": [
        {},
        {"width": 5, "lower": True, "dropout": 0.3, "locked": True, "word_dropout": 0.2},
    ],
    "embedder shape": [{"minimum": 1}, {"run": 2, "dropout": 0.3, "locked": True}],
    "encoder aligned": [{"width": 5}, {"to": "passage"}],
    "encoder bigru": [
        {"width": 8, "weight_drop": 0.3, "learned_state": True, "chrono": 9},
        {"width": 7, "layers": 3, "alternating": True, "residual": True, "window": 2},
    ],
    "encoder bilstm": [
        {"width": 8},
        {"width": 8, "layers": 3, "dropout": 0.3, "locked": True, "residual": True, "window": 2},
        {"width": 7, "layers": 2, "alternating": True, "cells": 9, "peephole": True},
        {"width": 8, "cells": 5, "coupled": True, "weight_drop": 0.2, "output_dropout": 0.1},
        {"width": 64, "layer_norm": True, "layers": 2, "highway": True, "learned_state": True},
    ],
    "encoder gru": [
        {"width": 7},
        {"width": 7, "layers": 2, "highway": True, "dropout": 0.3, "chrono": 9, "window": 2},
        {"width": 7, "layers": 3, "residual": True, "weight_drop": 0.3, "learned_state": True},
    ],
    "encoder lstm": [
        *({"width": 7, **switch} for switch in [{}, *SWITCHES]),
        {"width": 7, "cells": 9, "peephole": True, "layers": 2, "highway": True},
        {"width": 64, "layer_norm": True, "zoneout": 0.1, "cell_zoneout": 0.2, "coupled": True},
        {"width": 7, "learned_state": True, "cells": 9, "chrono": 9, "layers": 3, "window": 3},
    ],
    "encoder penalised": [{"size": 2.0}, {"size": 1.0, "change": 0.5}],
    "encoder rnn": [
        {"width": 7},
        {"width": 7, "layers": 2, "residual": True, "weight_drop": 0.3, "learned_state": True},
    ],
    "encoder slstm": [
        {"width": 8},
        {"width": 8, "layers": 2, "heads": 2, "forget": "exponential", "highway": True},
    ],
    "encoder mlstm": [{"width": 8}, {"width": 8, "layers": 2, "heads": 4, "dropout": 0.3}],
    "encoder mingru": [{"width": 8}, {"width": 8, "layers": 3, "residual": True, "window": 2}],
    "encoder minlstm": [{"width": 8}, {"width": 8, "layers": 2, "output_dropout": 0.3}],
    "encoder transformer": [
        {"width": 8, "heads": 2, "layers": 2},
        {"width": 6, "heads": 3, "inner": 5, "dropout": 0.3, "positions": "rotary"},
    ],
    "decoder attention": [
        {"copy": True, "feed": True, "search": {"use": "beam", "size": 3, "best": 2}},
        {"attend": "additive", "coverage": 1.0, "encode": {"use": "gru", "width": 6, "layers": 2}},
        {"attend": "heads", "deep": True, "bridge": "zero", "embed": CHARACTERS},
        {"tie": True, "tokenise": "characters", "dropout": 0.3, "smoothing": 0.1},
        {"tokenise": "shared", "embed": "shared", "feed": True, "sampling": 0.5},
        {"attend": "monotonic", "smoothing": 0.1, "search": {"use": "beam", "size": 2}},
        {"encode": {"use": "slstm", "width": 8}, "search": {"use": "sampling", "samples": 2}},
    ],
    "decoder crf": [{"word": "mean", "dropout": 0.3, "best": 3}, {}, {"confidence": False}],
    "decoder ctc": [
        {"beam": 3, "best": 2, "language": {"order": 2, "bonus": 0.5}, "dropout": 0.3},
        {"tokenise": "words"},
    ],
    "decoder features": [{"word": "mean", "smoothing": 0.1}, {"word": "last", "confidence": False}],
    "decoder tagger": [
        {"word": "mean", "smoothing": 0.1, "weights": "balanced"},
        {},
        {"word": "last", "weights": {"long": 2.0}},
    ],
    "decoder classifier": [
        {"pool": ["mean", "attention", "last"], "best": 2, "weights": "balanced"},
        *({"pool": pool} for pool in ("max", "last", "mean", "attention")),
    ],
    "decoder forecast": [{"quantiles": [0.1, 0.9]}, {"log": True, "season": 2}],
    "decoder heads": [{"parts": {"one": "tagger", "two": "crf"}, "weights": {"two": 0.5}}],
    "decoder language": [
        {},
        {"cache": 3, "smoothing": 0.1},
        {"adaptive": [2]},
    ],
    "decoder span": [{"longest": 3, "best": 2}, {"threshold": -0.5, "dropout": 0.3}],
    "decoder regression": [{"pool": pool} for pool in ("last", "max", "mean")],
    "search beam": [
        {"size": 4, "groups": 2, "diversity": 0.5, "best": 2},
        {"no_repeat": 2, "minimum": 3, "coverage": 0.2},
        {"size": 1},
    ],
    "search sampling": [{"samples": 3, "top": 3, "mass": 0.9}, {"temperature": 0.5}],
    "metric answer_exact": [{}, {"of": "characters"}],
    "metric answer_f1": [{}, {"of": "characters"}],
    "metric calibration": [{}, {"of": "spans", "bins": 3}],
    "metric bleu": [{}, {"tokenise": "char", "lower": True}],
    "metric chrf": [{}, {"words": 2}],
    "metric bits": [{"each": each} for each in ("piece", "word", "character")],
    "metric perplexity": [{"each": "word"}, {}],
    "metric error_rate": [{}, {"of": "characters"}],
    "metric rouge": [{}, {"order": "longest"}, {"order": 2}],
    "metric label_f1": [{}, {"average": "macro"}],
    "metric span_f1": [{}, {"mode": "strict"}],
    "metric coverage": [{}, {"level": 50.0}],
    "metric step_nll": [{}, {"mean": "pieces"}],
    "metric within": [{}, {"tolerance": 3.0}],
}
EXAMPLES: Mapping[str, Sequence[Any]] = {
    "decoder attention": TWO_TEXTS,
    "decoder classifier": ONE_LABEL,
    "decoder ctc": WRITTEN,
    "decoder features": BUNDLES,
    "decoder forecast": FORECASTS,
    "decoder heads": TWO_GOLDS,
    "decoder notes": MUSIC,
    "decoder regression": ONE_NUMBER,
    "decoder span": ASKED,
    "embedder exact_match": ASKED,
    "embedder frames": SERIES,
    "embedder log_mel": SOUNDS,
    **{f"metric {name}": SAID for name in SAYING},
    "metric bits": READ,
    "metric perplexity": READ,
    "metric calibration": SURE,
    "metric frame_accuracy": HEARD,
    "metric span_f1": SPANS,
    **{f"metric {name}": FORECAST for name in ("rmse", "mae", "smape", "mase")},
    **{f"metric {name}": FORECAST for name in ("pinball", "coverage")},
    "metric squared_error": NUMBERS,
    "metric step_nll": HEARD,
    "metric within": NUMBERS,
}
KINDS = ("tokeniser", "embedder", "encoder", "decoder", "search", "metric")
STAGES = {
    f"{kind} {stage.name}": stage
    for kind in KINDS
    for stage in registry().stages(kind)
    if stage.plugin.distribution == "seqkit"
}
FEW = 2
"""Settings of a stage that are tried each time; the others are slow together."""
CASES = [
    pytest.param(name, settings, marks=[pytest.mark.slow] if number >= FEW else [])
    for name in STAGES
    for number, settings in enumerate(SETTINGS.get(name, [{}]))
]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=lambda value: str(value))
def test_a_stage_keeps_the_contract(name: str, settings: Mapping[str, Any]) -> None:
    check_stage(STAGES[name].factory, settings=settings, examples=EXAMPLES.get(name))


def test_no_settings_are_kept_for_stages_that_are_gone() -> None:
    assert {*SETTINGS, *EXAMPLES} <= set(STAGES)
