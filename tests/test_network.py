"""The network: shared stages stand once, states go in and out, losses and penalties add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqkit.network import DECODE, Network, scoped
from seqkit.stages import Answer, Example, Loss, Vectors

LENGTHS = torch.tensor([3, 1])


class Unfitted:
    """What has nothing to fit or to prepare."""

    samples = False
    along_time: frozenset[str] = frozenset({"ids"})

    def fit(self, _: Iterable[Example]) -> Mapping[str, Any]:
        return {}

    def ready(self, _: Mapping[str, Any]) -> None:
        return None

    def prepare(self, *_: Any) -> dict[str, np.ndarray]:
        return {}


@final
class Lookup(nn.Module, Unfitted):
    """An embedder with a penalty."""

    width = 2

    def __init__(self, penalty: float | None = None) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 2)
        self.penalty = penalty

    def forward(self, batch: Mapping[str, Tensor]) -> Vectors:
        assert set(batch) == {"ids", "ids.lengths"}
        penalty = None if self.penalty is None else torch.tensor(self.penalty)
        return Vectors(self.table(batch["ids"]), batch["ids.lengths"], penalty=penalty)


@final
class Summing(nn.Module):
    """A causal encoder whose state is the sum so far."""

    width, stride, causal = 2, 1, True

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, vectors: Vectors, state: Any = None) -> Vectors:
        values = vectors.values * self.scale * vectors.mask.unsqueeze(2)
        if state is not None:
            values[:, 0] += state[0]
        total = values.sum(1)
        return replace(vectors, values=values.cumsum(1), state=(total,))


@final
class Plain(nn.Module):
    """An encoder without a state."""

    width, stride, causal = 2, 1, True

    def forward(self, vectors: Vectors, state: Any = None) -> Vectors:
        assert state is None
        return replace(vectors, values=vectors.values + 1)


@final
class Crossing(nn.Module):
    """A joint encoder: each input gets the mean of the other's."""

    width, stride, causal = 2, 1, False

    def forward(self, inputs: Mapping[str, Vectors]) -> Mapping[str, Vectors]:
        first, second = inputs.values()
        a, b = inputs
        return {
            a: replace(first, values=first.values + second.values.mean((0, 1))),
            b: replace(second, values=second.values + first.values.mean((0, 1))),
        }


@final
class Adding(nn.Module, Unfitted):
    """A decoder whose loss is the sum of all that comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        assert set(batch) == {"gold"}
        total = torch.stack([one.values.sum() for one in inputs.values()]).sum()
        return Loss(total + self.bias, batch["gold"].sum())

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        (one,) = inputs.values()
        found = zip(one.values.sum((1, 2)).tolist(), batch["gold"].tolist(), strict=True)
        return [{"value": [total, gold, len(examples)]} for total, gold in found]

    def gold(self, example: Example) -> Answer:
        return {"value": example.gold}


def batch(*names: str) -> dict[str, Tensor]:
    """Two rows of ids for each input, and a gold."""
    found: dict[str, Tensor] = {DECODE + "gold": torch.tensor([2, 3])}
    for number, name in enumerate(names):
        found[f"{name}/ids"] = torch.tensor([[1, 2, 3], [4, 0, 0]]) + number
        found[f"{name}/ids.lengths"] = LENGTHS
    return found


def test_a_stage_sees_its_own_arrays_alone() -> None:
    arrays = {name: torch.tensor(0) for name in ("a/x", "a/x.lengths", "ab/x", "decode/a/x", "x")}
    assert list(scoped(arrays, "a/")) == ["x", "x.lengths"]
    assert list(scoped(arrays, "decode/")) == ["a/x"]
    assert scoped(arrays, "b/") == {}


def test_a_stage_that_several_inputs_share_has_its_weights_once() -> None:
    lookup, encoder = Lookup(), Summing()
    shared = Network({"a": lookup, "b": lookup}, [{"a": encoder, "b": encoder}], Adding())
    apart = Network({"a": Lookup(), "b": Lookup()}, [{"a": Summing(), "b": Summing()}], Adding())
    assert [len(list(one.parameters())) for one in (shared, apart)] == [3, 5]
    assert len(shared.state_dict()) == 3
    assert sorted({name.partition(".")[0] for name in apart.state_dict()}) == [
        "decoder",
        "embedding",
        "encoding",
    ]


def test_all_stages_train_and_predict_together() -> None:
    joint = Crossing()
    network = Network(
        {"a": Lookup(), "b": Lookup()}, [joint, {"a": Plain(), "b": Plain()}], Adding()
    )
    assert all(module.training for module in network.modules())
    network.eval()
    assert not joint.training
    assert not any(module.training for module in network.modules())


def test_encoders_run_one_after_the_other_on_every_input() -> None:
    lookup = Lookup()
    network = Network({"a": lookup}, [{"a": Plain()}, {"a": Plain()}], Adding())
    vectors, after = network.encode(batch("a"))
    torch.testing.assert_close(vectors["a"].values, lookup.table(batch("a")["a/ids"]) + 2)
    assert vectors["a"].lengths is LENGTHS
    assert after == {}


def test_without_encoders_the_decoder_gets_what_was_embedded() -> None:
    lookup = Lookup()
    vectors, _ = Network({"a": lookup}, [], Adding()).encode(batch("a"))
    assert torch.equal(vectors["a"].values, lookup.table(batch("a")["a/ids"]))


def test_a_joint_encoder_is_handed_all_inputs() -> None:
    network = Network(
        {"a": Lookup(), "b": Lookup()}, [Crossing(), {"a": Plain(), "b": Plain()}], Adding()
    )
    alone = Network(network.embedders, [], Adding())
    both, _ = network.encode(batch("a", "b"))
    plain, _ = alone.encode(batch("a", "b"))
    mean = plain["b"].values.mean((0, 1))
    torch.testing.assert_close(both["a"].values, plain["a"].values + mean + 1)


def test_states_come_out_under_step_and_input_and_go_in_again() -> None:
    first, second = Summing(), Summing()
    network = Network(
        {"a": Lookup(), "b": Lookup()},
        [{"a": first, "b": Plain()}, {"a": second, "b": second}],
        Adding(),
    )
    _, after = network.encode(batch("a", "b"))
    assert list(after) == ["0/a", "1/a", "1/b"]
    assert all(part.shape[0] == 2 for state in after.values() for part in state)


def test_windows_with_their_states_carried_are_the_whole() -> None:
    network = Network({"a": Lookup()}, [{"a": Summing()}, {"a": Summing()}], Adding())
    ids = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])

    def window(begin: int, end: int) -> dict[str, Tensor]:
        lengths = torch.full((2,), end - begin)
        return {
            "a/ids": ids[:, begin:end],
            "a/ids.lengths": lengths,
            "decode/gold": torch.tensor([1]),
        }

    whole, last = network.encode(window(0, 4))
    states: Any = None
    parts = []
    for begin in (0, 1, 3):
        vectors, states = network.encode(window(begin, {0: 1, 1: 3, 3: 4}[begin]), states)
        parts.append(vectors["a"].values)
    torch.testing.assert_close(torch.cat(parts, 1), whole["a"].values)
    for key, state in last.items():
        torch.testing.assert_close(states[key][0], state[0])
    _, loss_states = network(window(0, 4))[1:]
    torch.testing.assert_close(loss_states["1/a"][0], last["1/a"][0])


@pytest.mark.parametrize(
    ("first", "second", "total"), [(None, None, None), (1.5, None, 1.5), (1.5, 2.0, 3.5)]
)
def test_the_penalties_of_all_inputs_add_up(
    first: float | None, second: float | None, total: float | None
) -> None:
    network = Network(
        {"a": Lookup(first), "b": Lookup(second)}, [{"a": Plain(), "b": Plain()}], Adding()
    )
    _, penalty, _ = network(batch("a", "b"))
    assert (None if penalty is None else float(penalty)) == total


def test_the_loss_is_the_decoders_and_reaches_every_weight() -> None:
    network = Network({"a": Lookup()}, [{"a": Summing()}], Adding())
    loss, _, _ = network(batch("a"))
    assert int(loss.count) == 5
    loss.total.backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_answers_are_the_decoders() -> None:
    network = Network({"a": Lookup()}, [{"a": Plain()}], Adding())
    examples = [Example({}, {}), Example({}, {})]
    found = network.answer(batch("a"), examples)
    vectors, _ = network.encode(batch("a"))
    totals = vectors["a"].values.sum((1, 2)).tolist()
    assert [answer["value"] for answer in found] == [[totals[0], 2, 2], [totals[1], 3, 2]]
