"""Every encoder that comes with seqkit, on settings and batches that are out of the ordinary."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.errors import RecipeError
from seqkit.plugins import registry
from seqkit.recipe import read_recipe
from seqkit.stages import Upstream, Vectors

INPUTS = 5
SMALL = {"width": 8, "layers": 2, "heads": 2}
"""Settings of a small encoder, where it has them."""
WRONG = {"width": 0, "layers": -1, "heads": 0, "inner": 0, "window": 0}
"""Values that are refused; so is 1.0 as a share of what is dropped."""
STAGES = {
    stage.name: stage
    for stage in registry().stages("encoder")
    if stage.plugin.distribution == "seqkit"
    and not stage.joint
    and "width" in inspect.signature(stage.factory).parameters
}
"""Those that compute vectors of their own; the others pass on what they are given."""
every = pytest.mark.parametrize("name", STAGES)


def settings_of(name: str) -> list[str]:
    """What a recipe may set of an encoder."""
    parameters = inspect.signature(STAGES[name].factory).parameters.values()
    return [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]


def built(name: str, **given: Any) -> Any:
    """A small encoder of random weights, biases too, so that it gives zeros for no other reason."""
    torch.manual_seed(1)
    known = settings_of(name)
    small = {setting: value for setting, value in SMALL.items() if setting in known}
    encoder = STAGES[name].factory(Upstream(INPUTS), **{**small, **given})
    for weight in encoder.parameters():
        nn.init.normal_(weight, std=0.3)
    return encoder.eval()


def padded(*lengths: int) -> Vectors:
    """Random rows, zero past their lengths, with a step of padding even in the longest."""
    torch.manual_seed(2)
    vectors = Vectors(torch.randn(len(lengths), max(lengths) + 1, INPUTS), torch.tensor(lengths))
    return Vectors(vectors.values * vectors.mask.unsqueeze(2), vectors.lengths)


def parts(encoded: Vectors) -> list[Tensor]:
    """All that an encoder gives, batch first."""
    return [encoded.values, *(encoded.state or ())]


def refused(toy: Path, settings: Mapping[str, Any]) -> RecipeError:
    """What the check says of a recipe that encodes so."""
    written = ", ".join(f"{name}: {value}" for name, value in settings.items())
    recipe = toy.read_text().replace("{use: bilstm, width: 8, dropout: 0.3}", f"{{{written}}}")
    toy.write_text(recipe)
    with pytest.raises(RecipeError) as caught:
        read_recipe(toy)
    return caught.value


def test_the_first_party_encoders_are_found() -> None:
    assert {"bilstm", "transformer"} <= set(STAGES)
    assert all({"width", "layers", "dropout"} <= set(settings_of(name)) for name in STAGES)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        (name, setting)
        for name in STAGES
        for setting in settings_of(name)
        if setting in WRONG or "drop" in setting
    ],
)
def test_a_value_out_of_range_is_refused_when_the_recipe_is_checked(
    name: str, setting: str, toy: Path
) -> None:
    value = WRONG.get(setting, 1.0)
    [problem] = refused(toy, {"use": name, setting: value}).problems
    assert problem.path == f"encode.{setting}"
    assert problem.message.startswith("input should be ")
    assert problem.message.endswith(f", not {value}.")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        *((name, {}) for name in STAGES),
        *((name, {"heads": 1}) for name in STAGES if "heads" in settings_of(name)),
    ],
)
def test_an_odd_width_works_or_is_refused_by_name(
    name: str, more: Mapping[str, int], toy: Path
) -> None:
    stage, known = STAGES[name], inspect.signature(STAGES[name].factory).parameters
    given = {setting: known[setting].default for setting in settings_of(name)}
    given |= {"width": 7, **more}
    if stage.rules and list(stage.rules(given)):
        [problem] = refused(toy, {"use": name, "width": 7, **more}).problems
        assert "width" in problem.path + problem.message
        assert "is 7" in problem.message
    else:
        encoded = built(name, **given)(padded(3, 2))
        assert encoded.values.shape[2] == 7
        assert encoded.values.isfinite().all()


@every
@pytest.mark.parametrize("training", [False, True])
def test_a_row_without_a_step_gives_zeros_and_leaves_the_others_alone(
    name: str, training: bool
) -> None:
    encoder = built(name).train(training)
    beside, without = encoder(padded(3, 0, 4)), encoder(padded(3, 4, 4))
    assert not beside.values[1].any()
    assert all(part.isfinite().all() for part in parts(beside))
    for one, other in zip(parts(beside), parts(without), strict=True):
        torch.testing.assert_close(one[0], other[0], rtol=0, atol=1e-5)
    torch.autograd.backward([part.sum() for part in parts(beside) if part.requires_grad])
    gradients = [weight.grad for weight in encoder.parameters() if weight.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@every
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("batch", "time"), [(0, 3), (2, 0), (0, 0), (1, 0), (2, 3)])
def test_batches_without_a_step_give_zeros_of_the_right_shape(
    name: str, batch: int, time: int, training: bool
) -> None:
    encoder = built(name, dropout=0.5).train(training)
    lengths = torch.zeros(batch, dtype=torch.long)
    encoded = encoder(Vectors(torch.zeros(batch, time, INPUTS), lengths))
    assert list(encoded.values.shape) == [batch, -(-time // encoder.stride), encoder.width]
    assert not encoded.values.any()
    assert encoded.lengths.tolist() == [0] * batch
    whole = encoder(padded(3, 2))
    for empty, full in zip(parts(encoded), parts(whole), strict=True):
        assert empty.shape[0] == batch
        assert empty.dtype == full.dtype
        assert empty.isfinite().all()
    for empty, full in zip(encoded.state or (), whole.state or (), strict=True):
        assert empty.shape[1:] == full.shape[1:]


@every
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
@pytest.mark.parametrize("step", [0, 2, 4])
def test_what_is_not_finite_in_one_row_never_reaches_another(
    name: str, wrong: float, step: int
) -> None:
    encoder = built(name)
    clean, dirty = padded(3, 5, 0, 4, 5), padded(3, 5, 0, 4, 5)
    dirty.values[1, step, 3] = wrong
    one, other = encoder(clean), encoder(dirty)
    rows = torch.tensor([0, 2, 3, 4])
    for before, after in zip(parts(one), parts(other), strict=True):
        assert torch.equal(before[rows], after[rows])
        assert after[rows].isfinite().all()
    if math.isnan(wrong):
        assert other.values[1].isnan().any()
    assert not other.values[1, 5:].any()


@every
def test_in_double_precision_it_gives_double_precision(name: str) -> None:
    encoder, vectors = built(name), padded(3, 0, 5)
    single = encoder(vectors)
    double = encoder.double()(Vectors(vectors.values.double(), vectors.lengths))
    for one, other in zip(parts(single), parts(double), strict=True):
        assert other.dtype == torch.float64
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4)
