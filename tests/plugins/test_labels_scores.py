"""From vectors of pieces to scores of words."""

from __future__ import annotations

import torch
from torch import Tensor

from seqkit.stages import Vectors
from seqkit_labels.scores import WordScores
from seqkit_labels.words import NO_PIECE


def vectors(lengths: list[int], width: int = 4) -> Vectors:
    values = torch.randn(len(lengths), max(lengths), width, generator=torch.manual_seed(0))
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return Vectors(values, torch.tensor(lengths))


def ready(width: int = 4) -> WordScores:
    torch.manual_seed(1)
    scores = WordScores(width, dropout=0.0)
    scores.ready(3)
    return scores


def ints(rows: list[list[int]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.int32)


def test_each_word_has_the_scores_of_its_speaker() -> None:
    scores, given = ready(), vectors([4, 3])
    found = scores(given, {"shift": ints([[0, 1, 1], [1, NO_PIECE, 0]])})
    every = scores.linear(given.values)
    torch.testing.assert_close(found[0], every[0, [0, 2, 3]])
    torch.testing.assert_close(found[1, 0], every[1, 1])
    torch.testing.assert_close(found[1, 1], scores.linear.bias)
    torch.testing.assert_close(found[1, 2], every[1, 2])


def test_a_word_is_the_mean_of_its_pieces_vectors() -> None:
    scores, given = ready(), vectors([4, 2])
    shift = ints([[0, NO_PIECE, 0], [0, NO_PIECE, 0]])
    owner = ints([[0, -1, 0, -1], [0, 1, 0, 0]])  # words 0 0 2 2, and 0 2
    found = scores(given, {"shift": shift, "owner": owner})
    zero = torch.zeros(4)
    means = [given.values[0, :2].mean(0), zero, given.values[0, 2:].mean(0)]
    torch.testing.assert_close(found[0], scores.linear(torch.stack(means)))
    means = [given.values[1, 0], zero, given.values[1, 1]]
    torch.testing.assert_close(found[1], scores.linear(torch.stack(means)))


def test_where_every_word_is_one_piece_both_ways_agree() -> None:
    scores, given = ready(), vectors([3, 2, 0])
    aligned = {"shift": ints([[0, 0, 0]] * 3)}
    found = scores(given, aligned)
    mean = scores(given, aligned | {"owner": ints([[0, 0, 0]] * 3)})
    assert torch.equal(found, mean)
    odd = Vectors(torch.cat((given.values, torch.ones(1, 3, 4))), torch.tensor([3, 2, 0, 3]))
    beside = scores(odd, {"shift": ints([[0, 0, 0]] * 3 + [[1, 1, NO_PIECE]])})[:3]
    owner = ints([[0, 0, 0]] * 3 + [[0, -1, -1]])
    meant = scores(odd, {"shift": ints([[0, 0, 0]] * 3 + [[0, 0, NO_PIECE]]), "owner": owner})[:3]
    for row, length in enumerate((3, 2, 0)):
        torch.testing.assert_close(beside[row, :length], found[row, :length])
        torch.testing.assert_close(meant[row, :length], found[row, :length])


def test_words_without_any_piece_have_the_bias_alone() -> None:
    scores = ready()
    nothing = Vectors(torch.zeros(2, 0, 4), torch.tensor([0, 0]))
    shift = ints([[NO_PIECE], [NO_PIECE]])
    for batch in ({"shift": shift}, {"shift": shift, "owner": ints([[], []])}):
        torch.testing.assert_close(
            scores(nothing, batch), scores.linear.bias.expand(2, 1, 3), check_stride=False
        )
    assert scores(nothing, {"shift": ints([[], []])}).shape == (2, 0, 3)


def test_a_text_of_few_pieces_stands_beside_one_of_many_words() -> None:
    scores, given = ready(), vectors([1, 1])
    shift = ints([[NO_PIECE, NO_PIECE, -2, NO_PIECE], [0, 0, 0, 0]])
    found = scores(given, {"shift": shift})
    every = scores.linear(given.values)
    torch.testing.assert_close(found[0, 2], every[0, 0])
    torch.testing.assert_close(found[0, 3], scores.linear.bias)
    torch.testing.assert_close(found[1, 0], every[1, 0])
    owner = ints([[2], [0]])
    mean = scores(given, {"shift": shift, "owner": owner})
    torch.testing.assert_close(mean[0], found[0])
    torch.testing.assert_close(mean[1, 0], found[1, 0])
