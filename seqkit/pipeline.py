"""The pipeline: staged build, prediction, and what is saved."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from seqkit import __version__, storage
from seqkit.abilities import Form, Formed
from seqkit.assembly import Assembly, Fitting, assemble, row_example, tokenised
from seqkit.batching import cut
from seqkit.data import row_gold, row_inputs, row_text
from seqkit.denormals import flushed
from seqkit.errors import DataError, ModelError, SeqkitError
from seqkit.inspection import Inspection, inspect
from seqkit.live import Live
from seqkit.network import DECODE
from seqkit.optimisers import BatchSettings
from seqkit.plugins import Stage
from seqkit.recipe import Recipe
from seqkit.stages import Answer, Example, Frames, Learnt, Pieces, Row, Text
from seqkit.table import Table
from seqkit.weights import pack_weights
from seqkit.windowed import answer_in_windows, long_texts

if TYPE_CHECKING:
    from numpy.random import Generator

FORMAT = 1
TOKENS = 2000
"""Padded pieces of one batch when predicting: enough for the processor, small in memory."""
WINDOW = 1024
"""Texts that are read ahead and sorted by length when predicting."""

Answers = Mapping[str, Answer]
"""An answer for each gold of the recipe, by its name; "answer" where the recipe names none."""
Input = str | Text | Frames | Sequence[str] | Sequence[float] | np.ndarray | Mapping[str, Any]
"""A text, given words, numbers or frames, or a mapping from input names to these."""


class Pipeline:
    """A recipe's stages, built and ready.

    Call it with texts for a list of answers, or `stream` them. The same text alone, in any batch,
    beside any neighbour, gives the same answer.
    """

    def __init__(self, recipe: Recipe, assembly: Assembly) -> None:
        self.recipe = recipe
        self.learnt = assembly.learnt
        self.tokenisers = assembly.tokenisers
        self.network = assembly.network
        self.names = tuple(self.network.embedders)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next((weight.device for weight in self.network.parameters()), torch.device("cpu"))

    def to(self, device: torch.device | str) -> Pipeline:
        """Moves the weights; returns the pipeline itself."""
        self.network.to(device)
        return self

    @property
    def samples(self) -> bool:
        """Whether a stage prepares an example differently each time while training."""
        tokenisers, embedders = self.tokenisers.values(), self.network.embedders.values()
        sampling = [stage.samples for stage in tokenisers] + [stage.samples for stage in embedders]
        return any(sampling) or self.network.decoder.samples

    @property
    def causal(self) -> bool:
        """Whether no encoder looks ahead."""
        steps = self.network.steps
        every = [each for s in steps for each in (s.values() if isinstance(s, Mapping) else [s])]
        return all(encoder.causal for encoder in every)

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(weight.numel() for weight in self.network.parameters() if weight.requires_grad)

    @property
    def along_time(self) -> set[str]:
        """The prepared arrays that have one row a piece."""
        fronts = self.network.embedders.items()
        inputs = {f"{name}/{array}" for name, stage in fronts for array in stage.along_time}
        return inputs | {DECODE + array for array in self.network.decoder.along_time}

    def example(
        self, row: Row, where: str, gold: bool = True, rng: Generator | None = None
    ) -> Example:
        """One record as an example: its inputs tokenised, its gold taken along where asked.

        Raises DataError, which starts with `where`, for a field that is missing or unfit.
        """
        return row_example(self.recipe, self.tokenisers, row, where, gold, rng)

    def prepare(
        self, example: Example, gold: bool = True, rng: Generator | None = None
    ) -> dict[str, np.ndarray]:
        """The arrays of one example: each input's under its name, the decoder's under `decode/`."""
        arrays: dict[str, np.ndarray] = {}
        for name, embedder in self.network.embedders.items():
            for key, value in embedder.prepare(example, name, rng).items():
                arrays[f"{name}/{key}"] = value
        if not gold:
            example = Example(example.fields, example.inputs)
        for key, value in self.network.decoder.prepare(example, rng).items():
            arrays[DECODE + key] = value
        return arrays

    def sizes(self, table: Table) -> np.ndarray:
        """Steps of each example: [example, part], a part for each input and for the target."""
        parts = []
        for name, embedder in self.network.embedders.items():
            arrays = [f"{name}/{array}" for array in sorted(embedder.along_time)]
            parts.append(table.lengths(next(array for array in arrays if array in table.columns)))
        along = self.along_time
        parts += [
            table.lengths(name)
            for name, column in table.columns.items()
            if name.startswith(DECODE) and name not in along and column.starts is not None
        ][:1]
        return np.stack(parts, axis=1)

    def __call__(self, texts: Iterable[Input]) -> list[Answers]:
        """The answers of all texts, in their order. Raises SeqkitError for what is no text."""
        return list(self.answered(texts, WINDOW))

    def stream(self, texts: Iterable[Input]) -> Iterator[Answers]:
        """Answers as they come, in the order of the texts; memory stays bounded.

        The first texts are answered at once, later ones in growing windows that are sorted by
        length inside.
        """
        return self.answered(texts, 1)

    def live(self) -> Live:
        """One text that still comes: see `Live`. Raises SeqkitError, which names the stage."""
        return Live(self)

    def inspect(self, given: Input, *, gold: Any = None) -> Inspection:
        """What the encoders did at each piece of one text: see `seqkit.inspection.inspect`."""
        return inspect(self, given, gold)

    def answered(self, texts: Iterable[Input], first: int) -> Iterator[Answers]:
        """The answers to texts, in windows as `answer` makes them."""
        if isinstance(texts, str | bytes | Mapping | Text):
            raise SeqkitError("pipeline(texts): takes several texts. Put a single one in a list.")
        examples = (self.input_example(given, f"text {index}") for index, given in enumerate(texts))
        for answer in self.answer(examples, first):
            yield self.by_name(answer)

    def input_example(self, given: Any, where: str) -> Example:
        """What a caller gave as one text, as an example. Raises DataError, which names `where`."""
        if not isinstance(given, Mapping):
            if len(self.names) > 1:
                raise DataError(f"{where}: needs a mapping with {', '.join(self.names)}.")
            given = {self.names[0]: given}
        lacking = [name for name in self.names if name not in given]
        if lacking:
            raise DataError(
                f"{where}: lacks the input '{lacking[0]}'. Give {', '.join(self.names)}."
            )
        inputs = {name: row_text(given[name], where) for name in self.names}
        return Example(given, tokenised(self.tokenisers, inputs, where))

    def by_name(self, answer: Answer) -> Answers:
        """An answer under the name of its gold."""
        gold = self.recipe.data.gold if self.recipe.data else None
        if isinstance(gold, Mapping) or any(name for name, _ in self.recipe.metrics):
            return cast("Answers", answer)
        return {gold or "answer": answer}

    def forms(self) -> dict[str, Form]:
        """What the answers are, by the names that they come under; without those not told."""
        decoder = self.network.decoder
        found = decoder.form() if isinstance(decoder, Formed) else {}
        if isinstance(found, Mapping):
            return dict(found)
        gold = self.recipe.data.gold if self.recipe.data else None
        return {gold if isinstance(gold, str) else "answer": found}

    def record(self, example: Example, answer: Answer, index: int) -> dict[str, Any]:
        """An answer as one JSON record: index, text (by input name where several), answers."""
        texts = {
            name: value.source.text
            for name, value in example.inputs.items()
            if isinstance(value, Pieces)
        }
        text: Any = next(iter(texts.values()), None) if len(texts) < 2 else texts
        return {"index": index, "text": text, "answers": self.by_name(answer)}

    def answer(self, examples: Iterable[Example], first: int = WINDOW) -> Iterator[Answer]:
        """The decoder's answers to examples, in their order.

        first: examples that are read ahead for the first answer; each window after is twice as
        large, up to WINDOW.
        """
        source = iter(examples)
        while ready := list(itertools.islice(source, first)):
            yield from self.answer_window(ready)
            first = min(WINDOW, 2 * first)

    @flushed()
    def answer_window(self, examples: Sequence[Example]) -> list[Answer]:
        """The answers to a window of examples, batched by length, given back in order."""
        arrays = [self.prepare(example, gold=False) for example in examples]
        table = Table.stack(arrays)
        sizes = self.sizes(table)
        answers: list[Answer] = [{}] * len(examples)
        device = self.device
        self.network.eval()
        with torch.inference_mode():
            for row in long_texts(self, arrays, sizes.sum(axis=1)):
                answers[row] = answer_in_windows(self, arrays[row], examples[row])
            order = np.argsort(sizes.sum(axis=1), kind="stable").tolist()
            short = [row for row in order if not answers[row]]
            for rows in cut(sizes, short, BatchSettings(tokens=TOKENS)):
                batch = {name: value.to(device) for name, value in table.collate(rows).items()}
                chosen = [examples[row] for row in rows.tolist()]
                for row, answer in zip(
                    rows.tolist(), self.network.answer(batch, chosen), strict=True
                ):
                    answers[row] = answer
        return answers

    def save(self, path: str | Path) -> None:
        """Writes the pipeline as a folder of JSON and safetensors; it may replace another one.

        Raises OSError, and ModelError where the path holds anything else.
        """
        place = Path(path)
        if place.exists() and not saved_by_seqkit(place):
            raise ModelError(f"{place}: holds more than a saved pipeline. Name a new folder.")
        storage.write_folder(place, self.files())

    def files(self) -> dict[str, bytes]:
        """The files of a saved pipeline."""
        weights, aliases = pack_weights(self.network)
        content = {
            "format": FORMAT,
            "seqkit": __version__,
            "plugins": needed(self.recipe),
            "aliases": aliases,
            "recipe": self.recipe.plain(),
        }
        return {
            "pipeline.json": storage.as_json(content),
            "weights.safetensors": weights,
            **storage.pack(self.learnt),
        }


def fitting(recipe: Recipe, rows: Sequence[Row]) -> Fitting:
    """Training rows, for stages to be fitted on. Raises DataError."""
    return Fitting(
        rows,
        lambda row, where: row_inputs(recipe, row, where),
        lambda row, where: row_gold(recipe, row, where),
        shared=shares(recipe),
    )


def shares(recipe: Recipe) -> dict[str, str]:
    """By kind, the input whose stage the decoder shares."""
    stage = recipe.decode.stage
    if not isinstance(stage, Stage) or stage.shares is None:
        return {}
    found = stage.shares(recipe.decode.settings)
    only = next(iter(recipe.embed))
    return {kind: only if name is None else name for kind, name in found.items()}


def build(recipe: Recipe, rows: Sequence[Row]) -> Pipeline:
    """Builds a pipeline and fits its stages on training rows. Raises DataError."""
    return Pipeline(recipe, assemble(recipe, fitting(recipe, rows)))


def rebuild(recipe: Recipe, learnt: Learnt) -> Pipeline:
    """Builds a pipeline from what its stages have learnt before."""
    return Pipeline(recipe, assemble(recipe, None, learnt))


def saved_by_seqkit(place: Path) -> bool:
    """Whether a place is a folder with a manifest, and nothing in it that the manifest lacks."""
    try:
        listed = json.loads((place / storage.MANIFEST).read_bytes())
        found = {path.name for path in place.iterdir()}
    except (OSError, ValueError):
        return place.is_dir() and not any(place.iterdir())
    return found <= {storage.MANIFEST, *listed}


def needed(recipe: Recipe) -> list[dict[str, str]]:
    """The plugins that a recipe's stages come from, with their versions."""
    found = [chosen.stage.plugin for chosen in recipe.stages()]
    plugins = {plugin.name: plugin for plugin in found if plugin is not None}
    return [
        {"name": plugin.name, "distribution": plugin.distribution, "version": plugin.version}
        for plugin in sorted(plugins.values(), key=lambda plugin: plugin.name)
    ]
