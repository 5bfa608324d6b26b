"""Pretrained word vectors as an embedder: against the file's own numbers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

import seqkit
from seqkit.errors import DataError, RecipeError, RunError
from seqkit.stages import Example, Frames, Text, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import check_stage
from seqkit_text.pretrained import vectors_embedder
from seqkit_text.tokenising import words_tokeniser
from seqkit_text.word_vectors import WordVectors

FILE = {
    "the": [1, 2],
    "cat": [3, 4],
    "The": [5, 6],
    "0-0": [7, 8],
    "Rome": [9, 12],
    "unseen": [0, 0],
}
TRAIN = ["the cat saw the dog", "The dog"]
DATA = Path(__file__).parents[3] / "shared/data/emb_glove50d_5k/glove-50d-5k.json.gz"


def example(text: str) -> Example:
    return Example({}, {"text": words_tokeniser(Upstream(width=0)).prepare(Text(text))})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps(FILE))
    return path


@pytest.fixture
def vectors(file: Path) -> Callable[..., WordVectors]:
    def built(texts: Sequence[str] = TRAIN, **settings: Any) -> WordVectors:
        said = {"file": str(file), **settings}
        stage = cast("WordVectors", vectors_embedder(Upstream(width=0), **said))
        stage.ready(stage.fit(iter([example(text) for text in texts])))
        return stage.eval()

    return built


Built = Callable[..., WordVectors]


def embed(stage: WordVectors, texts: Sequence[str]) -> Vectors:
    found: Vectors = stage(collate([stage.prepare(example(text), "text") for text in texts]))
    return found


def test_each_piece_gets_its_vector_and_all_else_zeros(vectors: Built) -> None:
    found = embed(vectors(), ["the dog The CAT", "", "unseen Rome rome"])
    assert found.lengths.tolist() == [4, 0, 3]
    assert found.values.tolist() == [
        [[1, 2], [0, 0], [5, 6], [3, 4]],
        [[0, 0]] * 4,
        [[0, 0], [9, 12], [0, 0], [0, 0]],
    ]


def test_forms_are_tried_in_order(vectors: Built) -> None:
    assert embed(vectors(lower=False), ["THE The"]).values.tolist() == [[[0, 0], [5, 6]]]
    assert embed(vectors(), ["1-2"]).values.tolist() == [[[0, 0]]]
    assert embed(vectors(digits=True), ["1-2"]).values.tolist() == [[[7, 8]]]


def test_a_limit_keeps_the_words_of_training_too(vectors: Built) -> None:
    stage = vectors(["THE 5-5 dog"], limit=2, digits=True)
    assert set(stage.known) == {"the", "cat", "0-0"}


def test_vectors_can_be_given_one_length(vectors: Built) -> None:
    found = embed(vectors(normalise=True), ["Rome unseen"]).values[0]
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_frozen_vectors_are_no_weights_and_in_no_checkpoint(vectors: Built) -> None:
    stage = vectors()
    assert list(stage.parameters()) == []
    assert stage.state_dict() == {}


def test_trained_vectors_start_from_the_file_and_learn(vectors: Built) -> None:
    stage = vectors(train=True)
    found = embed(stage, ["the dog", "the"])
    assert found.values[0].tolist() == [[1, 2], [0, 0]]
    found.values.sum().backward()  # type: ignore[no-untyped-call]
    grad = stage.table.grad
    assert grad is not None
    assert grad[0].tolist() == [0, 0]
    assert grad[1].tolist() == [1, 1]
    assert grad[stage.known["the"]].tolist() == [2, 2]


def test_dropout_scales_what_stays_in_training_alone(vectors: Built) -> None:
    stage = vectors(dropout=0.5)
    assert torch.equal(embed(stage, ["the"]).values, torch.tensor([[[1.0, 2.0]]]))
    stage.train()
    drawn = {tuple(embed(stage, ["the"]).values.flatten().tolist()) for _ in range(60)}
    assert drawn == {(0, 0), (2, 0), (0, 4), (2, 4)}


@pytest.mark.parametrize("settings", [{}, {"train": True, "dropout": 0.3, "locked": True}])
def test_the_contract_is_kept(file: Path, settings: dict[str, Any]) -> None:
    said = {"file": str(file), "coverage": 0.0, **settings}
    check_stage(vectors_embedder, settings=said)


def test_too_few_pieces_with_a_vector_are_refused_with_the_words(
    vectors: Built, file: Path
) -> None:
    texts = ["el perro el gato la casa el cat"]
    assert vectors(texts).known
    with pytest.raises(DataError) as caught:
        vectors(texts, coverage=0.2)
    assert str(caught.value) == (
        f"vectors: {file} has a vector for 12.5% of the 8 pieces of the training split, and 20.0% "
        "are asked for. Most frequent without: 'el' (3), 'casa' (1), 'gato' (1), 'la' (1), "
        "'perro' (1). Is the file of this language? Name another, or set 'coverage' lower."
    )


def test_the_hint_names_casing_where_it_would_help(vectors: Built) -> None:
    with pytest.raises(DataError, match=r"The file is in lower case: with `lower: true` 100.0% h"):
        vectors(["THE CAT"], lower=False)


def test_the_hint_names_words_where_pieces_are_parts_of_them(file: Path) -> None:
    stage = vectors_embedder(Upstream(width=0), file=str(file))
    pieces = words_tokeniser(Upstream(width=0), pattern=r"\S+").prepare(
        Text("\u2581th e \u2581ca t")
    )
    with pytest.raises(DataError, match="The pieces are parts of words, but the file has words: u"):
        stage.fit([Example({}, {"text": pieces})])


def test_no_piece_and_frames_are_errors(vectors: Built, file: Path) -> None:
    with pytest.raises(DataError) as caught:
        vectors([""])
    assert str(caught.value) == (
        "vectors: the training split has no piece. Give it texts that are not empty."
    )
    frames = Example({}, {"text": Frames(np.zeros((2, 1), np.float32))})
    with pytest.raises(DataError, match="vectors: embeds pieces, but input 'text' is frames"):
        vectors_embedder(Upstream(width=0), file=str(file)).fit([frames])


def test_a_split_is_described_by_what_has_a_vector(vectors: Built) -> None:
    stage = vectors()
    train = stage.describe([example(text) for text in TRAIN], "train")
    assert [(one.level, one.text) for one in train] == [
        ("note", "6 words of width 2, 0.0 MB of the model"),
        (
            "note",
            "57.1% of the pieces have a vector, 60.0% of the distinct ones; most frequent without: "
            "'dog' (2), 'saw' (1)",
        ),
    ]
    (dev,) = stage.describe([example("the the")], "dev")
    assert dev.text == "100.0% of the pieces have a vector, 100.0% of the distinct ones"
    (test,) = stage.describe([example("gato")], "test")
    assert test.level == "warning"
    assert stage.describe([example("")], "test") == []


def test_words_that_the_file_repeats_are_told(file: Path, vectors: Built) -> None:
    file.write_text('{"the": [1, 2], "the": [3, 4]}')
    warning = vectors().describe([example("the")], "train")[1]
    assert (warning.level, warning.text) == (
        "warning",
        "1 word stands more than once in the file, such as 'the'; the first vector of each counts",
    )


def test_a_stage_can_be_copied(vectors: Built) -> None:
    stage = vectors()
    assert torch.equal(embed(copy.deepcopy(stage), TRAIN).values, embed(stage, TRAIN).values)


@pytest.mark.skipif(not DATA.exists(), reason="needs the data set emb_glove50d_5k")
def test_real_vectors_cover_english() -> None:
    stage = cast("WordVectors", vectors_embedder(Upstream(width=0), file=str(DATA)))
    stage.ready(stage.fit([example("The prime minister said that she would go to London.")]))
    assert (stage.width, len(stage.known)) == (50, 5050)
    king, queen, cabbage = embed(stage, ["king queen table"]).values[0]
    close = torch.cosine_similarity
    assert close(king, queen, 0) > 0.7 > close(king, cabbage, 0)


def write(toy: Path, file: str = "vectors.json") -> Path:
    """The toy recipe with vectors beside its lookup."""
    words = {name: [len(name), number] for number, name in enumerate(["the", "cat", "big"])}
    (toy.parent / "vectors.json").write_text(json.dumps(words))
    text = toy.read_text().replace("parts: [", f"parts: [{{use: vectors, file: {file}}}, ")
    toy.write_text(text.replace("epochs: 2", "epochs: 1"))
    return toy


def test_a_file_that_is_not_there_is_told_when_the_recipe_is_checked(toy: Path) -> None:
    from seqkit.recipe import read_recipe

    recipe = write(toy, "vectors.jsn")
    with pytest.raises(RecipeError) as caught:
        read_recipe(recipe, data=recipe.parent)
    assert str(caught.value) == (
        f"{recipe}:15:32: embed.parts.0.file: no file or folder 'vectors.jsn' in {recipe.parent}. "
        "Set --data or SEQKIT_DATA. Did you mean 'vectors.json'?"
    )


def test_a_run_keeps_to_its_file_and_its_model_needs_none(toy: Path) -> None:
    recipe = write(toy)
    run = seqkit.run(recipe, out=toy.parent / "run")
    answer = run.load()(["the cat"])
    file = recipe.parent / "vectors.json"
    content = file.read_bytes()
    file.unlink()
    assert run.load()(["the cat"]) == answer
    file.write_bytes(content.replace(b"big", b"bug"))
    with pytest.raises(
        RunError, match=r"holds another run: files\.vectors\.json was \w{12}… and is"
    ):
        seqkit.run(recipe, out=toy.parent / "run")
    file.write_bytes(content)
    assert seqkit.run(recipe, out=toy.parent / "run").done_before
