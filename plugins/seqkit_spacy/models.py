"""What a component asks: a saved pipeline, or a chain of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from seqkit.chain import FILE, Chain, is_saved_chain, load_chain, restored_chain
from seqkit.errors import SeqkitError
from seqkit.loading import load_changed, restored
from seqkit.pipeline import Pipeline
from seqkit.stages import Pieces
from seqkit_spacy.placing import Answered
from seqkit_spacy.units import Unit

Model = Pipeline | Chain


def load_model(path: Path, settings: Mapping[str, Any]) -> Model:
    """A run's model, or that of a folder. Raises SeqkitError."""
    if not is_saved_chain(path):
        return load_changed(path, settings)
    refuse(settings)
    return load_chain(path)


def model_of(files: Mapping[str, bytes], settings: Mapping[str, Any]) -> Model:
    """A model from the files that it was saved as. Raises SeqkitError."""
    if FILE not in files:
        return restored(files, "bytes", settings)
    refuse(settings)
    return restored_chain(files, "bytes")


def refuse(settings: Mapping[str, Any]) -> None:
    """Refuses settings for a chain."""
    if settings:
        raise SeqkitError(f"set {next(iter(settings))}: a chain has no settings. Leave it out.")


def single_input(model: Model) -> None:
    """Raises SeqkitError for a model that reads more than one text."""
    names = model.inputs if isinstance(model, Chain) else model.names
    if len(names) > 1:
        raise SeqkitError(
            f"the model reads {', '.join(names)}, but a Doc is one text. Take a model of one input."
        )


def answers_to(model: Model, units: Sequence[Unit], who: str) -> list[Answered]:
    """The answers to units, which are computed in batches of like lengths."""
    if isinstance(model, Chain):
        found = model([unit.text for unit in units])
        return [
            Answered(unit, no_pieces(unit), one) for unit, one in zip(units, found, strict=True)
        ]
    examples = [
        model.input_example(unit.text, f"{who}: characters {unit.offset} and on") for unit in units
    ]
    [name] = model.names
    return [
        Answered(unit, cast("Pieces", example.inputs[name]), model.by_name(answer))
        for unit, example, answer in zip(units, examples, model.answer(examples), strict=True)
    ]


def no_pieces(unit: Unit) -> Pieces:
    """No piece of a unit."""
    none = np.zeros((0, 2), np.int32)
    return Pieces(unit.text, [], none, np.zeros(0, np.int32), none)
