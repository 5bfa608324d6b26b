"""Searches against all paths of small chains: greedy, beams, groups, limits, samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqkit.stages import Search, Upstream, Vectors
from seqkit.testing.specimens import Chain
from seqkit_seq2seq.searching import beam_rules, beam_search, greedy_search, sampling_search

NOTHING = Upstream(0)
END = 0


def texts(count: int) -> dict[str, Vectors]:
    """Inputs of 0, 1, 2 ... steps."""
    lengths = torch.arange(count)
    return {"text": Vectors(torch.zeros(count, max(count - 1, 1), 1), lengths)}


def run(search: Search, count: int = 5, decoder: Any = None, **batch: Any) -> list[list[Any]]:
    return [list(answers) for answers in search.run(decoder or Chain(), texts(count), batch)]


def log_probability(row: int, pieces: Sequence[int], ended: bool) -> float:
    """Of a path through the row's chain."""
    scores = Chain().scores[row % 5]
    path = [END, *pieces, *([END] if ended else [])]
    return float(sum(scores[one, other] for one, other in itertools.pairwise(path)))


def every_path(longest: int) -> list[tuple[int, ...]]:
    """All paths without the end, of fewer pieces than `longest`."""
    return [path for n in range(longest) for path in itertools.product(range(1, 6), repeat=n)]


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_a_wide_beam_finds_the_best_of_all_paths(power: float) -> None:
    beam = beam_search(NOTHING, size=1000, normalise=power, ratio=0.0, more=4)
    for row, answers in enumerate(run(beam)):
        paths = [
            (log_probability(row, path, True) / (len(path) + 1) ** power, path)
            for path in every_path(4)
        ]
        score, path = max(paths)
        assert answers[0]["value"] == list(path)
        assert answers[0]["score"] == pytest.approx(score, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(0, 3), st.integers(0, 3))
def test_a_beam_of_one_is_greedy(more: int, minimum: int, no_repeat: int) -> None:
    same: dict[str, Any] = {"minimum": minimum, "no_repeat": no_repeat, "ratio": 1.0, "more": more}
    assert run(greedy_search(NOTHING, **same)) == run(beam_search(NOTHING, size=1, **same))


@pytest.mark.parametrize(
    "search",
    [
        greedy_search(NOTHING),
        beam_search(NOTHING, size=3, best=3),
        beam_search(NOTHING, size=4, best=4, groups=2, diversity=1.0),
        sampling_search(NOTHING, samples=3),
    ],
    ids=["greedy", "beam", "groups", "sampling"],
)
def test_a_text_is_answered_alike_alone_and_beside_others(search: Search) -> None:
    together = run(search, 9)
    for row in range(9):
        alone = {"text": Vectors(torch.zeros(1, 9, 1), torch.tensor([row]))}
        assert [list(one) for one in search.run(Chain(), alone, {})] == [together[row]]


def test_scores_are_those_of_the_paths() -> None:
    for row, answers in enumerate(run(beam_search(NOTHING, size=3, best=3, normalise=0.0))):
        assert len(answers) == 3
        assert [answer["score"] for answer in answers] == sorted(
            (answer["score"] for answer in answers), reverse=True
        )
        for answer in answers:
            ended = len(answer["probabilities"]) > len(answer["value"])
            wanted = log_probability(row, answer["value"], ended)
            assert answer["score"] == pytest.approx(wanted, abs=1e-5)
            assert math.prod(answer["probabilities"]) == pytest.approx(math.exp(wanted), abs=1e-4)


def test_answers_of_a_text_differ() -> None:
    for answers in run(beam_search(NOTHING, size=5, best=5)):
        values = [tuple(answer["value"]) for answer in answers]
        assert len(set(values)) == 5


def test_no_answer_is_longer_than_its_limit() -> None:
    for search in (
        greedy_search(NOTHING, minimum=99, ratio=2.0, more=1),
        beam_search(NOTHING, size=2, minimum=99, ratio=2.0, more=1),
    ):
        assert [len(answers[0]["value"]) for answers in run(search)] == [1, 3, 5, 7, 9]
    capped = greedy_search(NOTHING, minimum=99, ratio=2.0, more=1, longest=4)
    assert [len(answers[0]["value"]) for answers in run(capped)] == [1, 3, 4, 4, 4]


def test_no_end_comes_before_the_minimum() -> None:
    for search in (greedy_search(NOTHING, minimum=3), beam_search(NOTHING, minimum=3, size=2)):
        assert all(len(answers[0]["value"]) >= 3 for answers in run(search))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_run_of_pieces_comes_twice(size: int) -> None:
    for search in (
        greedy_search(NOTHING, minimum=12, no_repeat=size),
        beam_search(NOTHING, minimum=4, no_repeat=size, best=5),
    ):
        for answers in run(search):
            for answer in answers:
                pieces = answer["value"]
                runs = [tuple(pieces[i : i + size]) for i in range(len(pieces) - size + 1)]
                assert len(set(runs)) == len(runs)


def test_answers_begin_with_their_prefix() -> None:
    prefix = torch.tensor([[3, 3, 2], [4, -1, -1], [-1, -1, -1], [1, 2, -1], [5, 5, 5]])
    for search in (
        greedy_search(NOTHING),
        beam_search(NOTHING, size=3),
        sampling_search(NOTHING, samples=4),
    ):
        for row, answers in enumerate(run(search, prefix=prefix)):
            wanted = [piece for piece in prefix[row].tolist() if piece >= 0]
            assert all(answer["value"][: len(wanted)] == wanted for answer in answers)


def test_groups_begin_differently() -> None:
    apart = beam_search(NOTHING, size=4, best=4, groups=4, diversity=50.0, minimum=1)
    for answers in run(apart):
        assert len({answer["value"][0] for answer in answers}) == 4


def test_samples_are_drawn_as_often_as_they_are_likely() -> None:
    drawn = run(sampling_search(NOTHING, samples=4000, ratio=0.0, more=1), 1)[0]
    firsts = [tuple(answer["value"]) for answer in drawn]
    wanted = Chain().scores[0, END].exp()
    for piece in range(1, 6):
        assert firsts.count((piece,)) / 4000 == pytest.approx(float(wanted[piece]), abs=0.03)
    assert firsts.count(()) / 4000 == pytest.approx(float(wanted[END]), abs=0.03)


def test_sampling_from_one_piece_is_greedy() -> None:
    best = [answers[0]["value"] for answers in run(greedy_search(NOTHING))]
    for narrow in ({"top": 1}, {"mass": 1e-6}, {"temperature": 1e-3}):
        assert [answers[0]["value"] for answers in run(sampling_search(NOTHING, **narrow))] == best


def test_another_seed_draws_other_texts() -> None:
    one, other = (run(sampling_search(NOTHING, seed=seed, samples=5)) for seed in (1, 2))
    assert one != other
    assert one == run(sampling_search(NOTHING, seed=1, samples=5))


class Looking(Chain):  # type: ignore[misc]  # final for users, not for a test's specimen
    """A chain that looks at each step of its text in turn."""

    def start(self, inputs: Mapping[str, Vectors], batch: Any) -> Any:
        lengths = inputs["text"].lengths
        self.steps = int(lengths.max())
        return lengths % 5, (torch.zeros(len(lengths), 1),)

    def step(self, memory: Any, state: Any, last: Tensor) -> Any:
        scores, _ = super().step(memory, state, last)
        return scores, (state[0] + 1,)

    def alignment(self, state: Any) -> Tensor:
        place = (state[0].long() - 1) % max(self.steps, 1)
        return torch.zeros(len(place), self.steps).scatter_(1, place, 1.0)


def test_alignments_go_with_their_hypotheses() -> None:
    for search in (greedy_search(NOTHING), beam_search(NOTHING, size=3, best=3)):
        for answers in run(search, decoder=Looking()):
            for answer in answers:
                assert answer["alignment"] == [i % 4 for i in range(len(answer["value"]))]


def test_the_coverage_penalty_is_that_of_the_paper() -> None:
    search = beam_search(NOTHING, size=8, best=8, normalise=0.0, coverage=0.5)
    for row, answers in enumerate(run(search, decoder=Looking())):
        for answer in answers:
            steps = len(answer["probabilities"])
            looked = [sum(step % 4 == place for step in range(steps)) for place in range(4)]
            penalty = sum(math.log(min(max(one, 1e-9), 1.0)) for one in looked)
            ended = steps > len(answer["value"])
            wanted = log_probability(row, answer["value"], ended) + 0.5 * penalty
            assert answer["score"] == pytest.approx(wanted, abs=1e-4)


def test_a_batch_without_texts_has_no_answers() -> None:
    empty = {"text": Vectors(torch.zeros(0, 1, 1), torch.zeros(0, dtype=torch.long))}
    for search in (greedy_search(NOTHING), beam_search(NOTHING), sampling_search(NOTHING)):
        assert search.run(Chain(), empty, {}) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"size": 2, "best": 3},
            ("best", "is 3, but 'size' is 2: a beam gives as many answers at most"),
        ),
        ({"groups": 2}, ("groups", "is 2, which does not divide 'size', 5. Choose one that does")),
        (
            {"diversity": 1.0},
            ("diversity", "has no effect in a single group. Set 'groups' to 2 or more"),
        ),
    ],
)
def test_settings_of_a_beam_that_do_not_fit_are_told(
    changed: Any, message: tuple[str, str]
) -> None:
    given = {"size": 5, "best": 1, "groups": 1, "diversity": 0.0, **changed}
    assert list(beam_rules(given)) == [message]
