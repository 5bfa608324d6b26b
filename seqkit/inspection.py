"""A look into a model: what its encoders did at each piece of one text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seqkit import storage
from seqkit.abilities import Attended, Attentive, Observed
from seqkit.errors import DataError, ModelError, SeqkitError
from seqkit.network import DECODE, scoped
from seqkit.observation import Norms, gradients, looking, mean, observable, observe
from seqkit.plugins import describe
from seqkit.recipe import Recipe
from seqkit.signatures import Chosen
from seqkit.stages import Answer, Example, Frames, Pieces, Vectors
from seqkit.table import collate

if TYPE_CHECKING:
    from seqkit.pipeline import Answers, Pipeline

GRADIENT = "gradient"
MANY = 4
"""Frames of a step that are shown one by one."""
"""The measurement that the engine adds: the norm of d loss / d h_t."""


@dataclass(frozen=True)
class Part:
    """What went on in one part of an encoder.

    encoder: its name. step: its place among the recipe's encoders, from 1. input: what it read.
    name: of the part. pieces: what was read, for each step. series: by measurement, a number for
    each step; "gradient" is the norm of d loss / d h_t.
    """

    encoder: str
    step: int
    input: str
    name: str
    pieces: tuple[str, ...]
    series: Mapping[str, tuple[float, ...]]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "encoder": self.encoder,
            "step": self.step,
            "input": self.input,
            "part": self.name,
            "pieces": list(self.pieces),
            "series": {name: list(values) for name, values in self.series.items()},
        }


@dataclass(frozen=True)
class Inspection:
    """What a model did with one text.

    answers: as the pipeline gives them. loss: that of the gradients; None where there are none.
    against: what the loss is against, or why there is none, in a line. parts: of all encoders that
    can be looked into, in the order in which they read. attended: where the decoder looked while it
    wrote the answer, if it shows that.
    """

    answers: Answers
    loss: float | None
    against: str
    parts: tuple[Part, ...]
    attended: Attended | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON, which knows no NaN: null stands for it."""
        content = {
            "answers": self.answers,
            "loss": self.loss,
            "against": self.against,
            "parts": [part.plain() for part in self.parts],
            **({"attended": self.attended.plain()} if self.attended else {}),
        }
        plain: dict[str, Any] = storage.finite(content)
        return plain


def inspect(pipeline: Pipeline, given: Any, gold: Any = None) -> Inspection:
    """What the encoders of a pipeline did at each piece of a text, and the gradients there.

    given: as in `pipeline([...])`. gold: what the loss is against, as the recipe's data gives it;
    by default the model's own answer. The pipeline stays as it is. Raises ModelError where no
    encoder can be looked into, DataError where the gold does not fit, PluginError where an encoder
    shows another pass than its own.
    """
    names = encoder_names(pipeline.recipe, pipeline.names)
    refuse_hidden(pipeline, names)
    example = pipeline.input_example(given, "inspect")
    [answer] = pipeline.answer_window([example])
    network, device = pipeline.network, pipeline.device
    arrays = collate([pipeline.prepare(example, gold=False)])
    batch = {name: value.to(device) for name, value in arrays.items()}
    with looking(network):
        vectors, seen = observe(network, batch, names)
        loss, against = loss_of(pipeline, example, vectors, answer, gold)
        norms = {} if loss is None else gradients(loss, seen)
        attended = None
        if isinstance(network.decoder, Attentive):
            with torch.no_grad():
                own = scoped(batch, DECODE)
                attended = network.decoder.attended(vectors, own, example, answer)
    return Inspection(
        pipeline.by_name(answer),
        None if loss is None else float(loss.detach()),
        against,
        tuple(parts(example, names, seen, norms)),
        attended,
    )


def encoder_names(recipe: Recipe, inputs: Sequence[str]) -> dict[str, str]:
    """The names of the encoders, by `step/input`; joint ones, which see all inputs, by `step`."""
    names: dict[str, str] = {}
    for number, step in enumerate(recipe.encode):
        if isinstance(step, Chosen) and step.stage.joint:
            names[str(number)] = step.stage.name
            continue
        for name in inputs:
            chosen = step if isinstance(step, Chosen) else step[name]
            names[f"{number}/{name}"] = chosen.stage.name
    return names


def refuse_hidden(pipeline: Pipeline, names: Mapping[str, str]) -> None:
    """Raises ModelError where neither an encoder nor the decoder can be looked into."""
    if observable(pipeline.network) or isinstance(pipeline.network.decoder, Attentive):
        return
    known = ", ".join(dict.fromkeys(names.values()))
    raise ModelError(
        f"inspect: no encoder of '{pipeline.recipe.name}' ({known or 'it has none'}) can be looked "
        "into. Inspect a model whose encoder has the method 'observe'."
    )


def loss_of(
    pipeline: Pipeline, example: Example, vectors: Mapping[str, Vectors], answer: Answer, gold: Any
) -> tuple[Tensor | None, str]:
    """The mean loss against the gold, or else against the answer, and what it is against.

    None and the reason where the decoder cannot learn from its own answer. Raises DataError where
    the given gold does not fit.
    """
    decoder, own = pipeline.network.decoder, gold is None
    try:
        arrays = decoder.prepare(replace(example, gold=own_gold(pipeline, answer) if own else gold))
        batch = {name: part.to(pipeline.device) for name, part in collate([arrays]).items()}
        loss = mean(decoder.loss(vectors, batch))
    except Exception as error:  # whatever a foreign decoder raises
        told = str(error) if isinstance(error, SeqkitError) else describe(error)
        if own:
            return None, f"no gradients: the model's answer is no gold for it: {told}"
        raise DataError(f"inspect: the gold does not fit: {told}") from error
    if not math.isfinite(float(loss.detach())):
        return None, f"no gradients: the loss is {float(loss.detach())}"
    return loss, "the model's own answer" if own else "the given gold"


def own_gold(pipeline: Pipeline, answer: Answer) -> Any:
    """An answer as gold, a mapping where the recipe names several."""
    data = pipeline.recipe.data
    if data is not None and isinstance(data.gold, Mapping):
        return {name: answer[name]["value"] for name in data.gold}
    return answer["value"]


def parts(
    example: Example, names: Mapping[str, str], seen: Mapping[str, Observed], norms: Norms
) -> Iterator[Part]:
    """What was seen of each part of each encoder, beside the pieces."""
    for key, observed in seen.items():
        step, _, name = key.partition("/")
        steps = int(observed.vectors.lengths[0])
        pieces = tuple(labels(example.inputs[name], steps))
        for part, series in observed.series.items():
            numbers = dict(series)
            if part in norms.get(key, {}):
                numbers[GRADIENT] = norms[key][part]
            rows = {what: tuple(value[0, :steps].tolist()) for what, value in numbers.items()}
            yield Part(names[key], int(step) + 1, name, part, pieces, rows)


def labels(value: Pieces | Frames, steps: int) -> Iterator[str]:
    """What was read at each step: several pieces where an encoder has a stride.

    A frame of one channel is its number; others are counted from 1, as are steps of many frames.
    """
    if isinstance(value, Frames) and len(value) > MANY * steps:
        yield from (f"step {number}" for number in range(1, steps + 1))
        return
    if isinstance(value, Pieces):
        strings = list(value.strings)
    elif value.values.shape[1] == 1:
        strings = [f"{number:.4g}" for number in value.values[:, 0].tolist()]
    else:
        strings = [f"frame {number}" for number in range(1, len(value) + 1)]
    stride = -(-len(strings) // steps) if steps else 1
    for start in range(0, steps * stride, stride):
        yield " ".join(strings[start : start + stride])


def read_given(pipeline: Pipeline, text: str) -> Any:
    """What a command line gives: a text as it stands; JSON where the model takes no single text.

    Raises DataError where it is no JSON.
    """
    if len(pipeline.names) == 1 and pipeline.tokenisers:
        return text
    return read_json(text, f"inspect: the model takes {' and '.join(pipeline.names)}")


def read_json(text: str, where: str) -> Any:
    """JSON from a command line. Raises DataError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: not JSON ({error}). Give JSON: a text stands in double quotes."
        ) from error
