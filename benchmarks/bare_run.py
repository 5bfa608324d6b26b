"""A saved tagger run in bare torch, as one would write it: no seqkit, batches of 32 sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from bare import PADDING, ROWS, UNKNOWN, PaddedBiLSTM, padded
from safetensors.torch import load_file
from torch import Tensor, nn

PARTS = ("lookup", "characters", "affixes")
"""The embedders that a run may have side by side, in this order; words it must have."""


class BareRun:
    """The model of recipes/pos-ewt.yaml: words, characters, affixes, a residual BiLSTM, softmaxes.

    Reads sizes and weights from the run. Raises ValueError where its recipe is of another kind.
    """

    def __init__(self, run: Path) -> None:
        place = run / "pipeline"
        recipe = json.loads((place / "pipeline.json").read_text())["recipe"]
        learnt = json.loads((place / "learnt.json").read_text())
        self.weights = load_file(place / "weights.safetensors")
        embed, encode, decode = (recipe[stage] for stage in ("embed", "encode", "decode"))
        heads = decode["parts"] if decode["use"] == "heads" else {"": decode}
        used = [part["use"] for part in embed.get("parts", [])]
        uses = [*used, encode["use"], *{head["use"] for head in heads.values()}]
        known = [use for use in PARTS if use in used]
        if used != known or uses[len(used) :] != ["bilstm", "tagger"] or used[:1] != ["lookup"]:
            raise ValueError(f"{run}: is made of {', '.join(uses)}, which this loop does not know")
        places = {use: place for place, use in enumerate(used)}
        settings = {use: embed["parts"][place] for use, place in places.items()}
        parts = learnt["embed"]["text"]["parts"]
        self.words = numbered(parts[0]["strings"])
        self.lower, self.residual = settings["lookup"]["lower"], encode["residual"]
        if "characters" in used:
            self.letters = numbered(parts[places["characters"]]["strings"])
            longest = settings["characters"]["longest"]
            self.head, self.tail = longest - longest // 2, longest // 2
        if "affixes" in used:
            learnt_affixes = parts[places["affixes"]]["affixes"]
            self.ends = affixes(settings["affixes"], learnt_affixes)
        found = learnt["decode"]["decode"]
        self.labels = [(found[name] if name else found)["labels"] for name in heads]
        self.upos = list(heads).index("upos") if len(heads) > 1 else 0
        named = {use: f"embedding.0.parts.{number}." for use, number in places.items()}
        self.tables = {use: self.table(f"{name}table.") for use, name in named.items()}
        if "characters" in used:
            self.speller = self.lstm(f"{named['characters']}reader.encoder.layers.0.")
        self.layers = [self.lstm(f"encoding.0.layers.{n}.") for n in range(encode["layers"])]
        names = [f"parts.{n}." for n in range(len(heads))] if len(heads) > 1 else [""]
        self.outputs = [self.linear(f"decoder.{name}scores.linear.") for name in names]

    def part(self, name: str) -> Mapping[str, Tensor]:
        """The weights under a name, which is taken off."""
        found = self.weights.items()
        return {key[len(name) :]: value for key, value in found if key.startswith(name)}

    def lstm(self, name: str) -> PaddedBiLSTM:
        """One layer of both directions."""
        found = self.part(name)
        hidden = found["0.kernel.weight_hh_l0"].shape[1]
        module = PaddedBiLSTM(found["0.kernel.weight_ih_l0"].shape[1], hidden)
        for direction, lstm in enumerate((module.forwards, module.backwards)):
            lstm.load_state_dict(
                {key: found[f"{direction}.kernel.{key}"] for key, _ in lstm.named_parameters()}
            )
        return module

    def table(self, name: str) -> nn.Embedding:
        """A table of vectors."""
        found = self.part(name)
        module = nn.Embedding(*found["weight"].shape)
        module.load_state_dict(found)
        return module

    def linear(self, name: str) -> nn.Linear:
        """One output layer."""
        found = self.part(name)
        module = nn.Linear(found["weight"].shape[1], found["weight"].shape[0])
        module.load_state_dict(found)
        return module

    @torch.inference_mode()
    def __call__(self, texts: list[list[str]]) -> list[list[str]]:
        """The universal tags of all texts, of nearly one length in each batch."""
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        answers: list[list[str]] = [[] for _ in texts]
        for start in range(0, len(order), ROWS):
            chosen = order[start : start + ROWS]
            batch = [texts[number] for number in chosen]
            values = self.encode(batch)
            tags: list[Any] = [output(values).argmax(dim=-1).tolist() for output in self.outputs]
            for number, *rows in zip(chosen, *tags, strict=True):
                named = [
                    [labels[tag] for tag in row[: len(texts[number])]]
                    for labels, row in zip(self.labels, rows, strict=True)
                ]
                answers[number] = named[self.upos]
        return answers

    def encode(self, batch: list[list[str]]) -> Tensor:
        """The vectors of a batch [batch time width]."""
        lengths = torch.tensor([len(text) for text in batch])
        rows: dict[str, int] = {}
        types = padded([rows.setdefault(word, len(rows)) for word in text] for text in batch)
        numbers = padded([self.number(word) for word in text] for text in batch)
        found = [self.tables["lookup"](numbers)]
        if "characters" in self.tables:
            spelt = [self.spell(word) for word in rows]
            sizes = torch.tensor([len(letters) for letters in spelt])
            _, states = self.speller(self.tables["characters"](padded(spelt)), sizes)
            found.append(states[types])
        if "affixes" in self.tables:
            cut = torch.tensor([self.cut(word) for word in rows])
            found.append(self.tables["affixes"](cut).flatten(1)[types])
        values = torch.cat(found, dim=-1)
        for number, layer in enumerate(self.layers):
            more, _ = layer(values, lengths)
            values = values + more if number and self.residual else more
        return values

    def number(self, word: str) -> int:
        """The row of a word's vector."""
        return self.words.get(word.lower() if self.lower else word, UNKNOWN)

    def spell(self, word: str) -> list[int]:
        """The rows of a word's characters, those of a long one's ends."""
        if len(word) > self.head + self.tail:
            word = word[: self.head] + word[len(word) - self.tail :]
        return [self.letters.get(letter, UNKNOWN) for letter in word]

    def cut(self, word: str) -> list[int]:
        """The rows of a word's affixes."""
        return [
            numbers.get(word[end], unknown) if word[end] else PADDING
            for unknown, (end, numbers) in enumerate(self.ends, 1)
        ]


def numbered(strings: Sequence[str]) -> dict[str, int]:
    """The rows of strings in a table."""
    return {string: number for number, string in enumerate(strings, UNKNOWN + 1)}


def affixes(
    settings: Mapping[str, Any], learnt: Sequence[Mapping[str, Any]]
) -> list[tuple[slice, dict[str, int]]]:
    """Where each affix stands in a word, and the rows of those that are known."""
    if settings["lower"]:
        raise ValueError("this loop does not know affixes in lower case")
    places = [slice(length) for length in settings["prefixes"]]
    places += [slice(-length, None) for length in settings["suffixes"]]
    first, found = 1 + len(places), []
    for place, each in zip(places, learnt, strict=True):
        found.append((place, {affix: first + row for row, affix in enumerate(each["strings"])}))
        first += len(each["strings"])
    return found
