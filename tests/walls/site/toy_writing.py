"""A decoder that writes text: it owns a nested tokeniser, embedder and search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.plugins import Register, Use, hookimpl
from seqkit.settings import Nested
from seqkit.stages import (
    Answer,
    Decoder,
    Embedder,
    Example,
    Loss,
    Pieces,
    Search,
    Text,
    Tokeniser,
    Upstream,
    Vectors,
)
from seqkit.table import collate

END = "\n"
NOTHING = Upstream(width=0)
GREEDY = Use("search", "likeliest")


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.decoder("writing", writing)


def writing(
    upstream: Upstream,
    *,
    tokenise: Nested[Tokeniser],
    embed: Nested[Embedder],
    search: Nested[Search] = GREEDY,
) -> Decoder:
    """Writes a text, piece by piece, from the sum of the encoder's vectors.

    tokenise, embed: of the text that is written. search: how the best text is found.
    """
    return Writing(upstream.width, tokenise, embed, search)


@final
class Writing(nn.Module):
    samples: bool = False
    along_time: frozenset[str] = frozenset()
    end: int = 0

    def __init__(self, width: int, tokenise: Any, embed: Any, search: Any) -> None:
        super().__init__()
        self.tokenise, self.embed, self.search = tokenise, embed, search.build(NOTHING)
        self.cell = nn.GRUCell(width, width)

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        """Fits stages that are built for this alone: fit changes nothing in self."""
        golds, tokeniser = [Text(one.gold) for one in examples], self.tokenise.build(NOTHING)
        learnt = tokeniser.fit(golds)
        tokeniser.ready(learnt)
        targets = [tokeniser.prepare(gold) for gold in golds]
        strings = [END, *sorted({string for pieces in targets for string in pieces.strings})]
        every = [Example({}, {"target": pieces}) for pieces in [*targets, listed(strings)]]
        return {"strings": strings, "text": learnt, "embed": self.embed.build(NOTHING).fit(every)}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.strings = learnt["strings"]
        self.numbers = {string: number for number, string in enumerate(self.strings)}
        self.tokeniser, self.embedder = self.tokenise.build(NOTHING), self.embed.build(NOTHING)
        self.tokeniser.ready(learnt["text"])
        self.embedder.ready(learnt["embed"])
        every = Example({}, {"target": listed(self.strings)})
        self.every = collate([self.embedder.prepare(every, "target")])
        self.linear = nn.Linear(self.cell.hidden_size, len(self.strings))
        self.into = nn.Linear(self.embedder.width, self.cell.hidden_size)

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        if example.gold is None:
            return {}
        strings = self.tokeniser.prepare(Text(example.gold)).strings
        known = [self.numbers[string] for string in strings if string in self.numbers]
        return {"target": np.array([*known, self.end], np.int32)}

    def table(self) -> Tensor:
        """A vector for each piece that can be written, whatever the nested embedder is."""
        found: Tensor = self.into(self.embedder(self.every).values[0])
        return found

    def start(self, inputs: Mapping[str, Vectors], batch: Any) -> tuple[Any, tuple[Tensor, ...]]:
        return (), (torch.tanh(inputs["text"].values.sum(1)),)

    def step(self, memory: Any, state: Any, last: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self.follow(state, self.table()[last])

    def narrow(self, memory: Any, rows: Tensor) -> Any:
        return memory

    def follow(self, state: Any, values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden = self.cell(values, state[0])
        return self.linear(hidden).log_softmax(1), (hidden,)

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        target, lengths = batch["target"].long(), batch["target.lengths"]
        (_, state), table = self.start(inputs, batch), self.table()
        total = target.new_zeros(()).float()
        before = F.pad(target, (1, 0), value=self.end)
        for step in range(target.shape[1]):
            scores, state = self.follow(state, table[before[:, step]])
            losses = F.nll_loss(scores, target[:, step], reduction="none")
            total = total + (losses * (step < lengths)).sum()
        return Loss(total, lengths.sum())

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        found = self.search.run(self, inputs, batch)
        return [{"value": self.joined(answers[0]["value"])} for answers in found]

    def joined(self, numbers: Sequence[int]) -> str:
        return str(self.tokeniser.text([self.strings[number] for number in numbers]))

    def gold(self, example: Example) -> Answer:
        return {"value": example.gold}


def listed(strings: Sequence[str]) -> Pieces:
    """All strings as the pieces of one text."""
    spans = np.zeros((len(strings), 2), np.int32)
    return Pieces(Text(""), strings, spans, np.arange(len(strings), dtype=np.int32), spans)
