"""Vectors in context, from the hidden layers of a pretrained transformer that stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces, Vectors, time_mask
from seqkit_text.dropout import Dropout
from seqkit_text.transformer_files import built_model, read_model
from seqkit_text.vocabulary import pieces_of

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int, Int32, Int64
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt

Speaker = Literal["first", "mean"]
ILL_FITTING = 0.1
"""Share of unknown tokens from which a split is of another language than the model."""
WINDOW_AND_END = 2
"""Bounds of one window."""


@final
class Contextual(nn.Module):
    """The vectors that a frozen transformer gives each piece in its text (Devlin et al. 2019).

    The model reads the text as the user gave it, by its own tokeniser; a piece owns the tokens that
    overlap its span. A piece without any gets zeros. What is learnt holds the whole model, so that
    a saved pipeline needs its folder no more; checkpoints leave it out, as it never changes.
    """

    samples = False
    along_time = frozenset({"places"})

    def __init__(
        self,
        *,
        model: str,
        layers: Sequence[int] | None,
        mix: bool,
        piece: Speaker,
        window: int | None,
        dropout: float,
        locked: bool,
    ) -> None:
        super().__init__()
        self.folder, self.layers, self.piece, self.asked = model, layers, piece, window
        self.mixed = mix
        self.dropout = Dropout(dropout, locked)
        self.width = 0
        self.register_state_dict_post_hook(  # type: ignore[no-untyped-call]  # torch types it not
            without_model
        )

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Reads the model. Raises DataError where its folder is not complete."""
        del examples
        return read_model(self.folder)

    def ready(self, learnt: Learnt) -> None:
        """Builds the model. Raises DataError for a layer or a window that it does not have."""
        self.model = built_model(learnt)
        self.width = self.model.config.hidden_size
        self.tokeniser = Tokenizer.from_str(learnt["tokeniser"])
        self.tokeniser.no_truncation()
        self.tokeniser.no_padding()
        self.tokeniser.encode_special_tokens = True  # [SEP] in a text is text
        self.unknown = unknown_token(self.tokeniser)
        self.before, self.after = specials(self.tokeniser)
        self.window = self.chosen_window(learnt["window"])
        self.chosen = self.chosen_layers(self.model.config.num_hidden_layers)
        if self.mixed:
            self.weights = nn.Parameter(torch.zeros(len(self.chosen)))
            self.scale = nn.Parameter(torch.ones(()))

    def chosen_window(self, most: int) -> int:
        """How many tokens the model reads at once."""
        least = len(self.before) + len(self.after) + 2
        found = most if self.asked is None else self.asked
        if not least <= found <= most:
            raise DataError(
                f"contextual: 'window' is {found:,}, but the model reads {least} to {most:,} "
                "tokens at once. Choose a window between them, or leave it out."
            )
        return found

    def chosen_layers(self, last: int) -> list[int]:
        """The layers that are averaged, counted from the embeddings, which are 0."""
        given = self.layers
        if given is None:
            given = range(last + 1) if self.mixed else [last]
        for layer in given:
            if not -last - 1 <= layer <= last:
                raise DataError(
                    f"contextual: 'layers' has {layer}, but the model's are 0, its embeddings, to "
                    f"{last}. Name some of these, or -1 for the last."
                )
        return [layer % (last + 1) for layer in given]

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "tokens" [window token] and "places" [piece 2]. Raises DataError for frames.

        places: of a piece's tokens, the first and how many; a token's place is the number of its
        window times the size of windows, plus its place there.
        """
        del rng
        pieces = pieces_of(example, name, "contextual")
        found = self.tokeniser.encode(pieces.source.text, add_special_tokens=False)
        ids, room = found.ids, self.window - len(self.before) - len(self.after)
        starts = window_starts(len(ids), room)
        windows = [[*self.before, *ids[start : start + room], *self.after] for start in starts]
        return {
            "tokens": np.array([token for window in windows for token in window], np.int32),
            "tokens.offsets": np.cumsum([0, *map(len, windows)], dtype=np.int64),
            "places": self.places(
                pieces, np.array(found.offsets, np.int64).reshape(-1, 2), starts, room
            ),
        }

    def places(
        self,
        pieces: Pieces,
        offsets: Int64[np.ndarray, "token 2"],
        starts: Int64[np.ndarray, " window"],
        room: int,
    ) -> Int32[np.ndarray, "piece 2"]:
        """Where the tokens of each piece are, in the window in whose middle they are most nearly.

        offsets: where each token begins and ends in the text.
        """
        if not len(offsets):
            return np.zeros((len(pieces), 2), np.int32)
        spans = pieces.spans.astype(np.int64)
        first = np.searchsorted(offsets[:, 1], spans[:, 0], side="right")
        last = np.searchsorted(offsets[:, 0], spans[:, 1], side="left")
        if self.piece == "first":
            last = np.minimum(last, first + 1)
        middles = (starts[1:] + starts[:-1] + room) / 2
        window = np.searchsorted(middles, (first + last) / 2)
        first = np.maximum(first, starts[window])
        last = np.minimum(last, starts[window] + room)
        counts = np.maximum(last - first, 0)
        begins = window * self.window + len(self.before) + first - starts[window]
        return np.stack([np.where(counts, begins, 0), counts], axis=1).astype(np.int32)

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "places" [batch time 2] in "tokens" [batch window token]."""
        places, lengths = batch["places"], batch["places.lengths"]
        tokens, sizes = batch["tokens"], batch["tokens.lengths"]
        size, width = tokens.shape[2] if tokens.ndim == 3 else 0, self.width
        real = sizes > 0
        if not size or not real.any():
            values = torch.zeros(*places.shape[:2], width, device=places.device)
            return Vectors(values, lengths)
        hidden = self.hidden(tokens[real].long(), sizes[real]).flatten(0, 1)
        mask = time_mask(lengths, places.shape[1])
        first, count = places.masked_fill(~mask.unsqueeze(2), 0).long().unbind(2)
        numbers = (real.flatten().cumsum(0) - 1).view(real.shape)
        rows = numbers.gather(1, first // self.window)
        first, count = (rows * size + first % self.window).flatten(), count.flatten()
        before = count.cumsum(0) - count
        every = torch.arange(int(count.sum()), device=first.device)
        index = (first - before).repeat_interleave(count) + every
        values = F.embedding_bag(index, hidden, before, mode="mean")
        return Vectors(self.dropout(values.view(*places.shape[:2], width)), lengths)

    def hidden(
        self, tokens: Int[Tensor, "window token"], sizes: Int[Tensor, " window"]
    ) -> Float[Tensor, "window token width"]:
        """The mean of the layers, or their learnt mix (Peters et al. 2018, equation 1)."""
        mask = time_mask(sizes, tokens.shape[1])
        tokens = tokens.masked_fill(~mask, self.model.config.pad_token_id or 0)
        with torch.no_grad():
            found = self.model(
                input_ids=tokens, attention_mask=mask.long(), output_hidden_states=True
            ).hidden_states
        if len(self.chosen) == 1:
            one: Tensor = found[self.chosen[0]]
            return one
        layers = torch.stack([found[layer] for layer in self.chosen], dim=-1)
        if self.mixed:
            return self.scale * (layers * self.weights.softmax(0)).sum(-1)
        return layers.mean(-1)

    def train(self, mode: bool = True) -> Contextual:
        """Sets the mode of all but the model, which drops nothing."""
        super().train(mode)
        if hasattr(self, "model"):
            self.model.eval()
        return self

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How the model's tokeniser meets a split; of train, also how large the model is."""
        tokens, unknown, pieces, bare, long = 0, 0, 0, 0, 0
        for example in examples:
            for name in example.inputs:
                given = pieces_of(example, name, "contextual")
                ids = self.tokeniser.encode(given.source.text, add_special_tokens=False).ids
                arrays = self.prepare(example, name)
                tokens, unknown = tokens + len(ids), unknown + ids.count(self.unknown)
                pieces, bare = pieces + len(given), bare + int((arrays["places"][:, 1] == 0).sum())
                long += len(arrays["tokens.offsets"]) > WINDOW_AND_END
        if not pieces or not tokens:
            return []
        said = [f"{tokens / pieces:.2f} tokens a piece, {unknown / tokens:.2%} of them unknown"]
        if split == "train":
            size = sum(weight.numel() for weight in self.model.parameters())
            said.insert(0, f"{size / 1e6:,.1f} million frozen weights")
        if bare:
            said.append(f"{bare:,} of {pieces:,} pieces have no token and get zeros")
        if long:
            said.append(f"{long:,} texts are longer than the window of {self.window:,} tokens")
        return [Finding("; ".join(said), "warning" if unknown > ILL_FITTING * tokens else "note")]


def unknown_token(tokeniser: Tokenizer) -> int:
    """The number of the token for what the tokeniser does not know; -1 where it has none."""
    model = json.loads(tokeniser.to_str())["model"]
    token = model.get("unk_token")
    number: int | None = tokeniser.token_to_id(token) if token else model.get("unk_id")
    return -1 if number is None else number


def specials(tokeniser: Tokenizer) -> tuple[list[int], list[int]]:
    """The tokens that the model wants before and after a text."""
    probe = tokeniser.encode("a")
    text = [place for place, special in enumerate(probe.special_tokens_mask) if not special]
    if not text:
        return list(probe.ids), []
    return list(probe.ids[: text[0]]), list(probe.ids[text[-1] + 1 :])


def window_starts(tokens: int, room: int) -> Int64[np.ndarray, " window"]:
    """Where windows start that have so much room: each half of it after the one before."""
    if not tokens:
        return np.zeros(0, np.int64)
    last = max(tokens - room, 0)
    return np.array([*range(0, last, max(room // 2, 1)), last], np.int64)


def without_model(_: nn.Module, state: dict[str, Any], prefix: str, *__: Any) -> None:
    """Takes the model's weights out of a state_dict."""
    for name in [name for name in state if name.startswith(f"{prefix}model.")]:
        del state[name]
