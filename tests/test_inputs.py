"""Which of several inputs a decoder reads."""

from __future__ import annotations

from typing import Any

import pytest

from seqkit.errors import PluginError
from seqkit.inputs import input_name, input_width
from seqkit.stages import Front, Upstream


def test_one_of_several_inputs_has_to_be_named() -> None:
    with pytest.raises(PluginError) as caught:
        input_name("tagger", ["passage", "question"], None)
    assert str(caught.value) == (
        "tagger reads one input, but there are passage, question. Set 'over' to one."
    )
    with pytest.raises(PluginError) as caught:
        input_name("tagger", ["passage", "question"], "text")
    assert str(caught.value) == (
        "tagger: over: there is no input 'text'. Known: passage, question."
    )
    assert input_name("tagger", ["passage", "question"], "question") == "question"
    assert input_name("tagger", ["anything"], None) == "anything"


def test_the_width_is_that_of_the_input_that_is_read() -> None:
    embedder: Any = None
    fronts = {"passage": Front(embedder, width=8), "question": Front(embedder, width=4)}
    assert input_width("tagger", Upstream(8, inputs=fronts), "question") == 4
    assert input_width("tagger", Upstream(96), None) == 96
