"""What settings say of a stack and of its cells; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

Ways = Literal["forward", "both", "alternating"]
"""How the layers of a stack read: forwards, both ways, or in turns."""

Memory = Annotated[int, Ge(3)]
"""Steps that a memory may have to last; below three there is nothing to draw from."""


@dataclass(frozen=True)
class Connections:
    """What stands between the layers of a stack: the settings of the same names."""

    input_dropout: float = 0.0
    dropout: float = 0.0
    output_dropout: float | None = None
    locked: bool = False
    residual: bool = False
    highway: bool = False


@dataclass(frozen=True)
class Switches:
    """What makes an LSTM's cell another one: the settings of the same names."""

    cells: int | None = None
    peephole: bool = False
    coupled: bool = False
    forget_gate: bool = True
    forget_bias: float = 1.0
    chrono: int | None = None
    layer_norm: bool = False
    zoneout: float = 0.0
    cell_zoneout: float = 0.0
    recurrent_dropout: float = 0.0
    weight_drop: float = 0.0
    learned_state: bool = False

    @property
    def explicit(self) -> list[str]:
        """The settings that no fused kernel knows."""
        names = ("peephole", "layer_norm", "zoneout", "cell_zoneout", "recurrent_dropout")
        return [name for name in names if getattr(self, name)]
