"""A part-of-speech tagger in bare torch, without seqkit: what seqkit's speed is measured against.

The model of Lample et al. (2016): a word vector (100) beside the last states of a character BiLSTM
(2 x 25) that reads each distinct word of the batch once, a BiLSTM (2 x 256) and a linear-chain CRF.
`packed` is what people write: one bidirectional LSTM over PackedSequence. `padded` is what people
could write: two one-direction LSTMs over the padded batch, the second over rows reversed within
their lengths. From one seed both variants start, and stay, the same to rounding.

tagger.py and predict.py time it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from sentences import Sentence
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

PADDING, UNKNOWN = 0, 1
ROWS = 32


class Inputs(NamedTuple):
    """One batch of words. `types` says which row of `letters` a word is."""

    words: Tensor  # [batch time]
    types: Tensor  # [batch time]
    lengths: Tensor  # [batch]
    letters: Tensor  # [type letter]
    letter_lengths: Tensor  # [type]


class Vocabulary:
    """Numbers for lower-cased words seen twice, for characters and for tags."""

    def __init__(self, sentences: Sequence[Sentence], minimum: int = 2) -> None:
        words = Counter(word.lower() for sentence in sentences for word in sentence.words)
        letters = {letter for sentence in sentences for word in sentence.words for letter in word}
        kept = sorted(word for word, count in words.items() if count >= minimum)
        self.words = {word: number for number, word in enumerate(kept, start=2)}
        self.letters = {letter: number for number, letter in enumerate(sorted(letters), start=2)}
        self.tags = sorted({tag for sentence in sentences for tag in sentence.tags})
        self.tag_numbers = {tag: number for number, tag in enumerate(self.tags)}

    def inputs(self, sentences: Sequence[Sequence[str]]) -> Inputs:
        """Numbers and pads a batch of sentences, given as their words."""
        rows: dict[str, int] = {}
        types = [[rows.setdefault(word, len(rows)) for word in sentence] for sentence in sentences]
        return Inputs(
            padded([self.words.get(word.lower(), UNKNOWN) for word in row] for row in sentences),
            padded(types),
            torch.tensor([len(sentence) for sentence in sentences]),
            padded([self.letters.get(letter, UNKNOWN) for letter in word] for word in rows),
            torch.tensor([len(word) for word in rows]),
        )

    def targets(self, tags: Sequence[Sequence[str]]) -> Tensor:
        """Numbers and pads the tags of a batch [batch time]."""
        return padded([self.tag_numbers[tag] for tag in row] for row in tags)


def padded(rows: Iterable[list[int]]) -> Tensor:
    """A matrix of rows of numbers, zero past their ends."""
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


class PackedBiLSTM(nn.Module):
    """A bidirectional LSTM over a PackedSequence."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [batch time 2 x hidden] and last states [batch 2 x hidden]."""
        packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
        outputs, (hidden, _) = self.lstm(packed)
        values, _ = pad_packed_sequence(outputs, batch_first=True)
        return values, torch.cat((hidden[0], hidden[1]), dim=-1)


class PaddedBiLSTM(nn.Module):
    """The same function from two one-direction LSTMs over the padded batch."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.forwards = nn.LSTM(inputs, hidden, batch_first=True)
        self.backwards = nn.LSTM(inputs, hidden, batch_first=True)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [batch time 2 x hidden] and last states [batch 2 x hidden]."""
        step, ends = torch.arange(values.shape[1]), lengths.unsqueeze(1)
        reverse = torch.where(step < ends, ends - 1 - step, step).unsqueeze(-1)
        onward, _ = self.forwards(values)
        back, _ = self.backwards(values.gather(1, reverse.expand_as(values)))
        rows, last = torch.arange(len(values)), lengths - 1
        hidden = torch.cat((onward[rows, last], back[rows, last]), dim=-1)
        return torch.cat((onward, back.gather(1, reverse.expand_as(back))), dim=-1), hidden


class CRF(nn.Module):
    """A linear-chain conditional random field (Lafferty et al. 2001)."""

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(tags, tags))  # [from to]
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))

    def loss(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Negative log-likelihood of a batch; scores [batch time tag], tags [batch time]."""
        mask = torch.arange(scores.shape[1]) < lengths.unsqueeze(1)
        gold = scores.gather(2, tags.unsqueeze(2)).squeeze(2)
        gold[:, 1:] += self.transitions[tags[:, :-1], tags[:, 1:]]
        ends = tags.gather(1, lengths.unsqueeze(1) - 1).squeeze(1)
        path = (gold * mask).sum() + self.start[tags[:, 0]].sum() + self.end[ends].sum()
        return self.log_partition(scores, mask) - path

    def log_partition(self, scores: Tensor, mask: Tensor) -> Tensor:
        """Log of the sum over all paths, by a forward pass that is rescaled at every step."""
        peak = scores.detach().amax(dim=2, keepdim=True)
        likelihoods = (scores - peak).exp().unbind(1)
        step = self.transitions.exp()
        real = mask.unsqueeze(2).unbind(1)
        forward = likelihoods[0] * self.start.exp()
        scales = [torch.ones(len(scores), 1)]
        for likelihood, here in zip(likelihoods[1:], real[1:], strict=True):
            following = (forward @ step) * likelihood
            scale = torch.where(here, following.sum(dim=1, keepdim=True), 1.0)
            forward = torch.where(here, following / scale, forward)
            scales.append(scale)
        final = (forward @ self.end.exp()).log().sum() + (peak.squeeze(2) * mask).sum()
        return final + torch.cat(scales, dim=1).log().sum()

    def best(self, scores: Tensor, lengths: Tensor) -> list[list[int]]:
        """The best path of every row (Viterbi 1967)."""
        best = scores[:, 0] + self.start
        bests, pointers = [best], [torch.zeros_like(best, dtype=torch.long)]
        for here in scores.unbind(1)[1:]:
            top, pointer = (best.unsqueeze(2) + self.transitions).max(dim=1)
            best = top + here
            bests.append(best)
            pointers.append(pointer)
        finals = torch.stack(bests)[lengths - 1, torch.arange(len(scores))] + self.end
        back = torch.stack(pointers, dim=1).numpy()
        paths = []
        for row, tag in enumerate(finals.argmax(dim=1).tolist()):
            path = [tag]
            for step in range(int(lengths[row]) - 1, 0, -1):
                path.append(int(back[row, step, path[-1]]))
            paths.append(path[::-1])
        return paths


class BareTagger(nn.Module):
    """Words in, tag scores out. packed: which of the two BiLSTMs."""

    def __init__(self, vocabulary: Vocabulary, *, packed: bool, dropout: float = 0.3) -> None:
        super().__init__()
        both = PackedBiLSTM if packed else PaddedBiLSTM
        self.vocabulary = vocabulary
        self.words = nn.Embedding(len(vocabulary.words) + 2, 100, padding_idx=PADDING)
        self.letters = nn.Embedding(len(vocabulary.letters) + 2, 25, padding_idx=PADDING)
        self.speller = both(25, 25)
        self.encoder = both(150, 256)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(512, len(vocabulary.tags))
        self.crf = CRF(len(vocabulary.tags))

    def forward(self, inputs: Inputs) -> Tensor:
        """Scores [batch time tag]."""
        _, spelt = self.speller(self.letters(inputs.letters), inputs.letter_lengths)
        vectors = torch.cat((self.words(inputs.words), spelt[inputs.types]), dim=-1)
        encoded, _ = self.encoder(vectors, inputs.lengths)
        scores: Tensor = self.output(self.dropout(encoded))
        return scores


def random_batches(sentences: Sequence[Sentence], pool: int, seed: int) -> Iterator[list[Sentence]]:
    """Shuffled batches without end; with pool > 1, so many are sorted by length together."""
    order, chance = list(sentences), random.Random(seed)
    while True:
        chance.shuffle(order)
        for start in range(0, len(order), ROWS * pool):
            near = order[start : start + ROWS * pool]
            if pool > 1:
                near.sort(key=lambda sentence: len(sentence.words))
            cut = [near[first : first + ROWS] for first in range(0, len(near), ROWS)]
            chance.shuffle(cut)
            yield from cut


def updates(model: BareTagger, sentences: Sequence[Sentence], pool: int) -> Iterator[int]:
    """Updates from 32 sentences each, text to update; gives the words of each."""
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    for batch in random_batches(sentences, pool, seed=1):
        inputs = model.vocabulary.inputs([sentence.words for sentence in batch])
        tags = model.vocabulary.targets([sentence.tags for sentence in batch])
        loss = model.crf.loss(model(inputs), tags, inputs.lengths) / inputs.lengths.sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        yield sum(len(sentence.words) for sentence in batch)


@torch.inference_mode()
def predict_tags(model: BareTagger, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """Tags sentences given as words, in batches of 32 of nearly one length, in the order given."""
    model.eval()
    order = sorted(range(len(sentences)), key=lambda number: len(sentences[number]))
    answers: list[list[str]] = [[] for _ in sentences]
    for start in range(0, len(order), ROWS):
        chosen = order[start : start + ROWS]
        inputs = model.vocabulary.inputs([sentences[number] for number in chosen])
        paths = model.crf.best(model(inputs), inputs.lengths)
        for number, path in zip(chosen, paths, strict=True):
            answers[number] = [model.vocabulary.tags[tag] for tag in path]
    return answers
