"""Runs that write texts: shared pieces, batches, saving, live and wrong input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import DataError, SeqkitError

Command = Callable[..., tuple[int, str, str]]
SOURCE = ["a dog runs", "the cat sleeps", "a cat runs", "the dog sleeps", "Bo runs", "a bird"]
TARGET = [
    "ein Hund rennt",
    "die Katze schläft",
    "eine Katze rennt",
    "der Hund schläft",
    "Bo rennt",
    "ein Vogel",
]
RECIPE = """\
seqkit: 1
name: toy
data: {{use: parallel, files: {{en: .en, de: .de}}, train: train, dev: dev, text: en, gold: de}}
tokenise: {tokenise}
embed: {{use: lookup, width: 16}}
encode: {{use: bilstm, width: 24}}
decode: {decode}
train:
  epochs: {epochs}
  batch: {{rows: 3, pool: 1}}
  optimiser: {{use: adam, rate: 0.02}}
  precision: fp32
evaluate: {{metrics: [exact, bleu], bootstrap: 20}}
"""
SHARED = (
    "{use: attention, tokenise: shared, embed: shared, tie: true, encode: {use: lstm, width: 24}}"
)
PIECES = "{use: sentencepiece, algorithm: bpe, size: 50, byte_fallback: false}"


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    def written(decode: str = SHARED, tokenise: str = PIECES, epochs: int = 1) -> Path:
        for side, texts in (("en", SOURCE), ("de", TARGET)):
            (tmp_path / f"dev.{side}").write_text("\n".join(texts) + "\n")
            (tmp_path / f"train.{side}").write_text("\n".join(texts * 6) + "\n")
        path = tmp_path / "toy.yaml"
        path.write_text(RECIPE.format(decode=decode, tokenise=tokenise, epochs=epochs))
        return path

    return written


def values(pipeline: Any, texts: list[str]) -> list[str]:
    return [answers["de"]["value"] for answers in pipeline(texts)]


def test_pieces_of_both_sides_have_one_vector_and_come_back(
    recipe: Callable[..., Path], tmp_path: Path
) -> None:
    run = seqkit.run(recipe(epochs=10), out=tmp_path / "run")
    assert run.metrics["dev"]["exact"]["value"] == 100.0
    pipeline = seqkit.load(tmp_path / "run")
    assert values(pipeline, SOURCE) == TARGET
    decoder: Any = pipeline.network.decoder
    shared: Any = decoder.target.embedder
    known = set(shared.known)
    assert shared is pipeline.network.embedders["text"]
    assert set(decoder.target.strings) <= known
    assert any("ö" in piece or "ä" in piece for piece in known)
    for size in (1, 2, 6):
        answers = [a for at in range(0, 6, size) for a in values(pipeline, SOURCE[at : at + size])]
        assert answers == TARGET


def test_an_embedder_of_the_input_alone_learns_no_vectors_of_the_target(
    recipe: Callable[..., Path], tmp_path: Path
) -> None:
    seqkit.run(recipe("{use: attention, tokenise: shared}", "words"), out=tmp_path / "run")
    network: Any = seqkit.load(tmp_path / "run").network
    assert "Hund" not in network.embedders["text"].known
    assert "Hund" in network.decoder.target.strings


def test_an_answer_tells_what_it_is_made_of(recipe: Callable[..., Path], tmp_path: Path) -> None:
    seqkit.run(recipe(), out=tmp_path / "run")
    [answers] = seqkit.load(tmp_path / "run")(["a dog runs"])
    answer = answers["de"]
    assert set(answer) == {"value", "pieces", "score", "probabilities", "alignment"}
    assert len(answer["pieces"]) == len(answer["alignment"])


def test_characters_need_no_model(recipe: Callable[..., Path], tmp_path: Path) -> None:
    decode = "{use: attention, tokenise: characters, encode: {use: gru, width: 24}, feed: true}"
    run = seqkit.run(recipe(decode, "characters", 30), out=tmp_path / "run")
    assert run.metrics["dev"]["exact"]["value"] == 100.0


def test_a_model_that_writes_is_not_live(recipe: Callable[..., Path], tmp_path: Path) -> None:
    seqkit.run(recipe(), out=tmp_path / "run")
    with pytest.raises(SeqkitError, match=r"encode: bilstm reads each text from its end too"):
        seqkit.load(tmp_path / "run").live()


def test_a_text_without_pieces_is_answered(recipe: Callable[..., Path], tmp_path: Path) -> None:
    seqkit.run(recipe(), out=tmp_path / "run")
    pipeline = seqkit.load(tmp_path / "run")
    assert values(pipeline, [""]) == values(pipeline, ["", "a dog runs"])[:1]


def test_a_long_text_is_answered_in_bounded_time(
    recipe: Callable[..., Path], tmp_path: Path
) -> None:
    decode = "{use: attention, search: {use: greedy, minimum: 5000, longest: 30}}"
    seqkit.run(recipe(decode), out=tmp_path / "run")
    [answers] = seqkit.load(tmp_path / "run")(["dog " * 10_000])
    assert len(answers["de"]["pieces"]) == 30


def test_a_gold_that_is_no_text_names_its_field(
    tmp_path: Path, recipe: Callable[..., Path]
) -> None:
    path = recipe()
    path.write_text(
        path.read_text().replace(
            "use: parallel, files: {en: .en, de: .de}, train: train, dev: dev",
            "use: jsonl, train: t.jsonl, dev: t.jsonl",
        )
    )
    (tmp_path / "t.jsonl").write_text('{"en": "a dog", "de": 3}\n')
    with pytest.raises(
        DataError, match="an input is a text, a list of words or a list of numbers, not int"
    ):
        seqkit.run(path, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        (
            "{use: attention, search: {use: beam, size: 0}}",
            "decode.search.size: input should be greater than 0",
        ),
        ("{use: attention, search: {use: bean}}", "no search called 'bean'. Did you mean 'beam'?"),
        ("{use: attention, embed: shared}", "'embed' is shared, but 'tokenise' is not"),
        ("{use: attention, attend: maximal}", "decode.attend: input should be"),
    ],
)
def test_wrong_settings_are_told_before_anything_loads(
    recipe: Callable[..., Path], command: Command, decode: str, message: str
) -> None:
    code, _, told = command("check", str(recipe(decode)))
    assert code != 0
    assert message in told


def test_a_vocabulary_beyond_the_corpus_is_told(
    recipe: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(
        DataError, match=r"words for \d+ pieces at most, not for 5,000. Set 'size' to"
    ):
        seqkit.run(recipe(tokenise=PIECES.replace("50", "5000")), out=tmp_path / "run")


def test_uneven_files_are_told_with_both_counts(
    recipe: Callable[..., Path], tmp_path: Path
) -> None:
    path = recipe()
    (tmp_path / "train.de").write_text("ein Hund\n")
    with pytest.raises(DataError, match=r"train.en: 36 lines, but train.de has 1"):
        seqkit.run(path, out=tmp_path / "run")
