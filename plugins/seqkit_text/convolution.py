"""A vector for each word from its characters, by convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors, time_mask

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

GATE_BIAS = -2.0
"""Of a highway's gate before training, so that it lets its input through."""


@final
class Convolution(nn.Module):
    """The highest answer of each filter to any place of a word (Kim et al. 2016, section 2.2).

    A word stands between a vector for its begin and one for its end; behind what is shorter than a
    filter stand zeros. kernels: how many characters the filters see, an equal share of them each.
    """

    spans: Tensor

    def __init__(
        self, character_width: int, *, width: int, kernels: Sequence[int], highway: int
    ) -> None:
        super().__init__()
        self.width, self.longest = width, max(kernels)
        filters = width // len(kernels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(character_width, filters, kernel) for kernel in kernels
        )
        spans = torch.tensor(kernels).repeat_interleave(filters)
        self.register_buffer("spans", spans, persistent=False)
        bound = (3 / character_width) ** 0.5  # as for the characters
        self.begin = nn.Parameter(torch.empty(character_width).uniform_(-bound, bound))
        self.end = nn.Parameter(torch.empty(character_width).uniform_(-bound, bound))
        self.highways = nn.Sequential(*(Highway(width) for _ in range(highway)))

    def forward(self, vectors: Vectors) -> Float[Tensor, "word width"]:
        """Each filter's highest answer under a tanh, after the highways.

        One matrix product runs all filters over windows as long as the longest.
        """
        sizes = vectors.lengths
        marked = F.pad(vectors.values, (0, 0, 1, self.longest))
        marked[:, 0] = self.begin
        marked[torch.arange(len(sizes), device=sizes.device), sizes + 1] = self.end
        windows = marked.unfold(1, self.longest, 1).flatten(2)
        answers = F.linear(windows, *self.filters())
        places = (sizes.unsqueeze(1) + 3 - self.spans).clamp(min=1)
        beyond = ~time_mask(places, answers.shape[1]).transpose(1, 2)
        highest = answers.masked_fill_(beyond, -torch.inf).amax(dim=1)
        found: Tensor = self.highways(torch.tanh(highest))
        return found

    def filters(self) -> tuple[Float[Tensor, "width window"], Float[Tensor, " width"]]:
        """All filters' weights, zero where one is shorter than the longest, and their biases."""
        banks = cast("list[nn.Conv1d]", list(self.convolutions))
        weights = [F.pad(bank.weight, (0, self.longest - bank.kernel_size[0])) for bank in banks]
        biases = [cast("Tensor", bank.bias) for bank in banks]
        return torch.cat(weights).flatten(1), torch.cat(biases)


@final
class Highway(nn.Module):
    """A gate mixes what a layer makes of its input with the input (Srivastava et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Linear(width, 2 * width)
        with torch.no_grad():
            self.weights.bias[width:].fill_(GATE_BIAS)

    def forward(self, values: Float[Tensor, "word width"]) -> Float[Tensor, "word width"]:
        """The input x and relu(W x + b), mixed by the gate sigmoid(V x + c)."""
        transformed, gates = self.weights(values).chunk(2, dim=1)
        return torch.lerp(values, F.relu(transformed), torch.sigmoid(gates))
