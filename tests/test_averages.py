"""Averages of weights: the recursion in float64, and what a run does with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

import seqkit
from seqkit.averages import Averages


def linear() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(3, 2)


def move(network: nn.Module) -> None:
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight))


def test_an_average_is_the_recursion_with_a_warm_up() -> None:
    network = linear()
    averages = Averages(network, 0.7)
    expected = network.weight.detach().double().numpy().copy()
    for number in range(1, 41):
        move(network)
        averages.follow(number)
        decay = min(0.7, number / (number + 9))
        expected = decay * expected + (1 - decay) * network.weight.detach().double().numpy()
    np.testing.assert_allclose(averages.values["weight"].numpy(), expected, rtol=1e-5)


def test_averages_stand_in_the_weights_place_and_leave_it_again() -> None:
    network = linear()
    averages = Averages(network, 0.5)
    move(network)
    averages.follow(1)
    weight, average = network.weight.detach().clone(), averages.values["weight"].clone()
    assert not torch.equal(weight, average)
    with averages.used():
        assert torch.equal(network.weight, average)
        assert torch.equal(averages.values["weight"], weight)
    assert torch.equal(network.weight, weight)
    assert torch.equal(averages.values["weight"], average)


def test_frozen_weights_have_no_average() -> None:
    network = linear()
    network.bias.requires_grad_(False)
    assert set(Averages(network, 0.5).values) == {"weight"}


def test_the_averages_are_what_is_scored_and_saved(toy: Path, tmp_path: Path) -> None:
    settings = {"train.epochs": 2, "evaluate.bootstrap": 0}
    raw = seqkit.run(toy, out=tmp_path / "raw", set=settings)
    still = settings | {"train.average": {"decay": 0.999}}
    averaged = seqkit.run(toy, out=tmp_path / "averaged", set=still)
    last = dict(raw.load().network.named_parameters())
    found = dict(averaged.load().network.named_parameters())
    assert all(not torch.equal(found[name], last[name]) for name in last)
    again = seqkit.load(tmp_path / "averaged")
    assert (
        averaged.metrics["dev"]["accuracy"]["value"] == (averaged.metrics["train"]["best"]["value"])
    )
    assert all(torch.equal(weight, found[n]) for n, weight in again.network.named_parameters())


def test_without_a_dev_split_the_last_averages_are_saved(toy: Path, tmp_path: Path) -> None:
    text = "\n".join(line for line in toy.read_text().splitlines() if "dev:" not in line)
    recipe = toy.parent / "no-dev.yaml"
    recipe.write_text(text)
    settings = {"train.epochs": 1, "train.average": {"decay": 0.9}, "evaluate.bootstrap": 0}
    run = seqkit.run(recipe, out=tmp_path / "averaged", set=settings)
    plain = settings | {"train.average": None}
    raw = seqkit.run(recipe, out=tmp_path / "raw", set=plain)
    found, last = run.load().network.state_dict(), raw.load().network.state_dict()
    assert any(not torch.equal(found[name], last[name]) for name in last)
