"""The embedder log_mel: the contract, normalisation, slopes, masks and messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqkit.abilities import Framing
from seqkit.errors import DataError, RecipeError
from seqkit.recipe import check_stage as checked
from seqkit.stages import Embedder, Example, Frames, Upstream
from seqkit.testing import check_stage, example
from seqkit_speech.hearing import log_mel
from seqkit_speech.listening import LogMel, slopes

RATE = 8000.0
RNG = np.random.default_rng(1)
RECORDINGS = [RNG.normal(0, 0.1, size).astype(np.float32) for size in (900, 250, 80, 2000)]


def heard(values: Any, rate: float = RATE, name: str | None = None) -> Example:
    found = example(Frames(np.asarray(values, np.float32).reshape(-1, 1), rate))
    return Example({"name": name} if name else {}, found.inputs)


def built(*given: Example, **settings: Any) -> LogMel:
    settings = {"filters": 8, **settings}
    stage: Any = log_mel(Upstream(0), **settings)
    stage.ready(stage.fit(given or [heard(one) for one in RECORDINGS]))
    return stage  # type: ignore[no-any-return]  # factories promise an Embedder alone


def prepared(stage: LogMel, one: Any, seed: int | None = None) -> np.ndarray:
    rng = None if seed is None else np.random.default_rng(seed)
    return stage.prepare(one if isinstance(one, Example) else heard(one), "text", rng)["bands"]


def refused(call: Any) -> str:
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"normalise": "training", "deltas": 2},
        {"normalise": "none", "time_masks": {"count": 1, "longest": 3}},
        {"deltas": 1, "filter_masks": {"count": 2, "longest": 2}, "scale": "slaney"},
    ],
)
def test_it_keeps_the_contract(settings: dict[str, Any]) -> None:
    examples = [heard(one) for one in RECORDINGS]
    check_stage(log_mel, settings={"filters": 6, **settings}, examples=examples)
    assert isinstance(log_mel(Upstream(0)), Embedder)
    stage = built()
    assert isinstance(stage, Framing)
    assert [stage.steps(len(one)) for one in RECORDINGS] == [10, 2, 1, 24]
    assert [len(prepared(stage, one)) for one in RECORDINGS] == [10, 2, 1, 24]


def test_a_recording_is_normalised_by_itself() -> None:
    found = prepared(built(), RECORDINGS[3])
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-3)
    louder = prepared(built(), RECORDINGS[3] * 4)
    np.testing.assert_allclose(louder, found, atol=1e-3)


def test_training_gives_the_mean_and_deviation_of_each_band() -> None:
    plain = built(normalise="none")
    every = np.concatenate([prepared(plain, one) for one in RECORDINGS]).astype(np.float64)
    found = prepared(built(normalise="training"), RECORDINGS[0])
    wanted = (prepared(plain, RECORDINGS[0]) - every.mean(0)) / np.sqrt(every.var(0) + 1e-5)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("normalise", ["recording", "training", "none"])
def test_silence_and_a_recording_shorter_than_a_window_come_out_finite(normalise: str) -> None:
    stage = built(normalise=normalise, deltas=2)
    for values in (np.zeros(500), [0.5], np.full(300, 0.25), []):
        found = prepared(stage, values)
        assert np.isfinite(found).all()
        assert found.shape == (stage.steps(len(values)), 24)


def test_slopes_are_those_of_the_formula() -> None:
    values = RNG.normal(size=(7, 3)).astype(np.float32)
    wanted = np.zeros((7, 3))
    for step in range(7):
        for apart in (1, 2):
            later, sooner = min(step + apart, 6), max(step - apart, 0)
            wanted[step] += apart * (values[later].astype(float) - values[sooner]) / 10
    np.testing.assert_allclose(slopes(values), wanted, atol=1e-6)
    line = np.arange(9, dtype=np.float32)[:, None] * 3
    assert np.allclose(slopes(line)[2:-2], 3)
    stage, plain = built(deltas=2), built()
    first = prepared(plain, RECORDINGS[0])
    found = prepared(stage, RECORDINGS[0])
    assert np.array_equal(found, np.hstack((first, slopes(first), slopes(slopes(first)))))


def test_masks_are_drawn_while_training_alone() -> None:
    chosen = checked(
        "embedder", {"use": "log_mel", "filters": 8, "time_masks": {"count": 2, "longest": 6}}
    )
    masked = chosen.build(Upstream(0))
    masked.ready(masked.fit([heard(RECORDINGS[3])]))
    assert masked.samples
    assert not built().samples
    plain = prepared(built(), RECORDINGS[3])
    assert np.array_equal(prepared(masked, RECORDINGS[3]), plain)
    drawn = [prepared(masked, RECORDINGS[3], seed) for seed in range(5)]
    assert any(not np.array_equal(one, plain) for one in drawn)
    assert np.array_equal(drawn[2], prepared(masked, RECORDINGS[3], 2))


def test_inputs_that_are_no_recordings_are_told_by_name() -> None:
    text = example("a text")
    message = (
        "is pieces of text, but `log_mel` hears recordings. Name their field under data.text, such "
        "as audio of the source `recordings`."
    )
    assert refused(lambda: built(text)) == f"log_mel: train: example 1: input 'text' {message}"
    stereo = Example({"name": "a.wav"}, {"text": Frames(np.zeros((9, 2), np.float32), RATE)})
    assert refused(lambda: built(stereo)) == (
        "log_mel: train: example 1: 'a.wav' has 2 channels. Give one: `recordings` takes their "
        "mean."
    )
    assert refused(lambda: prepared(built(), heard([0.5, np.nan], name="b.wav"))) == (
        "log_mel: 'b.wav': a sample is no finite number. Record it again."
    )


def test_other_rates_are_told_with_both_of_them() -> None:
    mend = "Set 'rate' of the source, or give Frames(values, rate)."
    assert refused(lambda: built(heard([0.1] * 400), heard([0.1] * 400, 16000.0, "b.wav"))) == (
        "log_mel: train: example 2: 'b.wav' has 16,000 samples a second, but training began with "
        f"8,000. {mend}"
    )
    assert refused(lambda: prepared(built(), heard([0.1], 1.0))) == (
        f"log_mel: input 'text' has 1 samples a second, but training began with 8,000. {mend}"
    )
    assert refused(lambda: log_mel(Upstream(0)).fit([])) == (
        "log_mel: there is no training example. Give a split that has some."
    )


def test_silent_and_short_recordings_are_found_before_training() -> None:
    given = [heard(RECORDINGS[3], name="a.wav"), heard(np.zeros(400), name="b.wav")]
    given += [heard([0.1, 0.2], name=f"{n}.wav") for n in range(5)]
    found = built(*given).describe(given, "train")
    assert [(one.level, one.text) for one in found] == [
        ("note", "0.0 minutes of 8,000 samples a second, 0.00 to 0.25 s each"),
        ("warning", "1 of 7 recordings are silent: all samples are the same: 'b.wav'"),
        (
            "warning",
            "5 of 7 recordings are shorter than a window of 25 ms: '0.wav', '1.wav', '2.wav' and 2 "
            "more",
        ),
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hop": 30}, "is above 'window', so that samples between windows are lost. Lower it"),
        ({"lowest": 500, "highest": 400}, "is 400 Hz, not above 'lowest'. Raise it"),
        (
            {"filters": 6, "filter_masks": {"count": 1, "longest": 6}},
            "may hide all 6 filters. Lower 'longest'",
        ),
        ({"deltas": 3}, "deltas"),
    ],
)
def test_settings_without_sense_are_told(settings: Any, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        checked("embedder", {"use": "log_mel", **settings})
    assert message in str(told.value)
