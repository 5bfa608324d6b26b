"""Stanza's tagger (Qi et al. 2018), without vectors or language models, at the bare loops' sizes.

A heavier model than theirs: a highway beside the LSTM, a hidden layer of 400 before each output,
outputs for three columns, of which two are empty here, and a linear layer behind the characters.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import stanza
from measuring import Tag
from sentences import Sentence
from stanza.models import tagger as training
from stanza.models.pos.trainer import Trainer

EPOCHS = 6
ROWS = 32
SIZES = (
    "--no_pretrain --word_emb_dim 100 --word_cutoff 2 --char_emb_dim 25 --char_hidden_dim 25 "
    "--char_bidirectional --transformed_dim 50 --hidden_dim 256 --num_layers 1 "
    f"--batch_size {ROWS}"
).split()


def written(sentences: Sequence[Sentence], path: Path) -> str:
    """Writes a CoNLL-U file with forms, universal tags and some tree; gives its name."""
    lines = [
        f"{number}\t{word}\t_\t{tag}\t_\t_\t{number - 1}\tdep\t_\t_" + "\n" * (number == len(words))
        for words, tags in sentences
        for number, (word, tag) in enumerate(zip(words, tags, strict=True), 1)
    ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def settings(train: Sequence[Sentence], dev: Sequence[Sentence], place: Path) -> dict[str, Any]:
    """The arguments of Stanza's own training script."""
    files = ["--train_file", written(train, place / "train.conllu")]
    files += ["--eval_file", written(dev, place / "dev.conllu")]
    names = ["--save_dir", str(place), "--save_name", "tagger.pt", "--lang", "en"]
    steps = ["--max_steps", str(EPOCHS * len(train) // ROWS)]
    found: dict[str, Any] = training.parse_args(
        [*SIZES, *files, *names, *steps, "--shorthand", "en_ewt"]
    )
    return found


def updates(train: Sequence[Sentence]) -> Iterator[int]:
    """Updates from 32 random sentences each, by Stanza's own data loader."""
    with tempfile.TemporaryDirectory() as room:
        given = settings(train, train[:1], Path(room))
        vocab, _, batches = training.load_training_data(given, None)
    trainer = Trainer(args=given, vocab=vocab, device="cpu")
    while True:
        for batch in batches:
            trainer.update(batch)
            yield int(sum(batch.lens))


def prepare(train: Sequence[Sentence], dev: Sequence[Sentence], place: Path) -> str:
    """Trains with Stanza's defaults for a few epochs, and keeps the best model by dev."""
    training.train(settings(train, dev, place))
    (place / "resources.json").write_text("{}")  # the pipeline wants to know what there is to load
    return f"{EPOCHS} epochs"


def tagger(place: Path) -> Tag:
    """The kept model in a Stanza pipeline that takes words as they are."""
    pipeline = stanza.Pipeline(
        "en",
        dir=str(place),
        processors="tokenize,pos",
        tokenize_pretokenized=True,
        pos_model_path=str(place / "tagger.pt"),
        pos_pretrain_path=None,
        allow_unknown_language=True,
        download_method=None,
        verbose=False,
    )

    def tag(texts: list[list[str]]) -> list[list[str]]:
        return [[word.upos for word in sentence.words] for sentence in pipeline(texts).sentences]

    return tag
