"""Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

All batches in here are time-major and padded. Initial weights: input Xavier uniform (Glorot &
Bengio 2010) and recurrent orthogonal (Saxe et al. 2014), gate by gate; biases zero, but one in the
forget gate (Jozefowicz et al. 2015).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor, nn

from seqkit.errors import PluginError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors
from seqkit_recurrent import odd_width
from seqkit_recurrent.dropout import StepDropout
from seqkit_recurrent.reverse import last_steps, reversal, take_steps

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float, Int

    from seqkit.stages import State


@final
class BiLSTM(nn.Module):
    """A stack of layers that read each row in both directions.

    inputs: width of the vectors that it reads. The other arguments are the settings of `bilstm`.
    """

    stride: int = 1
    causal: bool = False

    def __init__(
        self,
        inputs: int,
        *,
        width: int,
        layers: int = 1,
        dropout: float = 0.0,
        locked: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if width % 2:
            raise PluginError(f"bilstm: width {odd_width(width)}.")
        self.width = width
        self.residual = residual
        self.layers = nn.ModuleList(
            BothDirections(width if depth else inputs, width // 2) for depth in range(layers)
        )
        self.dropout = StepDropout(dropout, locked=locked)

    def forward(self, vectors: Vectors, state: State | None = None) -> Vectors:
        """Encodes a padded batch [batch time inputs] as [batch time width].

        The state is one tensor, h [batch layers width]: the hidden state of each layer's forward
        direction after the row's last real step, then that of its backward direction after step 0,
        both before dropout, as in `torch.nn.LSTM`; zero in rows without a step. Cells are left out:
        nothing can carry on from a row that was also read from its end.

        Raises PluginError where a state is given, for the same reason.
        """
        if state is not None:
            raise PluginError(
                "bilstm: it reads each text from both ends, so it cannot carry a state from window "
                "to window. Use a causal encoder, or batches of whole texts (tokens or rows)."
            )
        batch, time, _ = vectors.values.shape
        if not batch or not time:  # torch.nn.LSTM refuses an axis of no steps
            values = vectors.values.new_zeros(batch, time, self.width)
            hidden = vectors.values.new_zeros(batch, len(self.layers), self.width)
            return replace(vectors, values=values, state=(hidden,))
        values = vectors.values.transpose(0, 1)
        mask = vectors.mask.transpose(0, 1).unsqueeze(-1)
        reverse, last = reversal(vectors.lengths, time), last_steps(vectors.lengths)
        hiddens = []
        for depth, layer in enumerate(self.layers):
            output, hidden = layer(values, mask, reverse, last)
            output = self.dropout(output)
            values = output + values if self.residual and depth else output
            hiddens.append(hidden)
        return replace(vectors, values=values.transpose(0, 1), state=(torch.stack(hiddens, 1),))


class BothDirections(nn.Module):
    """One layer: two LSTMs over the padded batch, the second over rows reversed in their lengths.

    Equal to a bidirectional `torch.nn.LSTM` over a PackedSequence, but on the fused kernels.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.forwards = initialised(nn.LSTM(inputs, hidden))
        self.backwards = initialised(nn.LSTM(inputs, hidden))

    def forward(
        self,
        values: Float[Tensor, "time batch inputs"],
        mask: Bool[Tensor, "time batch 1"],
        reverse: Int[Tensor, " steps"],
        last: Int[Tensor, " batch"],
    ) -> tuple[Float[Tensor, "time batch width"], Float[Tensor, "batch width"]]:
        """The outputs, zero past lengths, and each row's last hidden states.

        reverse, last: flat indices over time x batch, from `reversal` and `last_steps`.
        """
        onward, _ = self.forwards(values)
        back, _ = self.backwards(take_steps(values, reverse).view(values.shape))
        output = torch.cat((onward, take_steps(back, reverse).view(back.shape)), dim=-1)
        hidden = torch.cat((take_steps(onward, last), take_steps(back, last)), dim=-1)
        return output.masked_fill(~mask, 0.0), hidden.masked_fill(~mask[0], 0.0)


@torch.no_grad()
def initialised(lstm: nn.LSTM) -> nn.LSTM:
    """Fills a layer's weights as this module's docstring says, and returns the layer."""
    for name, parameter in lstm.named_parameters():
        gates = parameter.chunk(4)  # input, forget, cell, output
        for gate in gates:
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(gate)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(gate)
            else:
                nn.init.zeros_(gate)
        if name.startswith("bias_ih"):  # torch.nn.LSTM adds a second bias: one of them is enough
            nn.init.ones_(gates[1])
    return lstm
