"""A translator in bare torch, without seqkit: what seqkit's speed is measured against.

Luong et al. (2015): vectors of 256, a bidirectional LSTM (2 x 256) over PackedSequence, an LSTM
(512) that attends with a bilinear score, and its attentional vector before the output; with input
feeding a step at a time, without it all steps at once. The loop that people write: random batches
of 80, Adam.

translator.py times it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

PADDING, BEGIN, END, FIRST = 0, 1, 2, 3
ROWS = 80
VECTOR, HIDDEN = 256, 512
State = tuple[Tensor, Tensor]


class Pair(NamedTuple):
    """The numbers of a source's pieces, and of its target's with the end."""

    source: list[int]
    target: list[int]


class BareTranslator(nn.Module):
    """Pieces in, scores of pieces out.

    read, written: how many numbers either side has. feed: whether a step reads the attentional
    vector before it.
    """

    def __init__(self, read: int, written: int, *, feed: bool) -> None:
        super().__init__()
        self.feed = feed
        self.source = nn.Embedding(read, VECTOR, padding_idx=PADDING)
        self.target = nn.Embedding(written, VECTOR, padding_idx=PADDING)
        self.encoder = nn.LSTM(VECTOR, HIDDEN // 2, batch_first=True, bidirectional=True)
        inputs = VECTOR + (HIDDEN if feed else 0)
        self.decoder = nn.LSTM(inputs, HIDDEN, batch_first=True)
        self.score = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.mixed = nn.Linear(2 * HIDDEN, HIDDEN, bias=False)
        self.output = nn.Linear(HIDDEN, written)
        self.dropout = nn.Dropout(0.3)

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, State]:
        """Encoded steps [batch source hidden], which of them are real, and the first state."""
        vectors = self.dropout(self.source(source))
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        outputs, (hidden, cell) = self.encoder(packed)
        encoded, _ = pad_packed_sequence(outputs, batch_first=True)
        first = (joined(hidden), joined(cell))
        return encoded, source != PADDING, first

    def attend(self, hidden: Tensor, encoded: Tensor, real: Tensor) -> Tensor:
        """The attentional vectors of some steps [batch time hidden]."""
        scores = self.score(hidden) @ encoded.transpose(1, 2)
        weights = scores.masked_fill(~real.unsqueeze(1), -torch.inf).softmax(2)
        both = torch.cat((weights @ encoded, hidden), 2)
        mixed: Tensor = self.dropout(torch.tanh(self.mixed(both)))
        return mixed

    def step(
        self, last: Tensor, fed: Tensor, state: State, encoded: Tensor, real: Tensor
    ) -> tuple[Tensor, State]:
        """The attentional vector of one step [batch 1 hidden], and the state after it."""
        vectors = self.dropout(self.target(last)).unsqueeze(1)
        read = torch.cat((vectors, fed), 2) if self.feed else vectors
        hidden, state = self.decoder(read, state)
        return self.attend(hidden, encoded, real), state

    def forward(self, source: Tensor, lengths: Tensor, before: Tensor) -> Tensor:
        """Attentional vectors of all steps of the target [batch time hidden]."""
        encoded, real, state = self.encode(source, lengths)
        if not self.feed:
            hidden, _ = self.decoder(self.dropout(self.target(before)), state)
            return self.attend(hidden, encoded, real)
        fed, every = encoded.new_zeros(len(source), 1, HIDDEN), []
        for last in before.unbind(1):
            fed, state = self.step(last, fed, state, encoded, real)
            every.append(fed)
        return torch.cat(every, 1)


def joined(states: Tensor) -> Tensor:
    """The last states of both directions side by side [1 batch hidden]."""
    return torch.cat((states[0], states[1]), 1).unsqueeze(0)


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """A matrix of rows of numbers, PADDING past their ends."""
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


def updates(model: BareTranslator, pairs: Sequence[Pair]) -> Iterator[int]:
    """Updates from 80 random pairs each; gives the target's pieces and ends of each."""
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    order, chance = list(pairs), random.Random(1)
    while True:
        chance.shuffle(order)
        for start in range(0, len(order), ROWS):
            batch = order[start : start + ROWS]
            source = padded([pair.source for pair in batch])
            target = padded([pair.target for pair in batch])
            before = torch.cat((torch.full_like(target[:, :1], BEGIN), target[:, :-1]), 1)
            real = target != PADDING
            vectors = model(source, (source != PADDING).sum(1), before)
            loss = cross_entropy(model.output(vectors[real]), target[real])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            yield int(real.sum())


@torch.inference_mode()
def greedy(model: BareTranslator, sources: Sequence[Sequence[int]], steps: int) -> list[list[int]]:
    """So many pieces for each source, in batches of 80 in the order given."""
    model.eval()
    answers: list[list[int]] = []
    for start in range(0, len(sources), ROWS):
        source = padded(sources[start : start + ROWS])
        encoded, real, state = model.encode(source, (source != PADDING).sum(1))
        fed = encoded.new_zeros(len(source), 1, HIDDEN)
        last, every = torch.full((len(source),), BEGIN), []
        for _ in range(steps):
            fed, state = model.step(last, fed, state, encoded, real)
            scores = model.output(fed.squeeze(1))
            scores[:, :FIRST] = -torch.inf
            last = scores.argmax(1)
            every.append(last)
        answers += torch.stack(every, 1).tolist()
    return answers
