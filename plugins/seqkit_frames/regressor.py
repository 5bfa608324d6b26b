"""A decoder that gives a whole text or series numbers."""

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
from seqkit.stages import Answer, Example, Learnt, Loss, Pieces, Upstream, Vectors
from seqkit_frames.pooling import Pool, pooled

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32
    from numpy.random import Generator

    from seqkit.stages import Batch

Numbers = float | list[float]
LARGEST = float(np.finfo(np.float32).max)


@final
class Regressor(nn.Module):
    """A linear layer on the pooled steps. The arguments are the settings of `regression`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(self, upstream: Upstream, *, pool: Pool = "last", over: str | None = None) -> None:
        super().__init__()
        self.width = input_width("regression", upstream, over)
        self.pool, self.over = pool, over

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The mean gold, in the form of the golds. Raises DataError where they have several."""
        golds: list[Numbers] = []
        for number, example in enumerate(examples, 1):
            where = f"regression: train: example {number}"
            golds.append(numbers_of(example.gold, where))
            same_form(golds[-1], golds[0], where)
        if not golds:
            raise DataError("regression: there is no training example. Give a split that has some.")
        return {"mean": np.mean(golds, axis=0).tolist()}

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights; the bias begins as the mean gold."""
        self.mean: Numbers = learnt["mean"]
        means = torch.tensor(self.mean).reshape(-1)
        self.linear = nn.Linear(self.width, len(means))
        with torch.no_grad():
            self.linear.bias.copy_(means)

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Target [output], float32, where there is a gold. Raises DataError."""
        del rng
        if example.gold is None:
            return {}
        return {"target": np.array(self.gold(example)["value"], np.float32).reshape(-1)}

    def outputs(self, inputs: Mapping[str, Vectors]) -> Float32[Tensor, "batch output"]:
        """The numbers of each row, in fp32 under autocast too: bf16 keeps two or three digits."""
        vectors = pooled(inputs[input_name("regression", inputs, self.over)], self.pool)
        with torch.autocast(vectors.device.type, enabled=False):
            found: Tensor = self.linear(vectors)
        return found

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Squared error, its mean over the numbers of a row, summed over rows."""
        errors = (self.outputs(inputs) - batch["target"]).square().mean(1)
        return Loss(errors.sum(), torch.tensor(len(errors), device=errors.device))

    @torch.no_grad()
    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Batch,
        examples: Sequence[Example],
    ) -> list[Answer]:
        """The numbers of each row as `value`: a list where the golds are lists."""
        del batch, examples
        rows: list[list[float]] = self.outputs(inputs).tolist()
        return [{"value": row if isinstance(self.mean, list) else row[0]} for row in rows]

    def gold(self, example: Example) -> Answer:
        """The numbers of the file. Raises DataError where their form is not the learnt one."""
        found = numbers_of(example.gold, "regression")
        same_form(found, self.mean, "regression")
        return {"value": found}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What the golds are, and what always giving train's mean would score."""
        every = list(examples)
        golds = np.array([self.gold(example)["value"] for example in every], np.float64)
        error = float(np.square(golds - np.array(self.mean)).mean())
        means = [f"{mean:.4g}" for mean in np.atleast_1d(self.mean)[:5].tolist()]
        more = ", …" if np.size(self.mean) > 5 else ""
        found = [
            Finding(
                f"{len(golds):,} golds of {form(self.mean)} from {golds.min():.4g} to "
                f"{golds.max():.4g}; always giving the mean of train, {', '.join(means)}{more}, "
                f"has a squared error of {error:.4g}"
            )
        ]
        if split == "train":
            if len(golds) > 1 and bool((golds == golds[0]).all()):
                found.append(Finding("all golds are the same: nothing is to be learnt", "error"))
            found += [Finding(f"example: {self.answered(one)}") for one in every[:3]]
        return found

    def answered(self, example: Example) -> str:
        """An example's input, and its gold as it comes back from the decoder's own array."""
        source = example.inputs[input_name("regression", example.inputs, self.over)]
        text = shown(source.source.text) if isinstance(source, Pieces) else f"{len(source):,} steps"
        target = self.prepare(example)["target"].tolist()
        return f"{text} → {', '.join(f'{number:.4g}' for number in target[:5])}"


def numbers_of(gold: Any, where: str) -> Numbers:
    """A gold as a number or a list of numbers. Raises DataError for anything else, and for NaN."""
    if gold is None:
        raise DataError(f"{where}: there is no gold. Name the field of the number under data.gold.")
    parts = gold.tolist() if isinstance(gold, np.ndarray | np.generic) else gold
    every = parts if isinstance(parts, list | tuple) else [parts]
    if not every or any(type(part) not in (int, float) for part in every):
        raise DataError(
            f"{where}: the gold is {shown(gold)}, but a text takes a number, or a list of numbers. "
            "Name another field under data.gold, or decode labels with `classifier`."
        )
    if not all(abs(part) <= LARGEST for part in every):
        raise DataError(
            f"{where}: the gold is {shown(gold)}, which is no finite number in single precision. "
            "Mend it, or leave the example out."
        )
    found = [float(part) for part in every]
    return found if every is parts else found[0]


def same_form(found: Numbers, first: Numbers, where: str) -> None:
    """Raises DataError where a gold has another form than the first one."""
    if form(found) != form(first):
        raise DataError(
            f"{where}: the gold has {form(found)}, but training began with {form(first)}. "
            "Give every example the same."
        )


def form(value: Numbers) -> str:
    """`a number`, or `a list of 3 numbers`."""
    if isinstance(value, list):
        return f"a list of {len(value)} number{'' if len(value) == 1 else 's'}"
    return "a number"


def shown(gold: Any, most: int = 60) -> str:
    """A gold for a message, cut where it is long."""
    text = repr(gold)
    return text if len(text) <= most else text[: most - 1] + "…"
