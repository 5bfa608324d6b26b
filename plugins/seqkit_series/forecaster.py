"""A decoder that forecasts the next steps of a series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Upstream, Vectors
from seqkit_series.horizons import kept_fields, naive_error, observed, same_form, steps_ahead, told
from seqkit_series.quantiles import Levels, pinball
from seqkit_series.simple_methods import SimpleMethods
from seqkit_series.transform import Transform

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float32, Float64
    from numpy.random import Generator

    from seqkit.stages import Batch

SAME = 1e-9
"""Deviations below this share of the largest number are rounding."""
LEAST = 1e-6
"""The least usual error, in deviations, so that nothing is divided by nothing."""
FEWEST = 10
"""Forecasts of dev from whose errors a spread is taken; of fewer, chance would have its way."""


@final
class Forecaster(nn.Module):
    """A linear layer on the last step's vector. The arguments are the settings of `forecast`.

    It learns what the transform leaves of the series, less its mean and in units of its deviation
    in training: a number for each step ahead and target, or several quantiles of it.
    """

    samples: bool = False
    along_time: frozenset[str] = frozenset()
    spread: Tensor

    def __init__(
        self,
        upstream: Upstream,
        *,
        quantiles: Sequence[float] = (),
        log: bool = False,
        differences: Sequence[int] = (),
        season: int | None = None,
        keep: Sequence[str] = (),
        over: str | None = None,
    ) -> None:
        super().__init__()
        self.width = input_width("forecast", upstream, over)
        self.asked, self.keep, self.over = tuple(sorted(quantiles)), tuple(keep), over
        self.levels = tuple(sorted({*quantiles, 0.5})) if quantiles else ()
        self.transform = Transform(log, differences)
        longest = max(differences, default=1)
        self.season = season or (longest if longest > 1 else None)
        self.simple = SimpleMethods(self.transform, self.season)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Mean, deviation and quantiles of what is to be learnt, and what the baselines need.

        Raises DataError where golds differ in form or are no numbers, and where there is none.
        """
        golds: list[Float64[np.ndarray, ...]] = []
        histories = []
        for count, example in enumerate(examples, 1):
            where = f"forecast: train: example {count}"
            golds.append(steps_ahead(example.gold, where))
            same_form(golds[-1].shape, golds[0].shape, where)
            histories.append(observed(example, self.over, targets_of(golds[0].shape), where))
            kept_fields(example.fields, self.keep, where)
        if not golds:
            raise DataError("forecast: there is no training example. Give a split that has some.")
        futures = np.stack(golds).reshape(len(golds), len(golds[0]), -1)
        left = self.residuals(futures, histories, "forecast: train")
        deviation = left.std(axis=0)
        deviation[self.unchanging(deviation, futures)] = 1.0
        mean = left.mean(axis=0)
        begin = np.quantile((left - mean) / deviation, self.levels or (0.5,), axis=0)
        return {
            "form": [*golds[0].shape],
            "mean": mean.tolist(),
            "deviation": deviation.tolist(),
            "begin": begin.T.tolist() if self.levels else np.zeros((len(mean), 1)).tolist(),
            "baselines": self.simple.fit(histories, futures, self.asked),
        }

    def residuals(
        self,
        futures: Float64[np.ndarray, "example ahead target"],
        histories: Sequence[Float64[np.ndarray, "_ target"]],
        where: str,
    ) -> Float64[np.ndarray, "example number"]:
        """What is to be learnt: the steps ahead, transformed, less their anchors."""
        ahead = futures.shape[1]
        anchors = [self.anchor(history, ahead, where) for history in histories]
        truths = self.transform.forward(futures, where)
        left: Float64[np.ndarray, "example ahead target"] = truths - np.stack(anchors)
        return left.reshape(len(futures), -1)

    def unchanging(
        self,
        deviation: Float64[np.ndarray, " number"],
        futures: Float64[np.ndarray, "example ahead target"],
    ) -> Bool[np.ndarray, " number"]:
        """Where what is to be learnt is always the same."""
        size = np.abs(self.transform.forward(futures, "forecast")).max()
        found: Bool[np.ndarray, " number"] = deviation <= SAME * size
        return found

    def anchor(
        self, history: Float64[np.ndarray, "time target"], ahead: int, where: str
    ) -> Float64[np.ndarray, "ahead target"]:
        """The forecast of the transform alone, transformed."""
        return self.transform.anchor(self.transform.forward(history, where), ahead, where)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights; the forecasts begin as anchor and mean, or as its quantiles."""
        self.form = tuple(learnt["form"])
        self.mean = np.array(learnt["mean"], np.float64)
        self.deviation = np.array(learnt["deviation"], np.float64)
        self.learnt_baselines: Mapping[str, Any] = learnt["baselines"]
        begin = np.array(learnt["begin"], np.float64)
        self.outputs = Levels(self.width, len(self.mean), self.levels, begin)
        self.register_buffer("spread", torch.ones(len(self.mean)))

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Target [number], float32, where there is a gold. Raises DataError."""
        del rng
        where = "forecast"
        history = observed(example, self.over, targets_of(self.form), where)
        self.transform.forward(history, where)
        if example.gold is None:
            return {}
        return {"target": self.scaled(example, history).astype(np.float32)}

    def scaled(
        self, example: Example, history: Float64[np.ndarray, "time target"]
    ) -> Float64[np.ndarray, " number"]:
        """What came after, as it is learnt. Raises DataError where its form is another one."""
        future = self.future(example)[None]
        [left] = self.residuals(future, [history], "forecast")
        found: Float64[np.ndarray, " number"] = (left - self.mean) / self.deviation
        return found

    def future(self, example: Example) -> Float64[np.ndarray, "ahead target"]:
        """What came after. Raises DataError where its form is not the learnt one."""
        gold = steps_ahead(example.gold, "forecast")
        same_form(gold.shape, self.form, "forecast")
        return gold.reshape(self.form[0], -1)

    def levels_of(self, inputs: Mapping[str, Vectors]) -> Float32[Tensor, "batch number level"]:
        """The layer on the last step's vector, in fp32 under autocast too; zeros of no step."""
        vectors = inputs[input_name("forecast", inputs, self.over)]
        values, lengths = vectors.values.float(), vectors.lengths
        if values.shape[1]:
            last = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, values.shape[2])
            found = values.gather(1, last).squeeze(1)
        else:
            found = values.new_zeros(len(values), values.shape[2])
        with torch.autocast(values.device.type, enabled=False):
            levels: Tensor = self.outputs(found)
        return levels

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Squared error, or pinball loss; its mean over the numbers of a row, summed over rows."""
        found, target = self.levels_of(inputs), batch["target"]
        if self.levels:
            losses = pinball(found, target, self.levels)
        else:
            losses = (found[:, :, 0] - target).square()
        return Loss(losses.mean(1).sum(), torch.tensor(len(losses), device=losses.device))

    @torch.no_grad()
    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Batch,
        examples: Sequence[Example],
    ) -> list[Answer]:
        """`value`, a number for each step ahead (a list, of several targets), in the data's unit.

        `quantiles`: by level the same, where the recipe asks for some. `anomaly`: where what came
        after is known, how far from the forecast it is, in units of the usual error. And the fields
        that are to be kept.
        """
        del batch
        found = self.levels_of(inputs).double().cpu().numpy()
        return [self.answer(one, example) for one, example in zip(found, examples, strict=True)]

    def answer(self, found: Float64[np.ndarray, "number level"], example: Example) -> Answer:
        """The answer to one example from the outputs for it."""
        history = observed(example, self.over, targets_of(self.form), "forecast")
        anchor = self.anchor(history, self.form[0], "forecast").reshape(-1, 1)
        moved = anchor + self.mean[:, None] + self.deviation[:, None] * found
        values = self.transform.back(moved)
        answer: dict[str, Any] = {"value": self.shaped(values[:, self.outputs.middle])}
        if self.asked:
            answer["quantiles"] = {
                f"{level:g}": self.shaped(values[:, self.levels.index(level)])
                for level in self.asked
            }
        if example.gold is not None:
            errors = np.abs(self.scaled(example, history) - found[:, self.outputs.middle])
            answer["anomaly"] = self.shaped(errors / self.spread.double().cpu().numpy())
        kept = {name: example.fields[name] for name in self.keep if name in example.fields}
        return {**answer, **kept}

    def shaped(self, numbers: Float64[np.ndarray, " number"]) -> list[Any]:
        """Numbers in the form of the golds."""
        found: list[Any] = numbers.reshape(self.form).tolist()
        return found

    def gold(self, example: Example) -> Answer:
        """What came after, and in `scale` what MASE is in units of, by target."""
        history = observed(example, self.over, targets_of(self.form), "forecast")
        value = self.shaped(self.future(example).reshape(-1))
        return {"value": value, "scale": naive_error(history, self.season or 1)}

    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]:
        """Takes the usual error of forecasts, which anomalies are measured by, from dev."""
        middle = self.outputs.middle
        every = [self.levels_of(one)[:, :, middle] - batch["target"] for one, batch in batches]
        errors = torch.cat(every) if every else self.spread.new_zeros(0, len(self.mean))
        if len(errors) < FEWEST:
            few = f"anomalies: fewer than {FEWEST} forecasts of dev, so they are measured by"
            return [f"{few} the deviation in training"]
        self.spread.copy_(errors.square().mean(0).sqrt().clamp(min=LEAST))
        usual = float(self.spread.mean())
        return [f"anomalies: the usual error on dev is {usual:.2f} of the deviation in training"]

    def baselines(self, examples: Sequence[Example]) -> dict[str, list[Answer]]:
        """The answers of the simple methods: see `seqkit_series.simple_methods`."""
        targets = targets_of(self.form)
        histories = [observed(one, self.over, targets, "forecast") for one in examples]
        made = self.simple.answers(histories, self.form[0], self.learnt_baselines)
        return {
            name: [
                {
                    "value": self.shaped(value.reshape(-1)),
                    "quantiles": {
                        level: self.shaped(one.reshape(-1)) for level, one in quantiles.items()
                    },
                }
                for value, quantiles in every
            ]
            for name, every in made.items()
        }

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What is to be forecast, and whether there is anything to be learnt of it."""
        every = list(examples)
        futures = np.stack([self.future(one) for one in every])
        histories = [observed(one, self.over, futures.shape[2], "forecast") for one in every]
        low, high = f"{futures.min():.4g}", f"{futures.max():.4g}"
        found = [Finding(f"{len(every):,} forecasts of {told(self.form)}, from {low} to {high}")]
        left = self.residuals(futures, histories, f"forecast: {split}")
        same = bool(self.unchanging(left.std(axis=0), futures).all())
        if split == "train" and len(left) > 1 and same:
            found.append(
                Finding("the transform leaves always the same: nothing is to be learnt", "error")
            )
        if not self.learnt_baselines["weights"]:
            steps = 2 * (self.season or 1)
            least = f"histories of training with fewer than {steps} steps, so no exponential"
            found.append(Finding(f"{least} smoothing beside the scores", "warning"))
        return found


def targets_of(form: Sequence[int]) -> int:
    """How many targets a gold of a form has."""
    return form[1] if len(form) > 1 else 1
