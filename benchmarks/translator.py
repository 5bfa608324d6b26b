"""Translating: seqkit against bare torch loops, OpenNMT-py and JoeyNMT, in one run.

    python benchmarks/translator.py --data DIR [--threads 1] [--rounds 3] [--seconds 15]
        [--peers opennmt,joeynmt] [--environments DIR]

Multi30k, English to German: 8,000 joint pieces of the raw training texts, vectors of 256 a side, a
bidirectional LSTM (2 x 256), an LSTM (512) with Luong's general attention, an output layer of its
own over the pieces that stand in the training targets, 80 pairs a batch, dropout 0.3, Adam.
`feeding` hands the attentional vector to the next step, as the peers do. fp32 where a row does not
say otherwise.

Training is timed in target pieces (ends counted) a second, after five updates. Then the 1,000
sentences of test_2016_flickr are translated in batches of 80, by greedy search and by a beam of 5:
every answer has exactly 14 pieces, as many as the references on average, so that no toolkit gains
by shorter answers, and models need not be trained. Each row is a process of its own; ratios are
taken within a round, and the median over rounds is shown. Peers get the same pieces, ready made,
and their training is timed by their own logs. `cores` below the threads: something else ran, and
the figures are no good.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from environments import run_peer
from measuring import (
    Measured,
    Round,
    failures,
    median,
    now,
    ratio,
    train_speed,
)
from rows import Row, measure

PIECES, STEPS = 8000, 14
ALONE = 64
"""Sentences that seqkit also translates one by one."""
PEERS = ("opennmt", "joeynmt")
SEARCHES = {"greedy": "greedy, ", "beam": "beam, size: 5, "}
RECIPE = """
seqkit: 1
name: benchmark
data:
  use: parallel
  files: {{en: .en, de: .de}}
  train: multi30k/task1/raw/train
  dev: multi30k/task1/raw/val
  text: en
  gold: de
tokenise: {{use: sentencepiece, algorithm: bpe, size: {pieces}, byte_fallback: false}}
embed: {{use: lookup, width: 256, dropout: 0.3}}
encode: {{use: bilstm, width: 512}}
decode:
  use: attention
  tokenise: shared
  embed: {{use: lookup, width: 256, dropout: 0.3}}
  encode: {{use: lstm, width: 512}}
  width: 512
  feed: {feed}
  dropout: 0.3
  search: {{use: {search}minimum: {steps}, ratio: 0.0, more: {steps}}}
train:
  epochs: 100
  batch: {{rows: 80}}
  optimiser: {{use: adam, rate: 1.0e-3}}
  clip: 5.0
"""


def seqkit_row(data: Path, seconds: float, precision: str, feed: bool) -> Measured:
    """Trains and translates with seqkit, text to update and text to text."""
    import torch

    from seqkit.experiment import Experiment
    from seqkit.provenance import provenance
    from seqkit.recipe import read_recipe
    from seqkit.training import begin, train

    found: Measured = {}
    with tempfile.TemporaryDirectory() as room:
        os.environ["SEQKIT_CACHE"] = room
        for name, search in SEARCHES.items():
            path = Path(room) / f"{name}.yaml"
            settings = {"feed": str(feed).lower(), "search": search}
            path.write_text(RECIPE.format(pieces=PIECES, steps=STEPS, **settings))
            recipe = read_recipe(path, data=data)
            origin = provenance(recipe, data, None, "cpu")
            experiment = Experiment(recipe, data, Path(room), origin, torch.device("cpu"))
            pipeline = experiment.fitted()
            if name == "greedy":
                decoder: Any = pipeline.network.decoder
                batches = experiment.batches(pipeline)
                sizes = [1 + len(decoder.target.pieces(text)) for text in lines(data, "train.de")]
                progress = begin(pipeline, recipe.train, precision)
                steps = train(pipeline, batches, recipe.train, progress)
                counts = (sum(sizes[row] for row in step.rows) for step in steps)
                found |= train_speed(counts, seconds)
            found |= translate_speed(name, pipeline, sources(data))
            found |= translate_speed(f"{name} alone", one_by_one(pipeline), sources(data)[:ALONE])
    return found


def one_by_one(pipeline: Any) -> Callable[[Sequence[str]], list[Any]]:
    """Answers each text by itself."""
    return lambda texts: [pipeline([text])[0] for text in texts]


def bare_row(data: Path, seconds: float, feed: bool) -> Measured:
    """Trains and translates, greedily, with a bare loop, pieces to update and pieces to pieces."""
    import torch
    from bare_translator import END, FIRST, BareTranslator, Pair, greedy, updates

    torch.manual_seed(1)
    model = piece_model(data)

    def read(texts: Sequence[str]) -> list[list[int]]:
        return [[FIRST + number for number in row] for row in model.encode(list(texts))]

    targets = model.encode(lines(data, "train.de"))
    pieces = sorted({number for row in targets for number in row})
    written = {number: place for place, number in enumerate(pieces, FIRST)}
    pairs = [
        Pair(source, [*(written[number] for number in row), END])
        for source, row in zip(read(lines(data, "train.en")), targets, strict=True)
    ]
    translator = BareTranslator(FIRST + PIECES, FIRST + len(pieces), feed=feed)
    found = train_speed(updates(translator, pairs), seconds)

    def answers(texts: Sequence[str]) -> list[str]:
        rows = greedy(translator, read(texts), STEPS)
        return [model.decode([pieces[number - FIRST] for number in row]) for row in rows]

    return found | translate_speed("greedy", answers, sources(data))


def lines(data: Path, name: str) -> list[str]:
    """The lines of one file of Multi30k."""
    path = data / "multi30k" / "task1" / "raw" / f"{name}.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    return text.removesuffix("\n").split("\n")


def sources(data: Path) -> list[str]:
    """What is translated."""
    return lines(data, "test_2016_flickr.en")


def piece_model(data: Path) -> Any:
    """Joint pieces of the training texts of both sides."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines(data, "train.en") + lines(data, "train.de")),
        model_writer=model,
        model_type="bpe",
        vocab_size=PIECES,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def translate_speed(
    name: str, translate: Callable[[Sequence[str]], Sequence[Any]], texts: Sequence[str]
) -> Measured:
    """Sentences a second of the better of two passes."""
    seconds = []
    for _ in range(2):
        started = now()
        translate(texts)
        seconds.append(now().wall - started.wall)
    return {name: len(texts) / min(seconds)}


ROWS: dict[str, Row] = {
    "bare loop, feeding": lambda data, s: bare_row(data, s, feed=True),
    "bare loop": lambda data, s: bare_row(data, s, feed=False),
    "seqkit, feeding": lambda data, s: seqkit_row(data, s, "fp32", feed=True),
    "seqkit, feeding, bf16": lambda data, s: seqkit_row(data, s, "bf16", feed=True),
    "seqkit": lambda data, s: seqkit_row(data, s, "fp32", feed=False),
    "seqkit, bf16": lambda data, s: seqkit_row(data, s, "bf16", feed=False),
}
BASE = "bare loop, feeding"


def prepared(data: Path, folder: Path) -> Path:
    """A folder with the texts in pieces, which the peers read."""
    place = folder / "multi30k-pieces"
    if not (place / "done").exists():
        place.mkdir(parents=True, exist_ok=True)
        model = piece_model(data)
        for name in ("train", "val", "test_2016_flickr"):
            for side in ("en", "de"):
                rows = model.encode(lines(data, f"{name}.{side}"), out_type=str)
                text = "".join(" ".join(row) + "\n" for row in rows)
                (place / f"{name}.{side}").write_text(text, encoding="utf-8")
        (place / "done").touch()
    return place


def peer(name: str, given: argparse.Namespace, threads: int) -> Measured:
    """What another toolkit reports, of pieces ready made."""
    texts = prepared(given.data, given.environments)
    return run_peer(name, "translate", texts, given.environments, threads)


def table(rounds: Sequence[Round], threads: int) -> None:
    """Prints the median speeds and the median of the rounds' ratios."""
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, median of {len(rounds)} rounds")
    heads = ("train pieces/s", "greedy sent./s", "beam 5 sent./s")
    told = "".join(f"{head:>16}{'ratio':>7}" for head in heads)
    print(f"{'':24}{told}{'MB':>7}{'cores':>7}")
    failed = failures(rounds)
    for row in rounds[0]:
        if row in failed:
            print(f"{row:24}  failed: {failed[row]}")
            continue
        cells = f"{row:24}"
        for what in ("train", *SEARCHES):
            base = next((name for name in (BASE, "opennmt") if what in rounds[0].get(name, {})), "")
            measured = what in rounds[0][row]
            cells += f"{median(rounds, row, what):>16,.0f}" if measured else f"{'-':>16}"
            share = measured and base and base not in failed
            cells += f"{ratio(rounds, row, base, what):>7.2f}" if share else f"{'-':>7}"
        memory, busy = median(rounds, row, "memory"), median(rounds, row, "cores")
        print(f"{cells}{memory:>7.0f}{busy:>7.2f}")
    for row in [row for row in rounds[0] if "beam alone" in rounds[0][row] and row not in failed]:
        alone = (f"{name} {median(rounds, row, f'{name} alone'):,.0f}" for name in SEARCHES)
        print(f"{row}, one sentence at a time, sentences/s: {', '.join(alone)}")


if __name__ == "__main__":
    measure(__doc__, ROWS, peer, table, peers=PEERS, seconds=15)
