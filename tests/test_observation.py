"""Looking into encoders: the gradients are those of the textbook's recursion, nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from seqkit.abilities import Observed
from seqkit.errors import PluginError
from seqkit.network import Network
from seqkit.observation import gradients, looking, mean, observable, observe
from seqkit.stages import Loss, State, Vectors


class Unfitted:
    """What has nothing to fit or to prepare."""

    samples = False
    along_time: frozenset[str] = frozenset()

    def fit(self, *_: Any) -> dict[str, Any]:
        return {}

    def ready(self, *_: Any) -> None:
        return None

    def prepare(self, *_: Any) -> dict[str, np.ndarray]:
        return {}


@final
class Given(nn.Module, Unfitted):
    """An embedder that hands on the vectors of the batch."""

    width = 3

    def forward(self, batch: Mapping[str, Tensor]) -> Vectors:
        return Vectors(batch["values"], batch["values.lengths"])


@final
class Elman(nn.Module):
    """A simple recurrent network that can be looked into.

    nudge: is added to each hidden state by forward, as observe adds its probe. drift: is added by
    observe alone, which is wrong.
    """

    width, stride, causal = 3, 1, True

    def __init__(self, drift: float = 0.0) -> None:
        super().__init__()
        self.drift, self.nudge = drift, torch.zeros(1, 1, 3)
        self.read, self.again = nn.Linear(3, 3), nn.Linear(3, 3, bias=False)

    def forward(self, vectors: Vectors, state: State | None = None) -> Vectors:
        return self.run(vectors, self.nudge.expand_as(vectors.values))

    def observe(self, vectors: Vectors, state: State | None = None) -> Observed:
        probe = torch.zeros_like(vectors.values).requires_grad_()
        found = self.run(vectors, probe + self.drift)
        return Observed(found, {"layer": {"norm": found.values.norm(dim=2)}}, {"layer": probe})

    def run(self, vectors: Vectors, probe: Tensor) -> Vectors:
        hidden, steps = vectors.values.new_zeros(len(vectors.values), 3), []
        for step in range(vectors.values.shape[1]):
            drive = self.read(vectors.values[:, step]) + self.again(hidden)
            hidden = torch.tanh(drive) + probe[:, step]
            steps.append(hidden * vectors.mask[:, step, None])
        return replace(vectors, values=torch.stack(steps, 1))


@final
class Plain(nn.Module):
    """An encoder that cannot be looked into."""

    width, stride, causal = 3, 1, True

    def forward(self, vectors: Vectors, state: State | None = None) -> Vectors:
        return replace(vectors, values=vectors.values * 2)


@final
class Weighing(nn.Module, Unfitted):
    """A decoder whose loss is a weighted sum of all that it gets."""

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        total = (inputs["text"].values * batch["weights"]).sum()
        return Loss(total, torch.tensor(4))

    def predict(self, *_: Any) -> list[Any]:
        return []

    def gold(self, _: Any) -> dict[str, Any]:
        return {}


def network(*encoders: Any) -> Network:
    torch.manual_seed(1)
    return Network({"text": Given()}, [{"text": one} for one in encoders], Weighing())


def batch(*lengths: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(2)
    shape = (len(lengths), max(lengths), 3)
    real = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).unsqueeze(2)
    return {
        "text/values": torch.randn(shape, generator=draw) * real,
        "text/values.lengths": torch.tensor(lengths),
        "decode/weights": torch.randn(shape, generator=draw) * real,
    }


def looked(made: Network, given: Mapping[str, Tensor], **more: Any) -> tuple[Any, Any]:
    with looking(made):
        vectors, seen = observe(made, given, **more)
        weights = {"weights": given["decode/weights"]}
        return seen, gradients(mean(made.decoder.loss(vectors, weights)), seen)


def naive(encoder: Elman, values: np.ndarray, weights: np.ndarray) -> list[float]:
    """The norms of d L / d h_t = w_t + (diag(1 - h_{t+1}^2) R)^T d L / d h_{t+1}."""
    read, again = (
        layer.weight.detach().double().numpy() for layer in (encoder.read, encoder.again)
    )
    bias = encoder.read.bias.detach().double().numpy()
    hidden = [np.zeros(3)]
    for value in values:
        hidden.append(np.tanh(read @ value + bias + again @ hidden[-1]))
    found, after = [], np.zeros(3)
    for step in range(len(values), 0, -1):
        if step < len(values):
            after = (np.diag(1 - hidden[step + 1] ** 2) @ again).T @ after
        after = weights[step - 1] + after
        found.append(float(np.linalg.norm(after)) / 4)
    return found[::-1]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_gradients_are_those_of_the_recursion_over_the_jacobians(lengths: list[int]) -> None:
    encoder, given = Elman(), batch(*lengths)
    _, found = looked(network(encoder), given)
    for row, length in enumerate(lengths):
        values = given["text/values"][row, :length].double().numpy()
        weights = given["decode/weights"][row, :length].double().numpy()
        norms = found["0/text"]["layer"][row].tolist()
        assert norms[:length] == pytest.approx(naive(encoder, values, weights), rel=1e-4)
        assert norms[length:] == [0.0] * (max(lengths) - length)


def test_each_encoder_of_a_chain_is_seen_and_those_between_are_run_as_they_are() -> None:
    made, given = network(Elman(), Plain(), Elman()), batch(3, 2)
    seen, found = looked(made, given)
    assert list(seen) == list(found) == ["0/text", "2/text"]
    vectors, _ = made.encode(given)
    torch.testing.assert_close(seen["2/text"].vectors.values, vectors["text"].values)
    below = naive_difference(made, given)
    assert found["0/text"]["layer"][0].tolist() == pytest.approx(below, rel=1e-2)


@torch.no_grad()
def naive_difference(made: Network, given: Mapping[str, Tensor]) -> list[float]:
    """The norm of d loss / d h_t of the first encoder and row, by central differences."""
    first: Any = made.steps[0]
    encoder, size, norms = first["text"], 1e-2, []
    for step in range(3):
        slopes = []
        for unit in range(3):
            losses = []
            for sign in (size, -size):
                encoder.nudge = torch.zeros(2, 3, 3)
                encoder.nudge[0, step, unit] = sign
                vectors, _ = made.encode(given)
                losses.append(float((vectors["text"].values * given["decode/weights"]).sum() / 4))
            slopes.append((losses[0] - losses[1]) / (2 * size))
        norms.append(float(np.linalg.norm(slopes)))
    encoder.nudge = torch.zeros(1, 1, 3)
    return norms


def test_a_part_that_the_loss_does_not_depend_on_has_no_gradient() -> None:
    made, given = network(Elman()), batch(3, 1)
    with looking(made):
        _, seen = observe(made, given)
        for loss in (torch.zeros(()), next(made.parameters()).sum()):
            assert not gradients(loss, seen)["0/text"]["layer"].any()


@pytest.mark.parametrize("outer", [torch.no_grad, torch.inference_mode])
def test_gradients_are_there_whatever_the_caller_has_switched_off(outer: Any) -> None:
    made, given = network(Elman()), batch(4)
    with outer():
        _, found = looked(made, given)
        assert not torch.is_grad_enabled()
    assert (found["0/text"]["layer"] > 0).all()
    assert not found["0/text"]["layer"].requires_grad


def test_looking_leaves_weights_gradients_and_backends_as_they_are() -> None:
    made = network(Elman())
    first, *rest = made.parameters()
    first.grad = torch.ones_like(first)
    before = [weight.detach().clone() for weight in made.parameters()]
    enabled, draws = torch.backends.cudnn.enabled, torch.get_rng_state()
    looked(made, batch(4, 2))
    assert all(torch.equal(*pair) for pair in zip(before, made.parameters(), strict=True))
    assert torch.equal(first.grad, torch.ones_like(first))
    assert [weight.grad for weight in rest] == [None] * len(rest)
    assert torch.backends.cudnn.enabled == enabled
    assert torch.equal(torch.get_rng_state(), draws)


def test_dropout_is_off_while_looking_and_so_are_kernels_without_a_gradient() -> None:
    made, enabled = network(Elman()).train(), torch.backends.cudnn.enabled
    with looking(made):
        assert not made.training
        assert not torch.backends.cudnn.enabled
    assert torch.backends.cudnn.enabled == enabled


def test_an_encoder_that_shows_another_pass_is_named() -> None:
    made, given = network(Elman(), Elman(drift=0.25)), batch(3)
    with pytest.raises(PluginError) as refused:
        looked(made, given, names={"0/text": "first", "1/text": "second"})
    assert str(refused.value).startswith("second: what its observe computes differs by 0.")
    assert str(refused.value).endswith("what the model does. Hold it to check_stage.")
    looked(made, given)  # while training, nothing is held against forward


def test_networks_say_whether_they_can_be_looked_into() -> None:
    assert observable(network(Plain(), Elman()))
    assert not observable(network(Plain()))
    assert not observable(network())
