"""The decoder of forecasts: what it answers, alone and beside others, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

import seqkit_series
from seqkit.abilities import Baselined, Calibrating, Finding
from seqkit.errors import DataError
from seqkit.stages import Decoder, Example, Frames, Upstream, Vectors
from seqkit.testing import check_stage, example
from seqkit_series.forecaster import Forecaster

RNG = np.random.default_rng(5)
SEASON = np.array([1.3, 0.7, 1.1, 0.9])
MONTHS = 60
Y = (100 + 3 * np.arange(MONTHS)) * np.resize(SEASON, MONTHS) * RNG.uniform(0.96, 1.04, MONTHS)


def windows(
    y: np.ndarray = Y, history: int = 12, ahead: int = 2, last: int = MONTHS, **fields: Any
) -> list[Example]:
    found = []
    for origin in range(history, last - ahead + 1):
        one = example(
            Frames(y[:origin, None].astype(np.float32)), y[origin : origin + ahead].tolist()
        )
        found.append(Example({**one.fields, "step": origin, **fields}, one.inputs, one.gold))
    return found


def built(examples: Sequence[Example] | None = None, **said: Any) -> Forecaster:
    stage = Forecaster(Upstream(3), **said)
    stage.ready(stage.fit(windows() if examples is None else examples))
    torch.manual_seed(1)
    for weights in stage.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    return stage.eval()


def vectors(examples: Sequence[Example]) -> dict[str, Vectors]:
    lengths = torch.tensor([len(next(iter(one.inputs.values()))) for one in examples])
    draw = torch.Generator().manual_seed(2)
    values = torch.randn(len(examples), int(lengths.max()), 3, generator=draw)
    whole = Vectors(values, lengths)
    return {"text": Vectors(values * whole.mask.unsqueeze(2), lengths)}


def refused(call: Any) -> str:
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("said", [{}, {"quantiles": [0.1, 0.9]}])
def test_it_keeps_the_contract(said: dict[str, Any]) -> None:
    stage = seqkit_series.forecast(Upstream(4), **said)
    assert isinstance(stage, Decoder)
    assert isinstance(stage, Baselined)
    assert isinstance(stage, Calibrating)
    check_stage(seqkit_series.forecast, settings=said, examples=windows(last=20))


def test_what_is_learnt_has_mean_nought_and_deviation_one_in_training() -> None:
    stage = built(log=True, differences=[1, 4])
    targets = np.stack([stage.prepare(one)["target"] for one in windows()])
    np.testing.assert_allclose(targets.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(targets.std(axis=0), 1.0, rtol=1e-5)


@pytest.mark.parametrize("said", [{}, {"log": True}, {"log": True, "differences": [1, 4]}])
def test_an_answer_is_in_the_unit_of_the_data(said: dict[str, Any]) -> None:
    stage, every = built(**said), windows()[-5:]
    targets = torch.from_numpy(np.stack([stage.prepare(one)["target"] for one in every]))
    for one, target in zip(every, targets, strict=True):
        answer = stage.answer(target.double().numpy()[:, None], one)
        assert answer["value"] == pytest.approx(one.gold, rel=1e-5)
        assert max(answer["anomaly"]) < 1e-5


def test_scales_are_those_of_training_alone() -> None:
    stage = built(windows(last=40))
    before = (stage.mean.copy(), stage.deviation.copy())
    far = windows(Y * 50)[-1:]
    stage.predict(vectors(far), {}, far)
    assert np.array_equal(stage.mean, before[0])
    assert np.array_equal(stage.deviation, before[1])


def test_without_weights_it_forecasts_as_the_transform_does() -> None:
    stage = Forecaster(Upstream(3), log=True, differences=[1, 4])
    stage.ready(stage.fit(windows()))
    stage.mean[:] = 0.0
    [answer] = stage.predict(vectors(windows()[-1:]), {}, windows()[-1:])
    y = Y[: MONTHS - 2]
    first = y[-1] * y[-4] / y[-5]
    assert answer["value"] == pytest.approx([first, first * y[-3] / y[-4]], rel=1e-4)


def test_quantiles_are_in_order_around_the_median_and_only_those_that_were_asked_for() -> None:
    stage, every = built(quantiles=[0.9, 0.1], log=True), windows()
    for answer in stage.predict(vectors(every), {}, every):
        low, high = answer["quantiles"]["0.1"], answer["quantiles"]["0.9"]
        assert list(answer["quantiles"]) == ["0.1", "0.9"]
        assert all(a <= b <= c for a, b, c in zip(low, answer["value"], high, strict=True))


def test_the_loss_is_the_squared_error_or_that_of_the_quantiles() -> None:
    every = windows()[:4]
    cases: list[tuple[dict[str, Any], str]] = [({}, "square"), ({"quantiles": [0.5]}, "pinball")]
    for said, wanted in cases:
        stage = built(**said)
        target = torch.from_numpy(np.stack([stage.prepare(one)["target"] for one in every]))
        found = stage.levels_of(vectors(every))[:, :, 0]
        errors = (found - target).square() if wanted == "square" else (found - target).abs() / 2
        loss = stage.loss(vectors(every), {"target": target})
        assert loss.total.item() == pytest.approx(errors.mean(1).sum().item(), rel=1e-5)
        assert loss.count.item() == 4


def test_an_anomaly_is_an_error_in_units_of_the_usual_one() -> None:
    stage, every = built(differences=[1]), windows()
    batch = {"target": torch.from_numpy(np.stack([stage.prepare(one)["target"] for one in every]))}
    with torch.inference_mode():
        [said] = stage.calibrate([(vectors(every), batch)])
    assert said.startswith("anomalies: the usual error on dev is ")
    answers = stage.predict(vectors(every), {}, every)
    scores = np.array([answer["anomaly"] for answer in answers])
    np.testing.assert_allclose(np.square(scores).mean(axis=0), 1.0, rtol=1e-4)
    errors = np.array(
        [np.subtract(a["value"], e.gold) for a, e in zip(answers, every, strict=True)]
    )
    ratios = scores / np.abs(errors)
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[0], ratios.shape), rtol=1e-2)
    blind = Example(every[0].fields, every[0].inputs)
    assert "anomaly" not in stage.predict(vectors([blind]), {}, [blind])[0]


def test_of_few_forecasts_on_dev_no_usual_error_is_taken() -> None:
    stage, every = built(), windows()[:4]
    batch = {"target": torch.from_numpy(np.stack([stage.prepare(one)["target"] for one in every]))}
    assert stage.calibrate([(vectors(every), batch)]) == [
        "anomalies: fewer than 10 forecasts of dev, so they are measured by the deviation in "
        "training"
    ]
    assert stage.spread.tolist() == [1.0, 1.0]


def test_simple_methods_answer_the_same_examples() -> None:
    stage, every = built(log=True, differences=[1, 4], quantiles=[0.1, 0.9]), windows()[-3:]
    found = stage.baselines(every)
    assert list(found) == [
        "naive",
        "seasonal naive",
        "transform alone",
        "Holt-Winters additive",
        "Holt-Winters multiplicative",
    ]
    y = Y[: MONTHS - 2].astype(np.float32)
    assert found["naive"][-1]["value"] == pytest.approx([y[-1], y[-1]])
    assert found["seasonal naive"][-1]["value"] == pytest.approx([y[-4], y[-3]])
    first = y[-1] * y[-4] / y[-5]
    assert found["transform alone"][-1]["value"][0] == pytest.approx(first, rel=1e-5)
    for answers in found.values():
        for answer in answers:
            low, high = (answer["quantiles"][level] for level in ("0.1", "0.9"))
            assert all(a <= b for a, b in zip(low, high, strict=True))
    golds = np.array([one.gold for one in every])
    misses = {
        name: float(np.abs(np.array([one["value"] for one in answers]) - golds).mean())
        for name, answers in found.items()
    }
    assert misses["Holt-Winters multiplicative"] < misses["seasonal naive"] < misses["naive"]


def test_without_a_season_holts_line_stands_beside() -> None:
    stage = built(differences=[1])
    assert list(stage.baselines(windows()[-2:])) == ["naive", "transform alone", "Holt"]


def test_short_histories_and_numbers_below_zero_have_fewer_rows_beside() -> None:
    negative = windows(Y - 200)
    stage = built(negative, season=4)
    assert "Holt-Winters multiplicative" not in stage.baselines(negative)
    short = [
        Example(one.fields, {"text": Frames(one.inputs["text"].values[-5:])}, one.gold)  # type: ignore[union-attr]
        for one in windows()
    ]
    stage = built(short, season=4)
    assert list(stage.baselines(short)) == ["naive", "seasonal naive"]
    assert stage.describe(short, "test")[-1] == Finding(
        "histories of training with fewer than 8 steps, so no exponential smoothing beside the "
        "scores",
        "warning",
    )


def test_several_targets_are_forecast_together() -> None:
    both = np.stack([Y, 2 * Y[::-1]], 1)
    every = [
        example(Frames(both[:origin].astype(np.float32)), both[origin : origin + 2].tolist())
        for origin in range(12, 40)
    ]
    stage = built(every, log=True, differences=[4], quantiles=[0.2])
    answers = stage.predict(vectors(every), {}, every)
    assert np.shape(answers[0]["value"]) == (2, 2)
    assert np.shape(answers[0]["quantiles"]["0.2"]) == (2, 2)
    assert np.shape(stage.baselines(every)["Holt-Winters additive"][3]["value"]) == (2, 2)
    gold = stage.gold(every[0])
    assert gold["value"] == every[0].gold
    scale = np.abs(both[4:12] - both[:8]).mean(axis=0)
    assert gold["scale"] == pytest.approx(scale.tolist(), rel=1e-6)


def test_fields_are_kept_where_there_are_such() -> None:
    stage = built(windows(time="1949-01"), keep=["time", "step"])
    [kept] = stage.predict(vectors(windows()[:1]), {}, windows(time="x")[:1])
    assert (kept["time"], kept["step"]) == ("x", 12)
    assert "time" not in stage.predict(vectors(windows()[:1]), {}, windows()[:1])[0]
    assert refused(lambda: built(keep=["tim"])).startswith(
        "forecast: train: example 1: keep: no field 'tim'."
    )
    assert refused(lambda: built(windows(time=[1]), keep=["time"])) == (
        "forecast: train: example 1: keep: the field 'time' is list, but an answer repeats texts "
        "and numbers. Name another field."
    )


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        (None, "there is no gold. Name the field of what came after, `future`."),
        (
            "up",
            "the gold is 'up', but a forecast takes a list of numbers, one for each step ahead. "
            "Name another field under data.gold.",
        ),
        (
            [[1.0], [2.0, 3.0]],
            "the gold is [[1.0], [2.0, 3.0]], but a forecast takes a list of numbers, one for each "
            "step ahead. Name another field under data.gold.",
        ),
        (
            [1.0, float("nan")],
            "the gold is [1.0, nan], in which a number is not finite in single precision. Mend it, "
            "or leave the example out.",
        ),
        (
            [1.0],
            "the gold has 1 step ahead, but training began with 2 steps ahead. "
            "Give every example the same.",
        ),
        (
            [[1.0, 2.0], [3.0, 4.0]],
            "the gold has 2 steps ahead of 2 targets, but training began with 2 steps ahead. "
            "Give every example the same.",
        ),
    ],
)
def test_a_gold_that_is_no_future_is_refused(gold: Any, said: str) -> None:
    wrong = example([1.0, 2.0], gold)
    assert refused(lambda: Forecaster(Upstream(3)).fit([*windows()[:1], wrong])) == (
        f"forecast: train: example 2: {said}"
    )
    assert refused(lambda: built().gold(wrong)) == f"forecast: {said}"


def test_inputs_that_are_no_history_are_refused() -> None:
    text = example("a text", [1.0, 2.0])
    assert refused(lambda: built().prepare(text)) == (
        "forecast: input 'text' is pieces of text, but a forecast is made of numbers. Name a field "
        "that holds a series under data.text."
    )
    both = [example(np.ones((3, 1)), [[1.0, 2.0]])]
    assert refused(lambda: Forecaster(Upstream(3)).fit(both)) == (
        "forecast: train: example 1: input 'text' has 1 channels, but 2 targets are forecast, "
        "which are the first channels. Give them all."
    )
    negative = example([1.0, -1.0, 2.0])
    assert refused(lambda: built(log=True).prepare(negative)) == (
        "forecast: -1 has no logarithm. Leave `log` out, or add a constant to the series."
    )
    assert refused(lambda: Forecaster(Upstream(3)).fit([])) == (
        "forecast: there is no training example. Give a split that has some."
    )


def test_a_series_that_never_changes_leaves_nothing_to_be_learnt() -> None:
    flat = windows(np.full(MONTHS, 7.0))
    stage = built(flat, log=True, differences=[1])
    note, *rest = stage.describe(flat, "train")
    assert note == Finding("47 forecasts of 2 steps ahead, from 7 to 7")
    assert rest == [
        Finding("the transform leaves always the same: nothing is to be learnt", "error")
    ]
    answer = stage.predict(vectors(flat[:1]), {}, flat[:1])[0]
    assert np.isfinite(answer["value"]).all()
    assert stage.gold(flat[0])["scale"] is None
