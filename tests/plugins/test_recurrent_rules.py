"""The recurrent plugin's entry module: what it registers, and what its rules say."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from seqkit.plugins import registry
from seqkit_recurrent import bilstm, bilstm_rules

DEFAULTS = {"width": 512, "layers": 1, "dropout": 0.0, "locked": False, "residual": False}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"layers": 2, "dropout": 0.3, "locked": True, "residual": True}, []),
        (
            {"width": 301},
            [
                (
                    "width",
                    "is 301, but each of the two directions takes half of it. "
                    "Use an even number, such as 302",
                )
            ],
        ),
        ({"locked": True}, [("locked", "has no effect without 'dropout'. Set 'dropout' above 0")]),
        (
            {"residual": True},
            [("residual", "has no effect with 1 layer. Set 'layers' above 1")],
        ),
    ],
)
def test_rules_refuse_an_odd_width_and_settings_without_effect(
    changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert list(bilstm_rules(DEFAULTS | changed)) == found


def test_bilstm_is_registered_with_its_rules() -> None:
    stage = registry().find("encoder", "bilstm")
    assert (stage.factory, stage.rules, stage.joint) == (bilstm, bilstm_rules, False)


def test_the_entry_module_imports_no_torch() -> None:
    code = (
        "import sys, seqkit_recurrent; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    environment = {"PATH": ""}  # without SEQKIT_CHECK_SHAPES, as users run it
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
