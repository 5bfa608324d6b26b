"""The hashed embedder, against its equations in numpy, and how often its rows collide."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import pytest
import torch

from seqkit.errors import DataError
from seqkit.stages import Example, Frames, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit_text import embedding
from seqkit_text.embedding import hashed_embedder, hashed_rules
from seqkit_text.hashed import FEATURES, Hashed

SHAPES = {"Apples": "Xxxxx", "fell": "xxxx", "10.5": "dd.d", "é": "x", "never-seen": "xxxx-xxxx"}
ROWS = {"lower": 50, "suffix": 7, "piece": 20, "prefix": 5, "shape": 11}


def hashed(**given: Any) -> Hashed:
    torch.manual_seed(1)
    chosen = {"width": 6, "rows": ROWS, **given}
    stage = cast("Hashed", hashed_embedder(Upstream(width=0), **chosen))
    stage.ready(stage.fit([]))
    return stage.eval()


def embed(stage: Hashed, texts: Sequence[Sequence[str]]) -> Vectors:
    arrays = [stage.prepare(example(list(words)), "text") for words in texts]
    found: Vectors = stage(collate(arrays))
    return found


def by_hand(stage: Hashed, word: str, maxout: bool) -> np.ndarray:
    """The vector of one word, in fp64."""
    weights = {name: value.double().numpy() for name, value in stage.state_dict().items()}
    values = {
        "lower": word.lower(),
        "suffix": word[-3:],
        "piece": word,
        "prefix": word[:1],
        "shape": SHAPES[word],
    }
    first, sums = 1, []
    for feature, rows in ROWS.items():
        digest = blake2b(values[feature].encode(), digest_size=32).digest()
        table = weights["table.weight"][first : first + rows]
        picked = [int.from_bytes(digest[at : at + 8], "little") % rows for at in (0, 8, 16, 24)]
        sums.append(sum(table[row] for row in picked))
        first += rows
    mixed: np.ndarray = weights["mix.weight"] @ np.concatenate(sums) + weights["mix.bias"]
    if not maxout:
        return mixed
    highest = mixed.reshape(6, 3).max(axis=1)
    normal = (highest - highest.mean()) / np.sqrt(highest.var() + 1e-5)
    found: np.ndarray = normal * weights["norm.weight"] + weights["norm.bias"]
    return found


@pytest.mark.parametrize("mix", ["maxout", "linear"])
def test_a_vector_is_the_mix_of_sums_of_rows(mix: str) -> None:
    stage = hashed(mix=mix)
    texts = [["Apples", "fell", "10.5", "é"], [], ["never-seen"]]
    found = embed(stage, texts)
    assert found.values.shape == (3, 4, 6)
    for row, words in enumerate(texts):
        assert not found.values[row, len(words) :].any()
        for column, word in enumerate(words):
            wanted = by_hand(stage, word, mix == "maxout")
            np.testing.assert_allclose(found.values[row, column].detach(), wanted, atol=1e-5)


def test_forms_are_equal_where_all_rows_are() -> None:
    stage = hashed(rows={"lower": 1000, "shape": 100})
    arrays = stage.prepare(example(["Cat", "cat", "Hat", "Cat"]), "text")
    assert arrays["rows"].shape == (4, 8)
    assert arrays["forms"][0] == arrays["forms"][3]
    assert len(set(arrays["forms"].tolist())) == 3
    lower = hashed(rows={"lower": 1000}).prepare(example(["Cat", "cat"]), "text")
    assert lower["forms"][0] == lower["forms"][1] >= 0


def test_rows_are_even_and_hashes_independent() -> None:
    stage = hashed(rows={"piece": 100}, hashes=2)
    rows = stage.prepare(example([f"w{number}" for number in range(4_000)]), "text")["rows"]
    counts = np.bincount(rows.flatten(), minlength=101)
    assert counts[0] == 0
    expected = 8_000 / 100
    chi = float(((counts[1:] - expected) ** 2 / expected).sum())
    assert chi < 99 + 4 * (2 * 99) ** 0.5
    both = np.bincount((rows[:, 0] - 1) // 4 * 25 + (rows[:, 1] - 1) // 4, minlength=625)
    expected = 4_000 / 625
    chi = float(((both - expected) ** 2 / expected).sum())
    assert chi < 624 + 4 * (2 * 624) ** 0.5


def test_several_hashes_tell_apart_what_share_a_row() -> None:
    words = [f"w{number}" for number in range(5_000)]
    found = [
        hashed(rows={"piece": 500}, hashes=hashes).describe([example(words)], "train")[0].text
        for hashes in (1, 4)
    ]
    assert found == [
        "distinct values: piece 5,000 (4,500 not told apart)",
        "distinct values: piece 5,000 (0 not told apart)",
    ]
    assert hashed().describe([], "dev") == []


def test_each_form_is_mixed_once() -> None:
    stage = hashed(mix="linear")
    seen: list[int] = []
    stage.mix.register_forward_hook(lambda module, given, found: seen.append(len(found)))
    embed(stage, [["no", "no", "yes"], ["yes"]])
    assert seen == [2]


def test_what_stands_in_padding_changes_nothing() -> None:
    stage = hashed()
    batch = dict(collate([stage.prepare(example(words), "text") for words in [["a", "b"], ["a"]]]))
    clean = stage(batch).values
    batch["rows"][1, 1] = 3
    batch["forms"][1, 1] = batch["forms"][0, 0]
    assert torch.equal(stage(batch).values, clean)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"lowr": 3}, "has 'lowr', which is no feature. Did you mean 'lower'?"),
        ({}, "is empty. Give rows to one or more of piece, lower, prefix, suffix, shape"),
    ],
)
def test_rows_are_of_features(rows: dict[str, int], message: str) -> None:
    rules = {"rows": rows, "dropout": 0.0, "locked": False}
    assert list(hashed_rules(rules)) == [("rows", message)]
    assert list(hashed_rules(rules | {"rows": ROWS})) == []
    assert {*FEATURES} == {*ROWS} == {*embedding.FEATURES}


def test_frames_are_refused() -> None:
    frames = Example({}, {"wave": Frames(np.zeros((3, 1), np.float32))})
    with pytest.raises(DataError, match="hashed: embeds pieces, but input 'wave' is frames"):
        hashed().prepare(frames, "wave")
