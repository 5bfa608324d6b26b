"""A saved tagger run in bare torch, as one would write it: no seqkit, batches of 32 sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from bare import ROWS, UNKNOWN, PaddedBiLSTM, padded
from safetensors.torch import load_file
from torch import Tensor, nn


class BareRun:
    """The model of recipes/pos-ewt.yaml: words beside characters, a residual BiLSTM, softmaxes.

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
        if uses != ["lookup", "characters", "bilstm", "tagger"]:
            raise ValueError(f"{run}: is made of {', '.join(uses)}, which this loop does not know")
        self.words, self.letters = (
            {string: number for number, string in enumerate(part["strings"], UNKNOWN + 1)}
            for part in learnt["embed"]["text"]["parts"]
        )
        found = learnt["decode"]["decode"]
        self.labels = [(found[name] if name else found)["labels"] for name in heads]
        self.upos = list(heads).index("upos") if len(heads) > 1 else 0
        longest = embed["parts"][1]["longest"]
        self.head, self.tail = longest - longest // 2, longest // 2
        self.lower, self.residual = embed["parts"][0]["lower"], encode["residual"]
        self.word_table = self.table("embedding.0.parts.0.table.")
        self.letter_table = self.table("embedding.0.parts.1.table.")
        self.speller = self.lstm("embedding.0.parts.1.reader.encoder.layers.0.")
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
        spelt = [self.spell(word) for word in rows]
        sizes = torch.tensor([len(letters) for letters in spelt])
        _, states = self.speller(self.letter_table(padded(spelt)), sizes)
        values = torch.cat((self.word_table(numbers), states[types]), dim=-1)
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
