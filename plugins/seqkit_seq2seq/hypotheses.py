"""What a search has written so far, and the answers that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seqkit.abilities import Aligning
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

    from seqkit.stages import Answer, State

NEAR = 1e-5
"""Weights that are as near as this are equal: rounding must not choose between equal words."""
PLACES, PLACES_OF_SCORES = 4, 6
"""Decimal places of probabilities, and of the scores that answers are ranked by."""


@dataclass(frozen=True)
class Hypotheses:
    """Rows of pieces with the log-probability of each, and the input's step that weighed most."""

    pieces: Int[Tensor, "row time"]
    logs: Float[Tensor, "row time"]
    aligned: Int[Tensor, "row time"] | None

    @classmethod
    def none(cls, rows: int, like: Tensor, aligning: bool) -> Hypotheses:
        """Rows without a piece. like: a tensor on their device."""
        pieces = torch.zeros(rows, 0, dtype=torch.long, device=like.device)
        logs = torch.zeros(rows, 0, device=like.device)
        return cls(pieces, logs, pieces if aligning else None)

    def chosen(self, rows: Int[Tensor, " kept"]) -> Hypotheses:
        """Some rows, in the order given."""
        aligned = None if self.aligned is None else self.aligned[rows]
        return Hypotheses(self.pieces[rows], self.logs[rows], aligned)

    def longer(
        self,
        pieces: Int[Tensor, " row"],
        logs: Float[Tensor, " row"],
        aligned: Int[Tensor, " row"] | None,
    ) -> Hypotheses:
        """Each row with one more piece."""
        looked = None
        if self.aligned is not None and aligned is not None:
            looked = torch.cat((self.aligned, aligned.unsqueeze(1)), 1)
        return Hypotheses(
            torch.cat((self.pieces, pieces.unsqueeze(1)), 1),
            torch.cat((self.logs, logs.unsqueeze(1)), 1),
            looked,
        )

    def answer(self, row: int, score: float, end: int) -> Answer:
        """A row as an answer: its pieces without the end, and the evidence of all."""
        pieces: list[int] = self.pieces[row].tolist()
        ended = bool(pieces) and pieces[-1] == end
        kept = pieces[:-1] if ended else pieces
        found: dict[str, Any] = {
            "value": kept,
            "score": round(score, PLACES_OF_SCORES),
            "probabilities": [round(one, PLACES) for one in self.logs[row].exp().tolist()],
        }
        if self.aligned is not None:
            found["alignment"] = self.aligned[row, : len(kept)].tolist()
        return found


def looked_at(decoder: Any, state: State) -> Float[Tensor, "row source"] | None:
    """Where each row's last step looked, where the decoder says."""
    return decoder.alignment(state) if isinstance(decoder, Aligning) else None


def most(looked: Float[Tensor, "row source"] | None) -> Int[Tensor, " row"] | None:
    """The first of the steps that weighed most; 0 where there is none."""
    if looked is None:
        return None
    if not looked.shape[1]:
        return torch.zeros(len(looked), dtype=torch.long, device=looked.device)
    least = looked.amax(1, keepdim=True) - NEAR
    return (looked >= least).int().argmax(1)


def normalised(total: float, length: int, power: float) -> float:
    """A sum of log-probabilities over length^power, so that short texts are not always best."""
    return total / float(max(length, 1) ** power)
