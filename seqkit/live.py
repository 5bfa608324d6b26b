"""A text or a series that still comes: answers as soon as they are final, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch

from seqkit.abilities import Framing, Incremental, Reaching
from seqkit.denormals import flushed
from seqkit.errors import DataError, SeqkitError
from seqkit.network import DECODE, Network, scoped
from seqkit.recipe import Recipe
from seqkit.signatures import Chosen
from seqkit.stages import Answer, Encoder, Vectors
from seqkit.table import OFFSETS, collate

if TYPE_CHECKING:
    from seqkit.network import States
    from seqkit.pipeline import Answers, Pipeline

WINDOW = 1024
"""Pieces that are read at once, at most."""
TRIED = 4
"""Steps on which an encoder is tried, whole and one by one."""
NEAR = 1e-3
"""How near its vectors must come: untrained weights may multiply rounding errors at each step."""


@final
class Live:
    """One text (or series) that still comes: push what has come, and finish.

    Whatever the cuts, the values of all answers in their order are those of the whole text's
    answer, to 1e-5. What is remembered between two pushes does not grow with the text. Several
    live objects may share a pipeline.

    Raises SeqkitError, which names the stage, where a pipeline must have a text as a whole.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        pipeline.network.eval()
        check_inputs(pipeline.names)
        check_embedder(pipeline)
        check_encoders(pipeline.recipe, pipeline.network)
        check_decoder(pipeline.recipe, pipeline.network)
        self.pipeline = pipeline
        self.decoder = cast("Incremental", pipeline.network.decoder)
        self.begin()

    def begin(self) -> None:
        """Forgets what has come, for a next text."""
        self.states: States = {}
        self.memory = self.decoder.begin()

    def push(self, *pieces: Any) -> list[Answers]:
        """The answers that have become final with the words or frames that have come.

        pieces: words, each a string that is taken as a given word; or frames, each a number or an
        array of numbers, one for each channel. Raises DataError for anything else, which then
        changes nothing.
        """
        read = given_words if self.pipeline.tokenisers else frames
        answers, states, memory = list[Answer](), self.states, self.memory
        given = read(pieces)
        for start, end in windows(len(given)):
            found, states, memory = self.window(given[start:end], states, memory)
            answers += found
        self.states, self.memory = states, memory
        return [self.pipeline.by_name(answer) for answer in answers]

    @flushed()
    def window(
        self, given: list[str] | np.ndarray, states: States, memory: Any
    ) -> tuple[list[Answer], States, Any]:
        """The answers to some pieces, and the states and what the decoder remembers after them."""
        pipeline, network = self.pipeline, self.pipeline.network
        example = pipeline.input_example(given, "push")
        arrays, device = collate([pipeline.prepare(example, gold=False)]), pipeline.device
        batch = {name: value.to(device) for name, value in arrays.items()}
        if network.training:
            network.eval()
        with torch.inference_mode():
            vectors, states = network.encode(batch, states)
            answers, memory = self.decoder.push(memory, vectors, scoped(batch, DECODE), example)
        return answers, states, memory

    @flushed()
    def finish(self) -> list[Answers]:
        """The answers that were open. What is pushed next begins another text."""
        with torch.inference_mode():
            answers = self.decoder.finish(self.memory)
        self.begin()
        return [self.pipeline.by_name(answer) for answer in answers]


def windows(count: int) -> Iterator[tuple[int, int]]:
    """Where to cut a push: into 1, 2, 4 ... WINDOW pieces.

    oneDNN keeps a kernel for each shape that it has met, of a quarter megabyte or more.
    """
    start = 0
    while start < count:
        size = min(WINDOW, 1 << (count - start).bit_length() - 1)
        yield start, start + size
        start += size


def given_words(pieces: Sequence[Any]) -> list[str]:
    """Pushed pieces as given words. Raises DataError where one is no string."""
    for piece in pieces:
        if not isinstance(piece, str):
            raise DataError(
                f"push: takes words, each a str, not {type(piece).__name__}. "
                "Give them one by one: push('two', 'words')."
            )
    return list(pieces)


def frames(pieces: Sequence[Any]) -> np.ndarray:
    """Pushed pieces as [time, channel]. Raises DataError where one is no frame."""
    found: list[np.ndarray] = []
    for piece in pieces:
        number = isinstance(piece, int | float | np.number)
        frame = np.array([piece]) if number else piece
        if not isinstance(frame, np.ndarray) or frame.ndim != 1 or frame.dtype.kind not in "biuf":
            raise DataError(
                "push: takes frames, each a number or an array of a number a channel, not "
                f"{type(piece).__name__}. Give them one by one: push(1.5, 2.5)."
            )
        if found and len(frame) != len(found[0]):
            raise DataError(
                f"push: a frame has {len(frame)} channels, the one before it {len(found[0])}. "
                "Give all channels with each frame."
            )
        found.append(frame)
    return np.stack(found) if found else np.zeros((0, 1))


def check_inputs(names: Sequence[str]) -> None:
    """Raises SeqkitError where there are several inputs."""
    if len(names) > 1:
        raise SeqkitError(
            f"live: the pipeline reads {' and '.join(names)}, but one text comes at a time. "
            "Call the pipeline with both as wholes: pipeline([{...}])."
        )


def check_embedder(pipeline: Pipeline) -> None:
    """Raises SeqkitError for an embedder that makes a step of others too.

    Such an embedder says so, or is one of pieces with arrays that have no row for each of them.
    """
    (name,) = pipeline.names
    embedder = pipeline.network.embedders[name]
    if isinstance(embedder, Reaching) and embedder.reach:
        raise SeqkitError(
            f"embed: {pipeline.recipe.embed[name].name} makes each step of {embedder.reach} before "
            "it too. Call the pipeline with the whole."
        )
    if isinstance(embedder, Framing):
        raise SeqkitError(
            f"embed: {pipeline.recipe.embed[name].name} makes one step of several frames, which "
            "may come in two pushes. Use an embedder of single frames, such as frames."
        )
    if not pipeline.tokenisers:
        return
    arrays = embedder.prepare(pipeline.input_example([], "live"), name)
    if {array.removesuffix(OFFSETS) for array in arrays} - embedder.along_time:
        raise SeqkitError(
            f"embed: {pipeline.recipe.embed[name].name} reads each text as a whole. Use embedders "
            "of single pieces, such as lookup."
        )


def check_encoders(recipe: Recipe, network: Network) -> None:
    """Raises SeqkitError for an encoder that cannot go on from where it was."""
    before = next(iter(network.embedders.values())).width
    for number, (step, said) in enumerate(zip(network.steps, recipe.encode, strict=True)):
        chosen = said if isinstance(said, Chosen) else next(iter(said.values()))
        path = f"encode.{number}" if len(network.steps) > 1 else "encode"
        where = f"{path}: {chosen.name}"
        if not isinstance(step, Mapping):
            raise SeqkitError(f"{where} reads all inputs as wholes. Leave it out.")
        encoder = next(iter(step.values()))
        if not encoder.causal:
            raise SeqkitError(f"{where} reads each text from its end too. Use lstm or gru.")
        if encoder.stride != 1:
            raise SeqkitError(
                f"{where} gives one step for {encoder.stride}, which may come in two pushes. "
                "Use an encoder that keeps every step."
            )
        if not goes_on(encoder, before, next(network.parameters(), torch.zeros(0))):
            raise SeqkitError(
                f"{where} gives other vectors when steps come one by one: its state lacks what "
                "they depend on. Use lstm or gru."
            )
        before = encoder.width


def goes_on(encoder: Encoder, width: int, like: torch.Tensor) -> bool:
    """Whether steps one by one, with the state carried, come out as they do in a whole."""
    drawn = torch.randn(1, TRIED, width, generator=torch.Generator().manual_seed(1)).to(like)
    one = torch.ones(1, dtype=torch.long, device=like.device)
    call, found, state = cast("Any", encoder), [], None
    with torch.inference_mode():
        whole = call(Vectors(drawn, TRIED * one))
        for step in drawn.unbind(1):
            part = call(Vectors(step.unsqueeze(1), one), state)
            found.append(part.values)
            state = part.state
    return torch.allclose(torch.cat(found, 1), whole.values, rtol=NEAR, atol=NEAR)


def check_decoder(recipe: Recipe, network: Network) -> None:
    """Raises SeqkitError for a decoder that answers whole texts alone."""
    if not isinstance(network.decoder, Incremental):
        raise SeqkitError(
            f"decode: {recipe.decode.name} answers whole texts alone. "
            "Use a decoder that has begin, push and finish, such as tagger, crf or classifier."
        )
