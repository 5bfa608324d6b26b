"""Set-up for all tests: shapes in annotations are checked, threads are few, caches are apart."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ["SEQKIT_CHECK_SHAPES"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

from jaxtyping import install_import_hook

CHECKED = [
    "seqkit",
    "seqkit_answers",
    "seqkit_ctc",
    "seqkit_data",
    "seqkit_dates",
    "seqkit_frames",
    "seqkit_labels",
    "seqkit_language",
    "seqkit_memory",
    "seqkit_music",
    "seqkit_numbers",
    "seqkit_recurrent",
    "seqkit_scenes",
    "seqkit_seq2seq",
    "seqkit_series",
    "seqkit_spacy.network",
    "seqkit_speech",
    "seqkit_text",
    "seqkit_transformer",
]
install_import_hook(CHECKED, "beartype.beartype")

TAGS = {"the": "D", "a": "D", "cat": "N", "dog": "N", "sees": "V", "runs": "V", "big": "A"}
TOY = """\
seqkit: 1
name: toy
data:
  use: conll
  columns: [form, tag]
  train: train.conll
  dev: dev.conll
  test: test.conll
  text: form
  gold: tag
tokenise: words
embed:
  use: concat
  dropout: 0.2
  parts: [{use: lookup, width: 6, unknown: 0.2}, {use: characters, width: 4, character_width: 4}]
encode: {use: bilstm, width: 8, dropout: 0.3}
decode: crf
train: {epochs: 2, batch: {tokens: 30, pool: 1}, optimiser: {use: adam, rate: 0.01}, save: 0}
evaluate: {metrics: [accuracy], bootstrap: 20}
"""


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepared tables of the tests, apart from the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQKIT_CACHE", str(folder))
        patch.delenv("SEQKIT_DATA", raising=False)
        yield folder


@pytest.fixture(scope="session")
def write_toy() -> Callable[[Path], Path]:
    """Writes a recipe that trains in a quarter of a second, dropout and all, and its data."""

    def write(folder: Path) -> Path:
        draw = random.Random(0)
        for split, sentences in (("train", 12), ("dev", 5), ("test", 5)):
            lines = []
            for _ in range(sentences):
                words = draw.choices(sorted(TAGS), k=draw.randint(1, 7))
                lines += [*(f"{word}\t{TAGS[word]}" for word in words), ""]
            (folder / f"{split}.conll").write_text("\n".join(lines))
        path = folder / "toy.yaml"
        path.write_text(TOY)
        return path

    return write


@pytest.fixture
def toy(write_toy: Callable[[Path], Path], tmp_path: Path) -> Path:
    """The toy recipe, in a folder of its own."""
    return write_toy(tmp_path)


@pytest.fixture(scope="session")
def trained(write_toy: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the toy recipe, in `run` beside the recipe; tests leave it as it is."""
    import seqkit

    path = write_toy(tmp_path_factory.mktemp("trained"))
    seqkit.run(path, out=path.parent / "run")
    return path.parent / "run"


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs `seqkit WORDS...` in this process: exit code, standard output, standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        from seqkit.cli import main

        monkeypatch.setattr(sys, "argv", ["seqkit", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return code if isinstance(code, int) else 0, *capfd.readouterr()

    return call
