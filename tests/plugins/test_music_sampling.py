"""Sampled continuations: step by step as a whole would be read, and the draws themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState

import seqkit
from seqkit.errors import ModelError, PluginError
from seqkit.pipeline import Pipeline, build
from seqkit.recipe import recipe_from_plain
from seqkit.table import collate
from seqkit_music.keyboard import KEYS, roll_of
from seqkit_music.next_notes import NextNotes
from seqkit_music.sampling import continuation, drawn

PROMPT = roll_of([[60, 64], [62], [60, 64, 67]])
ODDS = np.linspace(-3.0, 3.0, KEYS)


def composer(encode: dict[str, Any]) -> Pipeline:
    """An untrained model whose weights are large enough to be heard."""
    said = {
        "seqkit": 1,
        "name": "toy",
        "data": {"use": "piano_rolls", "train": "no.json", "text": "notes"},
        "embed": {"use": "frames", "scale": True},
        "encode": encode,
        "decode": "notes",
    }
    torch.manual_seed(1)
    pipeline = build(recipe_from_plain(said, "test"), [{"notes": PROMPT}, {"notes": PROMPT[1:]}])
    decoder = pipeline.network.decoder
    assert isinstance(decoder, NextNotes)
    with torch.no_grad():
        decoder.linear.weight.mul_(9.0)
    return pipeline


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return composer({"use": "lstm", "width": 6, "layers": 2})


def test_each_step_is_drawn_as_if_the_piece_were_read_as_a_whole(pipeline: Pipeline) -> None:
    made = continuation(pipeline, PROMPT, 12, seed=7)
    whole = np.concatenate([PROMPT, made])
    example = pipeline.input_example(whole, "whole")
    decoder: Any = pipeline.network.decoder
    with torch.inference_mode():
        vectors, _ = pipeline.network.encode(collate([pipeline.prepare(example)]))
        likely = decoder.logits(vectors["text"])[0].sigmoid().numpy()
    draws = RandomState(7).random_sample((12, KEYS))
    np.testing.assert_array_equal(made, draws < likely[2:14])


def test_one_seed_gives_one_piece(pipeline: Pipeline) -> None:
    one, again, other = (continuation(pipeline, PROMPT, 9, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    np.testing.assert_array_equal(one[:5], continuation(pipeline, PROMPT, 5, seed=3))


def test_without_a_prompt_it_goes_on_from_a_silent_step(pipeline: Pipeline) -> None:
    silent = continuation(pipeline, np.zeros((1, KEYS), np.uint8), 5)
    np.testing.assert_array_equal(continuation(pipeline, PROMPT[:0], 5), silent)


def test_so_many_notes_at_once_at_most(pipeline: Pipeline) -> None:
    free = continuation(pipeline, PROMPT, 9)
    few = continuation(pipeline, PROMPT, 9, together=2)
    assert free.sum(1).max() > 2
    assert few.sum(1).max() == 2


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_note_sounds_as_often_as_its_odds_at_the_temperature_say(temperature: float) -> None:
    random = RandomState(1)
    often = np.mean([drawn(ODDS, temperature, None, random) for _ in range(2000)], axis=0)
    np.testing.assert_allclose(often, 1 / (1 + np.exp(-ODDS / temperature)), atol=0.05)


def test_at_temperature_zero_what_is_likelier_than_not_sounds() -> None:
    np.testing.assert_array_equal(drawn(ODDS, 0.0, None, RandomState(1)), ODDS > 0)
    assert np.flatnonzero(drawn(ODDS, 0.0, 2, RandomState(1))).tolist() == [KEYS - 2, KEYS - 1]


def test_a_low_temperature_overflows_nowhere() -> None:
    for temperature in (1e-6, 1e-320):
        made = drawn(ODDS, temperature, None, RandomState(1))
        np.testing.assert_array_equal(made, ODDS > 0)


def test_a_model_of_another_task_is_refused(saved: Callable[[str], Path]) -> None:
    with pytest.raises(ModelError) as caught:
        continuation(seqkit.load(saved("label")), PROMPT, 5)
    assert str(caught.value) == (
        "label: decodes with `classifier`, but music is made up by `notes`. "
        "Name a model of music, such as that of recipes/music-jsb.yaml."
    )


def test_an_encoder_that_hears_what_is_to_come_is_refused() -> None:
    with pytest.raises(PluginError, match=r"^notes: the encoder reads each piece from its end"):
        composer({"use": "bilstm", "width": 6})
