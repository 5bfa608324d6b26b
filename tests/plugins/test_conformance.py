"""Every stage that comes with seqkit keeps the contract, as `check_stage` tries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from seqkit.plugins import registry
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
SETTINGS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "embedder concat": [
        {"parts": ["lookup", {"use": "characters", "character_width": 5, "width": 4}]},
    ],
    "embedder lookup": [
        {},
        {"width": 5, "lower": True, "dropout": 0.3, "locked": True, "word_dropout": 0.2},
    ],
    "encoder bilstm": [
        {"width": 8},
        {"width": 8, "layers": 3, "dropout": 0.3, "locked": True, "residual": True},
    ],
    "decoder crf": [{}, {"word": "mean", "dropout": 0.3}, {"confidence": False}],
    "decoder tagger": [{}, {"word": "mean", "smoothing": 0.1}, {"word": "last"}],
    "decoder classifier": [{"pool": pool} for pool in ("last", "max", "mean", "attention")],
    "metric span_f1": [{}, {"mode": "strict"}],
}
EXAMPLES: Mapping[str, Sequence[Any]] = {
    "decoder classifier": ONE_LABEL,
    "metric span_f1": SPANS,
}
KINDS = ("tokeniser", "embedder", "encoder", "decoder", "search", "metric")
STAGES = {
    f"{kind} {stage.name}": stage
    for kind in KINDS
    for stage in registry().stages(kind)
    if stage.plugin.distribution == "seqkit"
}
CASES = [(name, settings) for name in STAGES for settings in SETTINGS.get(name, [{}])]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=lambda value: str(value))
def test_a_stage_keeps_the_contract(name: str, settings: Mapping[str, Any]) -> None:
    check_stage(STAGES[name].factory, settings=settings, examples=EXAMPLES.get(name))


def test_no_settings_are_kept_for_stages_that_are_gone() -> None:
    assert {*SETTINGS, *EXAMPLES} <= set(STAGES)
