"""A stack of recurrent layers: directions, dropout and connections between layers, states.

All batches in here are time-major and padded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol, cast, final, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqkit.abilities import Advance, Observed, Stepping
from seqkit.errors import PluginError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors
from seqkit_recurrent.dropout import StepDropout
from seqkit_recurrent.rows import Rows
from seqkit_recurrent.switches import Connections, Ways

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import State

Direction = Literal["forward", "backward"]
Series = Mapping[str, "Float[Tensor, 'time batch']"]


@runtime_checkable
class Layer(Protocol):
    """One direction of one layer, over a padded batch [time batch inputs].

    width: of what it gives for a step. A state is a tuple of tensors [batch, ...]; the first one is
    the hidden state [batch width].
    """

    width: int

    def initial(self, batch: int) -> State:
        """The state before the first step."""
        ...

    def forward(
        self, values: Float[Tensor, "time batch inputs"], rows: Rows, state: State, carry: bool
    ) -> tuple[Float[Tensor, "time batch width"], State]:
        """The outputs, and the state after each row's last real step.

        What it gives past a row's length is not looked at. A row without a step keeps the state
        that it is given. carry: whether the state is needed whole, or its first part alone.
        """
        ...

    def observe(
        self,
        values: Float[Tensor, "time batch inputs"],
        rows: Rows,
        state: State,
        probe: Float[Tensor, "time batch width"],
    ) -> tuple[Float[Tensor, "time batch width"], State, Series]:
        """What forward gives, step by step, and numbers for each step of what went on inside.

        probe: is added to the hidden state of each step.
        """
        ...


Make = Callable[[int, int], Layer]
"""Makes a layer from the width that it reads and the width that it gives."""
Read = Callable[
    [str, Layer, Direction, "Float[Tensor, 'time batch inputs']", Rows, "State"],
    "tuple[Float[Tensor, 'time batch width'], State]",
]
"""Reads a batch with a layer, of a name and a direction: outputs in the text's order, and state."""


@final
class Stack(nn.Module):
    """Recurrent layers, each of which reads the output of the one before.

    name: of the encoder, for messages. make: makes a layer. directions: of the layers, for each
    depth; two of them share the width. window: steps that gradients go back at most, and
    whose activations are in memory at a time.
    """

    stride: int = 1

    def __init__(
        self,
        name: str,
        inputs: int,
        make: Make,
        *,
        width: int,
        directions: Sequence[Sequence[Direction]],
        connections: Connections,
        window: int | None = None,
    ) -> None:
        super().__init__()
        self.name, self.width, self.directions, self.window = name, width, directions, window
        self.causal = all(list(ways) == ["forward"] for ways in directions)
        self.layers = nn.ModuleList(
            nn.ModuleList(made(make, width if depth else inputs, width, len(ways)))
            for depth, ways in enumerate(directions)
        )
        self.residual = connections.residual
        self.highways = nn.ModuleList(
            highway_gate(width) for _ in range(len(directions) - 1 if connections.highway else 0)
        )
        locked, rate = connections.locked, connections.dropout
        last = rate if connections.output_dropout is None else connections.output_dropout
        rates = [rate] * (len(directions) - 1) + [last]
        self.input_dropout = StepDropout(connections.input_dropout, locked=locked)
        self.dropouts = nn.ModuleList(StepDropout(rate, locked=locked) for rate in rates)

    def forward(self, vectors: Vectors, state: State | None = None) -> Vectors:
        """Encodes a padded batch [batch time inputs] as [batch time width].

        The state's first part is [batch layers width]: the hidden state of each layer after the
        row's last real step, before dropout, as in `torch.nn.LSTM`; of two directions the forward
        one's, then the backward one's after step 0. Causal stacks give all else that they need to
        go on, and take it. Rows without a step keep the state that they start from.

        Raises PluginError where a state is given to a stack that also reads backwards.
        """
        self.refuse(state)
        return self.encode(vectors, state, self.read)

    def observe(self, vectors: Vectors, state: State | None = None) -> Observed:
        """What forward gives without dropout, step by step, with what went on in each layer."""
        self.refuse(state)
        series: dict[str, Mapping[str, Tensor]] = {}
        probes: dict[str, Tensor] = {}

        def look(
            name: str, layer: Layer, way: Direction, values: Tensor, rows: Rows, before: State
        ) -> tuple[Tensor, State]:
            batch = values.shape[1]
            probe = values.new_zeros(batch, rows.time, layer.width, requires_grad=True)
            turn = rows.reversed if way == "backward" else same
            output, end, seen = layer.observe(
                turn(values), rows, before, turn(probe.transpose(0, 1))
            )
            probes[name] = probe
            series[name] = {
                key: turn(value.unsqueeze(2)).squeeze(2).T for key, value in seen.items()
            }
            return turn(output), end

        found = self.encode(vectors, state, look)
        return Observed(found, series, probes)

    def stepper(self) -> Advance:
        """What reads one step [row inputs] from a state of the form that forward gives.

        Raises PluginError for a stack that also reads backwards.
        """
        if not self.causal:
            raise PluginError(
                f"{self.name}: it reads each text from its end too, so not step by step. Use a "
                "causal encoder."
            )
        layers = [stepped(cast("Sequence[Layer]", ways)[0]) for ways in self.layers]
        drops = [cast("StepDropout", one).steps() for one in self.dropouts]
        drop_input = self.input_dropout.steps()

        def step(values: Tensor, state: State) -> tuple[Tensor, State]:
            values = drop_input(values)
            ends: list[list[State]] = []
            for depth, advance in enumerate(layers):
                output, end = advance(values, tuple(part[:, depth] for part in state))
                values = self.connected(drops[depth](output), values, depth)
                ends.append([end])
            return values, self.packed(ends)

        return step

    def encode(self, vectors: Vectors, state: State | None, read: Read) -> Vectors:
        """All layers, one after the other."""
        batch, time, _ = vectors.values.shape
        rows = Rows(vectors.lengths, time)
        read = read if batch and time else without_steps  # the kernels refuse an axis of no steps
        values = self.input_dropout(vectors.values.transpose(0, 1))
        ends: list[list[State]] = []
        for depth, ways in enumerate(self.directions):
            layers = cast("Sequence[Layer]", self.layers[depth])
            outputs, after = [], []
            for layer, way in zip(layers, ways, strict=True):
                before = layer.initial(batch)
                if state is not None:
                    before = tuple(part[:, depth] for part in state)
                name = f"layer {depth + 1} {way}"
                output, end = read(name, layer, way, values, rows, before)
                outputs.append(output)
                after.append(end)
            output = outputs[0] if len(outputs) == 1 else torch.cat(outputs, 2)
            output = self.dropouts[depth](output.masked_fill(~rows.mask, 0.0))
            values = self.connected(output, values, depth)
            ends.append(after)
        return replace(vectors, values=values.transpose(0, 1), state=self.packed(ends))

    def read(
        self,
        name: str,
        layer: Layer,
        way: Direction,
        values: Float[Tensor, "time batch inputs"],
        rows: Rows,
        before: State,
    ) -> tuple[Float[Tensor, "time batch width"], State]:
        """Reads a batch with a layer, backwards over the rows reversed within their lengths."""
        del name
        turn = rows.reversed if way == "backward" else same
        if self.window and self.window < rows.time and torch.is_grad_enabled():
            given = (turn(values), rows, before, self.causal)
            output, end = read_windows(layer, *given, self.window)
        else:
            output, end = layer.forward(turn(values), rows, before, self.causal)
        return turn(output), end

    def connected(
        self,
        output: Float[Tensor, "*time batch width"],
        values: Float[Tensor, "*time batch inputs"],
        depth: int,
    ) -> Float[Tensor, "*time batch width"]:
        """A layer's output with what it has read, where the stack has such connections."""
        if depth and self.highways:
            opened = torch.sigmoid(self.highways[depth - 1](values))
            return values + opened * (output - values)
        return output + values if depth and self.residual else output

    def packed(self, ends: Sequence[Sequence[State]]) -> State:
        """The layers' states side by side, [batch layers ...], in fp32 at least."""
        if self.causal:
            parts = [torch.stack(part, 1) for part in zip(*(one for (one,) in ends), strict=True)]
        else:
            hidden = [torch.cat([state[0] for state in ways], 1) for ways in ends]
            parts = [torch.stack(hidden, 1)]
        return tuple(part.to(torch.promote_types(part.dtype, torch.float32)) for part in parts)

    def refuse(self, state: State | None) -> None:
        """Refuses a state where it could not be carried on."""
        if state is not None and not self.causal:
            raise PluginError(
                f"{self.name}: it reads each text from its end too, so it cannot carry a state "
                "from window to window. Use a causal encoder, or batches of whole texts (tokens or "
                "rows)."
            )


def read_windows(
    layer: Layer,
    values: Float[Tensor, "time batch inputs"],
    rows: Rows,
    before: State,
    carry: bool,
    window: int,
) -> tuple[Float[Tensor, "time batch width"], State]:
    """Reads a batch in windows between which no gradient flows back, but the state goes on.

    What a window's gradient needs is not kept, but computed again when it is due (Chen et al.
    2016), so that one window's is in memory at a time. The state that comes out is each row's own,
    of the window with its last step, and not cut off.
    """
    outputs, end, carried = [], before, before
    for start in range(0, rows.time, window):
        part = values[start : start + window]
        here = Rows((rows.lengths - start).clamp(0, len(part)), len(part))
        output, after = checkpoint(layer.forward, part, here, carried, carry, use_reentrant=False)
        outputs.append(output)
        goes_on = here.lengths > 0
        end = tuple(
            torch.where(goes_on.view(-1, *[1] * (new.ndim - 1)), new, old)
            for new, old in zip(after, end, strict=True)
        )
        carried = tuple(tensor.detach() for tensor in after)
    return torch.cat(outputs), end


def stepped(layer: Layer) -> Advance:
    """What reads one step with a layer: its own way, or its forward over rows of one step."""
    if isinstance(layer, Stepping):
        return layer.stepper()

    def step(values: Tensor, state: State) -> tuple[Tensor, State]:
        rows = Rows(torch.ones(len(values), dtype=torch.long, device=values.device), 1)
        output, end = layer.forward(values.unsqueeze(0), rows, state, True)
        return output[0], end

    return step


def made(make: Make, inputs: int, width: int, ways: int) -> Iterator[nn.Module]:
    """The layers of one depth, which share its width."""
    for _ in range(ways):
        yield cast("nn.Module", make(inputs, width // ways))


def same(values: Tensor) -> Tensor:
    """The values themselves."""
    return values


def without_steps(
    name: str,
    layer: Layer,
    way: Direction,
    values: Float[Tensor, "time batch inputs"],
    rows: Rows,
    before: State,
) -> tuple[Float[Tensor, "time batch width"], State]:
    """The outputs and states of a batch in which no row has a step."""
    del name, way
    return values.new_zeros(rows.time, values.shape[1], layer.width), before


def highway_gate(width: int) -> nn.Linear:
    """The transform gate of a highway layer (Srivastava et al. 2015), at first nearly closed."""
    linear = nn.Linear(width, width)
    nn.init.xavier_uniform_(linear.weight)
    nn.init.constant_(linear.bias, -1.0)
    return linear


def ways_of(layers: int, kind: Ways) -> list[list[Direction]]:
    """The directions of each layer of a stack."""
    if kind == "alternating":
        return [["backward"] if depth % 2 else ["forward"] for depth in range(layers)]
    return [["forward", "backward"] if kind == "both" else ["forward"] for _ in range(layers)]
