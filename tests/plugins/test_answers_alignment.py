"""The joint encoder aligned: against its equation, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from seqkit.errors import PluginError
from seqkit.stages import Front, Upstream, Vectors
from seqkit.testing.specimens import Hashed
from seqkit_answers.alignment import Alignment

WIDTH = 3


def before(**widths: int) -> Upstream:
    fronts = {name: Front(Hashed(width), None, width) for name, width in widths.items()}
    return Upstream(next(iter(widths.values()), WIDTH), inputs=fronts)


def vectors(*lengths: int, seed: int = 0) -> Vectors:
    torch.manual_seed(seed)
    values = torch.randn(len(lengths), max(lengths), WIDTH)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return Vectors(values, torch.tensor(lengths))


def test_each_step_sees_the_mean_of_what_is_like_it() -> None:
    stage = Alignment(before(passage=WIDTH, question=WIDTH), width=4)
    passage, question = vectors(4, 2), vectors(3, 1, seed=1)
    found = stage({"passage": passage, "question": question})
    weight, bias = (one.detach().double() for one in stage.project.parameters())
    for own, other, name in ((passage, question, "passage"), (question, passage, "question")):
        for row, length in enumerate(own.lengths.tolist()):
            reals = other.values[row, : int(other.lengths[row])].double()
            for step in range(length):
                p = own.values[row, step].double()
                like = [
                    math.exp((weight @ p + bias).clamp(min=0) @ (weight @ q + bias).clamp(min=0))
                    for q in reals
                ]
                seen = sum(a * q for a, q in zip(like, reals, strict=True)) / sum(like)
                expected = torch.cat([p, seen]).float()
                torch.testing.assert_close(found[name].values[row, step], expected)


def test_one_input_may_be_the_only_one_that_is_given_the_other() -> None:
    stage = Alignment(before(passage=WIDTH, question=WIDTH), to="passage")
    found = stage({"passage": vectors(3), "question": vectors(2)})
    assert stage.width == found["question"].values.shape[2] == 2 * WIDTH
    assert not found["question"].values[:, :, WIDTH:].any()
    assert found["passage"].values[:, :, WIDTH:].all()


def test_beside_an_empty_input_there_is_nothing_to_see() -> None:
    stage = Alignment(before(a=WIDTH, b=WIDTH))
    for empty in (vectors(0), Vectors(torch.zeros(1, 2, WIDTH), torch.tensor([0]))):
        found = stage({"a": vectors(2), "b": empty})
        assert not found["a"].values[:, :, WIDTH:].any()


@pytest.mark.parametrize(
    ("widths", "wrong"),
    [
        ({"a": 3, "b": 4}, "but there are 'a' of width 3, 'b' of width 4."),
        ({"a": 3}, "but there is 'a' of width 3."),
        ({"a": 3, "b": 3, "c": 3}, "but there are 'a' of width 3, 'b' of width 3, 'c' of width 3."),
        ({}, "but there are none."),
    ],
)
def test_other_than_two_inputs_of_one_width_are_told(widths: dict[str, int], wrong: str) -> None:
    with pytest.raises(PluginError) as caught:
        Alignment(before(**widths))
    assert str(caught.value) == (
        f"aligned: reads two inputs whose vectors have one width, {wrong} Give two inputs, and one "
        "embedder for both."
    )


def test_an_input_that_is_not_there_is_told() -> None:
    with pytest.raises(PluginError, match=r"to: there is no input 'pasage'. Did you mean 'passage"):
        Alignment(before(passage=WIDTH, question=WIDTH), to="pasage")
