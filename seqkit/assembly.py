"""The staged build: for each stage its factory, then fit or the saved learnt state, then ready.

The next factory is called when the width before it is known. Loading is the same walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqkit.data import row_gold, row_inputs, row_text
from seqkit.errors import DataError, ModelError
from seqkit.network import Network, Step
from seqkit.recipe import Recipe
from seqkit.signatures import Chosen
from seqkit.stages import (
    Decoder,
    Embedder,
    Encoder,
    Example,
    Frames,
    Front,
    Learnt,
    Pieces,
    Row,
    Text,
    Tokeniser,
    Upstream,
)

if TYPE_CHECKING:
    from numpy.random import Generator

Inputs = Mapping[str, Text | Frames]
NOTHING = Upstream(width=0)
"""What stands before a tokeniser and an embedder."""


@dataclass(frozen=True)
class Assembly:
    """Built stages, and what they learnt: `tokenise` and `embed` by their first input's name."""

    tokenisers: Mapping[str, Tokeniser]
    network: Network
    learnt: Learnt


class Fitting:
    """The training examples on their way through the stages, tokenised as soon as that is possible.

    rows: the training split. inputs: a row's texts and frames. gold: a row's gold. shared: by kind,
    tokenise or embed, the input whose stage is fitted on the golds too, which are texts then.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        inputs: Callable[[Row, str], Inputs],
        gold: Callable[[Row, str], Any],
        shared: Mapping[str, str] | None = None,
    ) -> None:
        self.rows, self.shared = rows, shared or {}
        self.raw = [inputs(row, f"train: example {number}") for number, row in enumerate(rows, 1)]
        self.gold = [gold(row, f"train: example {number}") for number, row in enumerate(rows, 1)]
        self.examples: list[Example] = []
        self.tokenisers: Mapping[str, Tokeniser] = {}

    def texts(self, names: Sequence[str]) -> Iterator[Text]:
        """The texts of some inputs."""
        for inputs in self.raw:
            yield from (text for name in names if isinstance(text := inputs[name], Text))
        if self.shared.get("tokenise") in names:
            yield from self.written()

    def written(self) -> Iterator[Text]:
        """The golds, where they are texts."""
        for number, gold in enumerate(self.gold, 1):
            text = row_text(gold, f"train: example {number}: the gold")
            if isinstance(text, Text):
                yield text

    def tokenise(self, tokenisers: Mapping[str, Tokeniser]) -> None:
        """Makes the examples, now that the tokenisers are ready."""
        self.tokenisers = tokenisers
        self.examples = [
            Example(row, tokenised(tokenisers, inputs, f"train: example {number}"), gold)
            for number, (row, inputs, gold) in enumerate(
                zip(self.rows, self.raw, self.gold, strict=True), 1
            )
        ]

    def narrowed(self, names: Sequence[str]) -> Iterator[Example]:
        """The examples with some of their inputs, and the golds that are written like them."""
        for example in self.examples:
            yield replace(example, inputs={name: example.inputs[name] for name in names})
        like = self.shared.get("embed")
        if like is not None and like in names:
            for text in self.written():
                yield Example({}, {like: self.tokenisers[like].prepare(text)})


def tokenised(
    tokenisers: Mapping[str, Tokeniser],
    inputs: Inputs,
    where: str,
    rng: Generator | None = None,
) -> dict[str, Pieces | Frames]:
    """Each input as pieces or frames. Raises DataError for a text that no tokeniser takes."""
    found: dict[str, Pieces | Frames] = {}
    for name, value in inputs.items():
        if isinstance(value, Frames):
            found[name] = value
        elif name in tokenisers:
            found[name] = tokenisers[name].prepare(value, rng)
        else:
            raise DataError(
                f"{where}: input '{name}' is a text, but the recipe has no tokeniser. "
                "Add `tokenise: {use: words}`."
            )
    return found


def row_example(
    recipe: Recipe,
    tokenisers: Mapping[str, Tokeniser],
    row: Row,
    where: str,
    gold: bool = True,
    rng: Generator | None = None,
) -> Example:
    """A row as an example, its gold taken along where asked. Raises DataError."""
    inputs = tokenised(tokenisers, row_inputs(recipe, row, where), where, rng)
    return Example(row, inputs, row_gold(recipe, row, where) if gold else None)


def shared(chosen: Mapping[str, Chosen]) -> list[tuple[Chosen, list[str]]]:
    """Each stage once, with the names of the inputs that share it."""
    groups: dict[int, tuple[Chosen, list[str]]] = {}
    for name, one in chosen.items():
        groups.setdefault(id(one), (one, []))[1].append(name)
    return list(groups.values())


def assemble(recipe: Recipe, fitting: Fitting | None, saved: Learnt | None = None) -> Assembly:
    """Builds all stages of a recipe, fitted on examples or ready from what was saved.

    Raises DataError for examples that do not fit the recipe, ModelError where what was saved lacks
    a stage.
    """
    learnt: dict[str, dict[str, Any]] = {"tokenise": {}, "embed": {}, "decode": {}}

    tokenisers = ready_tokenisers(recipe, fitting, learnt, saved)
    embedders: dict[str, Embedder] = {}
    for chosen, names in shared(recipe.embed):
        embedder: Embedder = chosen.build(NOTHING)
        found = fitting and embedder.fit(fitting.narrowed(names))
        embedder.ready(keep(learnt, saved, "embed", names[0], found))
        embedders |= dict.fromkeys(names, embedder)

    fronts = {
        name: Front(embedder, tokenisers.get(name), embedder.width)
        for name, embedder in embedders.items()
    }
    steps, upstream = encoders(recipe, fronts)
    decoder: Decoder = recipe.decode.build(upstream)
    found = fitting and decoder.fit(iter(fitting.examples))
    decoder.ready(keep(learnt, saved, "decode", "decode", found))
    return Assembly(tokenisers, Network(embedders, steps, decoder), learnt)


def ready_tokenisers(
    recipe: Recipe,
    fitting: Fitting | None,
    learnt: dict[str, dict[str, Any]],
    saved: Learnt | None = None,
) -> dict[str, Tokeniser]:
    """The tokenisers by input name; with them, the examples of `fitting` are made."""
    tokenisers: dict[str, Tokeniser] = {}
    for chosen, names in shared(recipe.tokenise):
        tokeniser: Tokeniser = chosen.build(NOTHING)
        found = fitting and tokeniser.fit(fitting.texts(names))
        tokeniser.ready(keep(learnt, saved, "tokenise", names[0], found))
        tokenisers |= dict.fromkeys(names, tokeniser)
    if fitting is not None:
        fitting.tokenise(tokenisers)
    return tokenisers


def keep(
    learnt: dict[str, dict[str, Any]], saved: Learnt | None, kind: str, name: str, found: Any
) -> Learnt:
    """Keeps what one stage has learnt, now or before, and gives it. Raises ModelError."""
    if saved is not None:
        if name not in saved.get(kind, {}):
            raise ModelError(f"learnt.json: has nothing for {kind} '{name}'. Train again.")
        found = saved[kind][name]
    learnt[kind][name] = found
    one: Learnt = found
    return one


def encoders(recipe: Recipe, fronts: Mapping[str, Front]) -> tuple[list[Step], Upstream]:
    """Builds the encoders one after the other; gives what then stands before the decoder."""
    states = {name: Upstream(front.width, inputs=fronts) for name, front in fronts.items()}
    steps: list[Step] = []
    for step in recipe.encode:
        if isinstance(step, Chosen) and step.stage.joint:
            joint = step.build(joined(fronts, states))
            steps.append(joint)
            states = {name: after(before, joint) for name, before in states.items()}
            continue
        by_name = dict.fromkeys(fronts, step) if isinstance(step, Chosen) else step
        built: dict[str, Encoder] = {}
        for chosen, names in shared(by_name):
            encoder: Encoder = chosen.build(states[names[0]])
            for name in names:
                if states[name].width != states[names[0]].width:
                    raise DataError(
                        f"{chosen.where}: encode: one encoder for '{names[0]}' of width "
                        f"{states[names[0]].width} and '{name}' of width {states[name].width}. "
                        "Give one encoder for each."
                    )
            built |= dict.fromkeys(names, encoder)
        steps.append({name: built[name] for name in fronts})
        states = {name: after(states[name], built[name]) for name in fronts}
    return steps, joined(fronts, states)


def after(before: Upstream, encoder: Any) -> Upstream:
    """What stands behind an encoder."""
    return replace(
        before,
        width=encoder.width,
        stride=before.stride * encoder.stride,
        causal=before.causal and encoder.causal,
    )


def joined(fronts: Mapping[str, Front], states: Mapping[str, Upstream]) -> Upstream:
    """What a stage sees that is handed all inputs."""
    first = next(iter(states.values()))
    return Upstream(
        first.width,
        max(state.stride for state in states.values()),
        all(state.causal for state in states.values()),
        {name: replace(front, width=states[name].width) for name, front in fronts.items()},
    )
