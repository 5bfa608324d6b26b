"""The decoder of the notes that come next, beside plain equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seqkit.errors import DataError, PluginError
from seqkit.stages import Example, Frames, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit_music.keyboard import KEYS, LOWEST, notes_of, roll_of
from seqkit_music.next_notes import NextNotes

PIECES = [roll_of(steps) for steps in ([[60], [60, 64], [67], []], [[21], [108]], [[50]], [])]
EXAMPLES = [example(piece) for piece in PIECES[:3]]
EMPTY = Example({}, {"text": Frames(np.zeros((0, KEYS), np.float32))})


def ready() -> NextNotes:
    torch.manual_seed(1)
    decoder = NextNotes(Upstream(5))
    decoder.ready(decoder.fit(iter(EXAMPLES)))
    return decoder


def vectors(examples: list[Example]) -> Vectors:
    lengths = torch.tensor([len(one.inputs["text"]) for one in examples])
    values = torch.randn(
        len(examples), int(lengths.max()), 5, generator=torch.Generator().manual_seed(2)
    )
    found = Vectors(values, lengths)
    return Vectors(values * found.mask.unsqueeze(2), lengths)


def test_the_loss_is_the_cross_entropy_of_each_note_of_the_steps_from_the_second_on() -> None:
    decoder, every = ready(), [*EXAMPLES, EMPTY]
    inputs = vectors(every)
    loss = decoder.loss({"text": inputs}, collate([decoder.prepare(one) for one in every]))
    weight = decoder.linear.weight.detach().double().numpy()
    bias = decoder.linear.bias.detach().double().numpy()
    total = 0.0
    for row, piece in enumerate(PIECES):
        for step in range(len(piece) - 1):
            for key in range(KEYS):
                odds = weight[key] @ inputs.values[row, step].double().numpy() + bias[key]
                likely = 1 / (1 + math.exp(-odds))
                total -= math.log(likely if piece[step + 1, key] else 1 - likely)
    assert float(loss.count) == 3 + 1
    assert float(loss.total.detach()) == pytest.approx(total, rel=1e-5)
    answers = decoder.predict({"text": inputs}, collate(list(map(decoder.prepare, every))), every)
    assert sum(sum(answer["surprise"]) for answer in answers) == pytest.approx(total, rel=1e-5)
    assert [len(answer["surprise"]) for answer in answers] == [3, 1, 0, 0]


def test_a_note_is_expected_that_is_likelier_than_not() -> None:
    decoder = ready()
    with torch.no_grad():
        decoder.linear.weight.zero_()
        decoder.linear.bias.fill_(-1.0)
        decoder.linear.bias[[0, 43]] = 0.1
    batch = collate([decoder.prepare(EXAMPLES[1])])
    (answer,) = decoder.predict({"text": vectors(EXAMPLES[1:2])}, batch, EXAMPLES[1:2])
    assert answer["value"] == [[LOWEST, LOWEST + 43]]
    assert decoder.gold(EXAMPLES[1]) == {"value": [[108]], "surprise": [0.0]}


def test_the_bias_begins_with_how_often_notes_sound_where_they_count() -> None:
    frequencies = ready().linear.bias.detach().sigmoid().numpy()
    later = np.concatenate([piece[1:] for piece in PIECES[:3]])
    np.testing.assert_allclose(frequencies, (later.sum(0) + 1) / (len(later) + 2), rtol=1e-5)


def test_one_step_more_does_not_change_those_before() -> None:
    decoder = ready()
    longer = example(np.concatenate([PIECES[0], roll_of([[80]])]))
    inputs = vectors([longer])
    shorter = Vectors(inputs.values[:, :4], torch.tensor([4]))
    (whole,) = decoder.predict({"text": inputs}, collate([decoder.prepare(longer)]), [longer])
    batch = collate([decoder.prepare(EXAMPLES[0])])
    (part,) = decoder.predict({"text": shorter}, batch, EXAMPLES[:1])
    assert whole["surprise"][:3] == pytest.approx(part["surprise"], abs=1e-6)


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        (Upstream(5, causal=False), "notes: the encoder reads each piece from its end too"),
        (Upstream(5, stride=2), "notes: the encoder gives one step for 2"),
    ],
)
def test_an_encoder_that_looks_ahead_or_leaves_out_steps_is_refused(
    upstream: Upstream, said: str
) -> None:
    with pytest.raises(PluginError) as caught:
        NextNotes(upstream)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a text", "is a text, but `notes` reads piano rolls."),
        (np.zeros((3, 40)), "has frames of the form 3 x 40 (float32), not time x 88 numbers."),
        (np.full((3, 88), 0.5), "step 1 has 0.5 for the note 21."),
    ],
)
def test_inputs_that_are_no_piano_rolls_are_told(value: object, said: str) -> None:
    decoder, wrong = ready(), example(value)
    with pytest.raises(DataError) as caught:
        decoder.fit(iter([EXAMPLES[0], wrong]))
    assert str(caught.value).startswith(f"notes: train: example 2: input 'text': {said}")
    with pytest.raises(DataError) as caught:
        decoder.prepare(wrong)
    assert str(caught.value).startswith(f"notes: input 'text': {said}")


def test_training_without_a_second_step_is_refused() -> None:
    with pytest.raises(DataError, match=r"^notes: no training example has a second step"):
        NextNotes(Upstream(5)).fit(iter([EXAMPLES[2]]))


def test_a_split_is_described_by_what_frequencies_alone_would_score() -> None:
    decoder = ready()
    note, short = decoder.describe(EXAMPLES, "train")
    likely = decoder.frequencies
    later = np.concatenate([piece[1:] for piece in PIECES[:3]])
    nats = -np.where(later, np.log(likely), np.log(1 - likely)).sum(1).mean()
    assert note.text == (
        "4 steps count, 1.00 notes sound at each; always giving how often each sounds in train "
        f"has {nats:.2f} nats a step"
    )
    assert short.text == "1 of 3 pieces have no second step: nothing counts in them"
    (error,) = decoder.describe(EXAMPLES[2:], "dev")
    assert error.level == "error"


def test_pushed_steps_are_answered_once_they_have_one_before_them() -> None:
    decoder, inputs = ready(), vectors(EXAMPLES[:1])
    memory, found = decoder.begin(), []
    for step, frame in enumerate(PIECES[0]):
        part = example(frame[None])
        window = Vectors(inputs.values[:, step : step + 1], torch.tensor([1]))
        answers, memory = decoder.push(memory, {"text": window}, {}, part)
        found += answers
    batch = collate([decoder.prepare(EXAMPLES[0])])
    (whole,) = decoder.predict({"text": inputs}, batch, EXAMPLES[:1])
    assert [one["value"] for one in found] == whole["value"]
    assert [one["surprise"][0] for one in found] == pytest.approx(whole["surprise"], abs=1e-5)
    assert decoder.finish(memory) == []
    assert notes_of(PIECES[0])[1:] == decoder.gold(EXAMPLES[0])["value"]
