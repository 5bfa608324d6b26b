"""The recurrent plugin's entry module, what its rules refuse, and what it says when it builds."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest

from seqkit.errors import PluginError, RecipeError
from seqkit.plugins import registry
from seqkit.stages import Upstream
from seqkit.testing import check_stage
from seqkit_recurrent.building import say_once
from seqkit_recurrent.rules import stack_rules
from seqkit_recurrent.textbook import bilstm, lstm, lstm_rules
from seqkit_recurrent.units import bigru, gru, rnn

Factory = Callable[..., Any]
RECURRENT = "'recurrent_dropout'"
FACTORIES: list[Factory] = [rnn, gru, bigru, lstm, bilstm]
BOTH: list[Factory] = [bigru, bilstm]
LSTMS: list[Factory] = [lstm, bilstm]


def named(value: object) -> str:
    """A case's part for its name: the same in every process."""
    if isinstance(value, list) and value and callable(value[0]):
        return "-".join(factory.__name__ for factory in value)
    return value.__name__ if isinstance(value, FunctionType) else str(value)


def refused(factory: Factory, changed: dict[str, Any]) -> list[tuple[str, str]]:
    """What the rules of an encoder say of its defaults with some settings changed."""
    keywords = [
        p for p in inspect.signature(factory).parameters.values() if p.kind == p.KEYWORD_ONLY
    ]
    defaults = {parameter.name: parameter.default for parameter in keywords}
    assert changed.keys() <= defaults.keys()
    rules = registry().find("encoder", factory.__name__).rules
    assert rules is not None
    return list(rules(defaults | changed))


@pytest.mark.parametrize("factory", FACTORIES)
def test_encoders_are_registered_with_their_rules(factory: Factory) -> None:
    stage = registry().find("encoder", factory.__name__)
    rules = lstm_rules if factory in LSTMS else stack_rules
    assert (stage.factory, stage.rules, stage.joint) == (factory, rules, False)


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"layers": 2, "dropout": 0.3, "locked": True, "residual": True},
        {"layers": 2, "dropout": 0.3, "output_dropout": 0.0, "highway": True},
        {"input_dropout": 0.1, "locked": True},
        {"output_dropout": 0.1, "locked": True},
    ],
    ids=named,
)
def test_rules_let_pass_what_has_an_effect(factory: Factory, changed: dict[str, Any]) -> None:
    assert refused(factory, changed) == []


HALF = "but each of the two directions takes half of it. Use an even number, such as"
EFFECT = "has no effect with 1 layer. Set 'layers' above 1"


@pytest.mark.parametrize(
    ("factories", "changed", "found"),
    [
        (BOTH, {"width": 301}, [("width", f"is 301, {HALF} 302")]),
        (BOTH, {"width": 301, "alternating": True, "layers": 2}, []),
        ([rnn, gru, lstm], {"width": 301}, []),
        (FACTORIES, {"residual": True}, [("residual", EFFECT)]),
        (FACTORIES, {"highway": True}, [("highway", EFFECT)]),
        (BOTH, {"alternating": True}, [("alternating", EFFECT)]),
        (
            FACTORIES,
            {"residual": True, "highway": True, "layers": 2},
            [("highway", "excludes 'residual': both join a layer's input and output. Keep one")],
        ),
        (
            FACTORIES,
            {"locked": True},
            [("locked", "has no effect without 'dropout'. Set 'dropout' above 0")],
        ),
        (
            FACTORIES,
            {"dropout": 0.3, "output_dropout": 0.1},
            [("output_dropout", "leaves 'dropout', 0.3, without effect with 1 layer. Keep one")],
        ),
        (
            LSTMS,
            {"coupled": True, "forget_gate": False},
            [("coupled", "couples the gate that 'forget_gate: false' lacks. Keep one of them")],
        ),
        (
            LSTMS,
            {"chrono": 9, "forget_gate": False},
            [("chrono", "draws the bias of the gate that 'forget_gate: false' lacks. Remove one")],
        ),
        (
            LSTMS,
            {"forget_bias": 2.0, "forget_gate": False},
            [("forget_bias", "has no effect with 'forget_gate: false'. Remove one")],
        ),
        (
            LSTMS,
            {"forget_bias": 2.0, "coupled": True},
            [("forget_bias", "has no effect with 'coupled', which sets the bias. Remove one")],
        ),
        (
            LSTMS,
            {"forget_bias": 2.0, "chrono": 9},
            [("forget_bias", "has no effect with 'chrono', which sets the bias. Remove one")],
        ),
        (LSTMS, {"forget_bias": 2.0, "peephole": True, "layer_norm": True}, []),
        (LSTMS, {"chrono": 9, "coupled": True}, []),
        (
            [lstm],
            {"width": 8, "cells": 8},
            [
                (
                    "cells",
                    "is 8, but the width is 8: a projection makes less of more. Use more than 8 "
                    "cells, or leave 'cells' out for as many as the width",
                )
            ],
        ),
        (
            [bilstm],
            {"width": 8, "cells": 3},
            [
                (
                    "cells",
                    "is 3, but the width of each direction is 4: a projection makes less of more. "
                    "Use more than 4 cells, or leave 'cells' out for as many as the width",
                )
            ],
        ),
        ([bilstm], {"width": 8, "cells": 5}, []),
        ([lstm], {"width": 8, "cells": 9}, []),
        (
            [bilstm],
            {"width": 8, "cells": 7, "alternating": True, "layers": 2},
            [
                (
                    "cells",
                    "is 7, but the width is 8: a projection makes less of more. Use more than 8 "
                    "cells, or leave 'cells' out for as many as the width",
                )
            ],
        ),
        (
            [rnn, gru, lstm],
            {"window": 3, "weight_drop": 0.1},
            [("window", "would draw the mask of 'weight_drop' anew in each window. Remove one")],
        ),
        (
            [lstm],
            {"window": 3, "recurrent_dropout": 0.1},
            [("window", f"would draw the mask of {RECURRENT} anew in each window. Remove one")],
        ),
    ],
    ids=named,
)
def test_rules_name_both_settings_that_exclude_each_other_and_what_has_no_effect(
    factories: list[Factory], changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    for factory in factories:
        assert refused(factory, changed) == found, factory.__name__


@pytest.mark.parametrize("factory", LSTMS)
def test_what_the_rules_refuse_stands_in_the_message_of_a_recipe(factory: Factory) -> None:
    with pytest.raises(
        RecipeError, match=rf"{factory.__name__}: 'coupled' couples the gate that 'forget_gate: f"
    ):
        check_stage(factory, settings={"coupled": True, "forget_gate": False})
    with pytest.raises(RecipeError, match=r"chrono: input should be .* or equal to 3, not 2"):
        check_stage(factory, settings={"chrono": 2})


@pytest.mark.parametrize("factory", BOTH)
def test_an_odd_width_is_refused_where_no_recipe_was_checked(factory: Factory) -> None:
    name = factory.__name__
    with pytest.raises(PluginError, match=rf"^{name}: width is 7, {HALF} 8\.$"):
        factory(Upstream(width=5), width=7)
    assert factory(Upstream(width=5), width=7, layers=2, alternating=True).width == 7


@pytest.mark.parametrize(
    ("factory", "settings", "line"),
    [
        (
            lstm,
            {"peephole": True},
            "lstm: 'peephole' needs an explicit cell, step by step, where torch's fused kernel "
            "would be several times faster.",
        ),
        (
            bilstm,
            {"cell_zoneout": 0.1, "zoneout": 0.1, "layer_norm": True, "recurrent_dropout": 0.1},
            "bilstm: 'layer_norm', 'zoneout', 'cell_zoneout', 'recurrent_dropout' need an explicit "
            "cell, step by step, where torch's fused kernel would be several times faster.",
        ),
        (
            lstm,
            {"cells": 9},
            "lstm: 'cells' has no fused kernel on CPU: torch takes it step by step there.",
        ),
        (bilstm, {"coupled": True, "weight_drop": 0.1, "chrono": 9, "learned_state": True}, None),
    ],
    ids=named,
)
def test_what_makes_an_encoder_slower_is_said_once_by_name(
    factory: Factory, settings: dict[str, Any], line: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    say_once.cache_clear()
    for _ in range(2):
        factory(Upstream(width=5), width=8, layers=2, **settings)
    assert caplog.messages == ([] if line is None else [line])
    assert {record.levelname for record in caplog.records} <= {"WARNING"}


@pytest.mark.slow
def test_torch_does_not_warn_of_projections() -> None:
    code = (
        "import torch; from seqkit.stages import *; from seqkit_recurrent import lstm;"
        "vectors = Vectors(torch.ones(2, 3, 5), torch.tensor([3, 1]));"
        "lstm(Upstream(width=5), width=2, cells=4).forward(vectors)"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_the_entry_module_imports_no_torch() -> None:
    code = (
        "import sys, seqkit_recurrent; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    environment = {"PATH": ""}  # without SEQKIT_CHECK_SHAPES, as users run it
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
