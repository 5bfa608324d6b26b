"""Optimisers against torch's, schedules at their corners, and the rules of `train:`."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from seqkit.errors import RecipeError
from seqkit.optimisers import (
    OPTIMISERS,
    SCHEDULES,
    BatchSettings,
    TrainSettings,
    adam,
    adamw,
    batch_rules,
    constant,
    cosine,
    linear,
    plateau,
    sgd,
)
from seqkit.plugins import check_factory
from seqkit.recipe import check_stage


def weights() -> list[nn.Parameter]:
    torch.manual_seed(3)
    return [nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(5))]


def gradients(parameters: list[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = torch.cos(parameter.detach() * 3)


@pytest.mark.parametrize(
    ("factory", "settings", "reference", "theirs"),
    [
        (adam, {}, torch.optim.Adam, {}),
        (
            adam,
            {"rate": 0.02, "beta1": 0.5, "beta2": 0.8, "epsilon": 0.01},
            torch.optim.Adam,
            {"lr": 0.02, "betas": (0.5, 0.8), "eps": 0.01},
        ),
        (adamw, {}, torch.optim.AdamW, {}),
        (
            adamw,
            {"rate": 0.1, "beta1": 0.0, "beta2": 0.9, "epsilon": 1e-3, "decay": 0.3},
            torch.optim.AdamW,
            {"lr": 0.1, "betas": (0.0, 0.9), "eps": 1e-3, "weight_decay": 0.3},
        ),
        (sgd, {}, torch.optim.SGD, {"lr": 0.1}),
        (
            sgd,
            {"rate": 0.3, "momentum": 0.9, "decay": 0.1},
            torch.optim.SGD,
            {"lr": 0.3, "momentum": 0.9, "weight_decay": 0.1},
        ),
    ],
)
def test_an_optimiser_takes_the_steps_that_torchs_own_takes(
    factory: Any, settings: dict[str, float], reference: Any, theirs: dict[str, Any]
) -> None:
    mine, others = weights(), weights()
    optimiser, other = factory(mine, **settings), reference(others, foreach=False, **theirs)
    for _ in range(5):
        for parameters, each in ((mine, optimiser), (others, other)):
            gradients(parameters)
            each.step()
    torch.testing.assert_close(mine, others, rtol=1e-6, atol=1e-7)


def test_adam_follows_its_equations() -> None:
    parameter = nn.Parameter(torch.tensor([0.5, -2.0]))
    optimiser = adam([parameter], rate=0.1, beta1=0.8, beta2=0.9, epsilon=1e-4)
    x, m, v = [0.5, -2.0], [0.0, 0.0], [0.0, 0.0]
    for step in range(1, 4):
        parameter.grad = 2 * parameter.detach()
        optimiser.step()
        for i in range(2):
            gradient = 2 * x[i]
            m[i] = 0.8 * m[i] + 0.2 * gradient
            v[i] = 0.9 * v[i] + 0.1 * gradient**2
            corrected, scale = m[i] / (1 - 0.8**step), v[i] / (1 - 0.9**step)
            x[i] -= 0.1 * corrected / (math.sqrt(scale) + 1e-4)
    assert parameter.tolist() == pytest.approx(x, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [
        ("adam", "beta1", 1.0),
        ("adam", "beta2", 1.0),
        ("adamw", "beta2", 1.0),
        ("sgd", "momentum", 1.0),
        ("adam", "rate", 0.0),
        ("adam", "epsilon", 0.0),
        ("adamw", "decay", -0.1),
    ],
)
def test_a_setting_that_torch_would_refuse_is_refused_at_check(
    kind: str, setting: str, value: float
) -> None:
    with pytest.raises(RecipeError, match=f"optimiser.{setting}: input should be"):
        check_stage("optimiser", {"use": kind, setting: value})


def shares(schedule: Any, steps: int) -> list[float]:
    return [schedule.factor(step, steps) for step in range(steps)]


def test_a_constant_rate_is_the_full_one() -> None:
    assert shares(constant(), 4) == [1.0, 1.0, 1.0, 1.0]


def test_a_warm_up_rises_in_a_line_and_never_starts_at_zero() -> None:
    assert shares(constant(warmup=3), 5) == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])


def test_a_linear_schedule_falls_to_its_floor_after_the_last_update() -> None:
    schedule = linear(floor=0.2)
    assert shares(schedule, 4) == pytest.approx([1.0, 0.8, 0.6, 0.4])
    assert schedule.factor(4, 4) == pytest.approx(0.2)
    assert schedule.factor(9, 4) == pytest.approx(0.2)


def test_a_line_starts_where_the_warm_up_ends() -> None:
    assert shares(linear(warmup=2), 6) == pytest.approx([1 / 3, 2 / 3, 1.0, 0.75, 0.5, 0.25])


def test_a_cosine_is_half_way_down_in_the_middle() -> None:
    schedule = cosine(floor=0.1)
    assert schedule.factor(0, 10) == 1.0
    assert schedule.factor(5, 10) == pytest.approx(0.55)
    assert schedule.factor(10, 10) == pytest.approx(0.1)
    assert schedule.factor(99, 10) == pytest.approx(0.1)


def test_a_hold_keeps_the_full_rate_before_the_cosine() -> None:
    schedule = cosine(warmup=2, hold=0.5)
    assert [schedule.factor(step, 12) for step in (2, 5, 7)] == [1.0, 1.0, 1.0]
    assert schedule.factor(8, 12) == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.2)))
    assert schedule.factor(12, 12) == pytest.approx(0.0, abs=1e-12)


def test_a_hold_to_the_end_never_falls() -> None:
    assert shares(cosine(hold=1.0), 5) == [1.0] * 5


@given(st.integers(0, 30), st.integers(1, 30), st.floats(0, 1), st.floats(0, 1))
def test_every_share_lies_between_nothing_and_the_full_rate(
    warmup: int, steps: int, floor: float, hold: float
) -> None:
    for schedule in (
        constant(warmup=warmup),
        linear(warmup=warmup, floor=floor),
        cosine(warmup=warmup, hold=hold, floor=floor),
        plateau(warmup=warmup),
    ):
        found = [schedule.factor(step, steps) for step in range(steps + 2)]
        assert all(0.0 <= share <= 1.0 for share in found)
        after = found[warmup:]
        assert after == sorted(after, reverse=True)


def test_a_plateau_waits_with_patience_and_then_lowers_the_rate() -> None:
    schedule = plateau(by=0.5, patience=1)
    found = []
    for better in (False, True, False, False, False, False, True, False, False):
        schedule.hear(better)
        found.append(schedule.factor(100, 200))
    assert found == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_a_plateau_without_patience_lowers_at_once() -> None:
    schedule = plateau(by=0.1, patience=0)
    schedule.hear(False)
    assert schedule.factor(0, 1) == pytest.approx(0.1)


def test_a_plateau_warms_up_too() -> None:
    schedule = plateau(by=0.5, patience=0, warmup=1)
    schedule.hear(False)
    assert [schedule.factor(step, 9) for step in range(3)] == [0.25, 0.5, 0.5]


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_a_schedule_goes_on_from_the_state_that_it_gave(name: str) -> None:
    first, again = SCHEDULES[name](), SCHEDULES[name]()
    for better in (True, False, False, False):
        first.hear(better)
    again.restore(first.state())
    for better in (False, False, True, False):
        first.hear(better)
        again.hear(better)
        assert first.factor(3, 9) == again.factor(3, 9)
        assert first.state() == again.state()


@pytest.mark.parametrize(
    ("factory", "given_before"),
    [(each, 1) for each in OPTIMISERS.values()] + [(each, 0) for each in SCHEDULES.values()],
)
def test_every_factory_of_the_tables_is_fit_to_be_a_schema(factory: Any, given_before: int) -> None:
    check_factory("it", factory, given_before)
    manual = inspect.getdoc(factory) or ""
    for name, parameter in inspect.signature(factory).parameters.items():
        assert parameter.kind is not parameter.KEYWORD_ONLY or name in manual


def said(**settings: Any) -> list[tuple[str, str]]:
    rules: Iterator[tuple[str, str]] = batch_rules(settings)
    return list(rules)


@pytest.mark.parametrize(
    "settings", [{"tokens": 2000}, {"rows": 32}, {"streams": 20, "window": 35}, {"tokens": 1}]
)
def test_one_way_of_batching_is_in_order(settings: dict[str, int]) -> None:
    assert said(**settings) == []


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (
            {},
            [
                (
                    "tokens",
                    "say how to batch: {tokens: 2000}, {rows: 32} or {streams: 20, window: 35}",
                )
            ],
        ),
        ({"tokens": 9, "rows": 2}, [("rows", "excludes 'tokens'. Keep one of them")]),
        (
            {"rows": 9, "streams": 2, "window": 3},
            [("streams", "excludes 'rows'. Keep one of them")],
        ),
        ({"streams": 2}, [("streams", "needs 'window', the steps of one window")]),
        ({"rows": 2, "window": 3}, [("window", "has no effect without 'streams'")]),
    ],
)
def test_a_mistake_in_batching_is_said(
    settings: dict[str, int], found: list[tuple[str, str]]
) -> None:
    assert said(**settings) == found


def test_settings_that_are_not_given_have_their_defaults() -> None:
    settings = TrainSettings()
    assert settings.batch == BatchSettings(tokens=2000)
    assert settings.batch.pool == 50
    assert (settings.precision, settings.accumulate, settings.clip) == ("fp32", 1, 5.0)


def test_the_default_optimiser_can_be_built_from_the_table() -> None:
    chosen: Any = check_stage("optimiser", "adam")
    parameters: list[Tensor] = [torch.zeros(2, requires_grad=True)]
    assert isinstance(chosen.build(parameters), torch.optim.Adam)
