"""The transformer plugin's entry module: what it registers, and what its rules say."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from seqkit.plugins import registry
from seqkit.settings import Settings
from seqkit_transformer import transformer, transformer_rules

DEFAULTS: Settings = {
    "width": 512,
    "layers": 6,
    "heads": 8,
    "inner": None,
    "dropout": 0.1,
    "positions": "sinusoidal",
}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"width": 9, "heads": 3}, []),
        ({"width": 10, "heads": 5, "positions": "rotary"}, []),
        (
            {"width": 300},
            [
                (
                    "heads",
                    "is 8, but 'width' is 300, which 8 heads cannot share evenly. "
                    "Use a divisor of 300, such as 6",
                )
            ],
        ),
        (
            {"width": 7, "positions": "rotary"},
            [
                (
                    "heads",
                    "is 8, but 'width' is 7, which 8 heads cannot share evenly. "
                    "Use a divisor of 7, such as 1",
                )
            ],
        ),
        (
            {"width": 1},
            [
                (
                    "heads",
                    "is 8, but 'width' is 1, which 8 heads cannot share evenly. "
                    "Use a divisor of 1, such as 1",
                )
            ],
        ),
        (
            {"width": 12, "heads": 4, "positions": "rotary"},
            [
                (
                    "positions",
                    "is rotary, which rotates values in pairs, but 'width' 12 over 'heads' 4 gives "
                    "each head 3. Use a width that 8 divides, or sinusoidal",
                )
            ],
        ),
    ],
)
def test_rules_refuse_heads_that_do_not_share_the_width(
    changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert list(transformer_rules(DEFAULTS | changed)) == found


def test_transformer_is_registered_with_its_rules() -> None:
    stage = registry().find("encoder", "transformer")
    assert (stage.factory, stage.rules, stage.joint) == (transformer, transformer_rules, False)


def test_the_entry_module_imports_no_torch() -> None:
    code = (
        "import sys, seqkit_transformer;sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    environment = {name: os.environ[name] for name in os.environ if name != "SEQKIT_CHECK_SHAPES"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert ended.returncode == 0
