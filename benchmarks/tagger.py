"""Training a tagger: seqkit against bare torch loops and other toolkits, in one run.

    python benchmarks/tagger.py --data DIR [--threads 1] [--rounds 3] [--seconds 8]
        [--peers flair,stanza,spacy] [--environments DIR]

Text to update, fp32 where a row does not say otherwise. The model: a word vector (100) beside a
character BiLSTM (2 x 25), a BiLSTM (2 x 256), a CRF; about 32 sentences a batch; Adam. `packed` is
the loop that people write (PackedSequence, random batches), `padded` what they could write. Flair
has these sizes too; Stanza's model is heavier, and spaCy's a convolutional network (peers/*.py say
more). Each toolkit is installed by pip into an environment of its own, on demand.

Every row is a process of its own with that many threads, the rows of a round one after the other;
it is timed for so many seconds after five updates. A ratio is taken within a round, and the median
over rounds is shown. `cores` is how many processors the process had while it trained: where it is
below the threads, something else ran, and the figures are no good. The first rows also tag dev, by
their best of three passes. DIR holds `ud_english_ewt/en_ewt-ud-{train,dev}.conllu.gz`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from environments import TAGGERS, run_peer
from measuring import (
    Measured,
    Round,
    failures,
    median,
    ratio,
    tag_speed,
    train_speed,
)
from rows import Row, measure
from sentences import load, treebank

RECIPE = """
seqkit: 1
name: benchmark
data: {{use: conllu, train: "{train}", dev: "{dev}", text: form, gold: upos}}
tokenise: words
embed:
  use: concat
  parts:
    - {{use: lookup, width: 100, lower: true, minimum: 2}}
    - {{use: characters, width: 50, character_width: 25}}
encode: {{use: bilstm, width: 512, dropout: 0.3}}
decode: {{use: crf, confidence: false}}
train:
  epochs: 100
  batch: {{rows: 32}}
  optimiser: {{use: adam, rate: 2.0e-3}}
  clip: 5.0
evaluate: {{metrics: [accuracy]}}
"""


def seqkit_row(data: Path, seconds: float, precision: str) -> Measured:
    """Trains and tags with seqkit, text to update and text to tags."""
    import torch

    from seqkit.experiment import Experiment
    from seqkit.provenance import provenance
    from seqkit.recipe import read_recipe
    from seqkit.training import begin, train

    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "recipe.yaml"
        path.write_text(RECIPE.format(train=treebank(data, "train"), dev=treebank(data, "dev")))
        os.environ["SEQKIT_CACHE"] = room
        recipe = read_recipe(path, data=data)
        origin = provenance(recipe, data, None, "cpu")
        experiment = Experiment(recipe, data, Path(room), origin, torch.device("cpu"))
        pipeline = experiment.fitted()
        progress = begin(pipeline, recipe.train, precision)
        steps = train(pipeline, experiment.batches(pipeline), recipe.train, progress)
        found = train_speed((step.tokens for step in steps), seconds)
    dev = load(treebank(data, "dev"))

    def tag(texts: list[list[str]]) -> list[list[str]]:
        return [answers["upos"]["value"] for answers in pipeline(texts)]

    return {**tag_speed(lambda: tag, dev, len(dev)), **found}


def bare_row(data: Path, seconds: float, variant: str, pool: int) -> Measured:
    """Trains and tags with a bare loop, text to update and text to tags."""
    import torch
    from bare import BareTagger, Vocabulary, predict_tags, updates

    torch.manual_seed(1)
    train, dev = (load(treebank(data, split)) for split in ("train", "dev"))
    model = BareTagger(Vocabulary(train), packed=variant == "packed")
    found = train_speed(updates(model, train, pool), seconds)
    return {**tag_speed(lambda: lambda texts: predict_tags(model, texts), dev, len(dev)), **found}


ROWS: dict[str, Row] = {
    "packed loop, random batches": lambda data, s: bare_row(data, s, "packed", 1),
    "packed loop, length pools": lambda data, s: bare_row(data, s, "packed", 50),
    "padded loop, random batches": lambda data, s: bare_row(data, s, "padded", 1),
    "padded loop, length pools": lambda data, s: bare_row(data, s, "padded", 50),
    "seqkit, fp32": lambda data, s: seqkit_row(data, s, "fp32"),
    "seqkit, bf16": lambda data, s: seqkit_row(data, s, "bf16"),
}
BASE = "packed loop, random batches"


def peer(name: str, given: argparse.Namespace, threads: int) -> Measured:
    """What another toolkit reports."""
    more = ("--seconds", str(given.seconds))
    return run_peer(name, "train", given.data, given.environments, threads, *more)


def table(rounds: Sequence[Round], threads: int) -> None:
    """Prints the median speeds and the median of the rounds' ratios."""
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, median of {len(rounds)} rounds")
    speeds = f"{'train words/s':>14}{'ratio':>8}{'tag words/s':>14}{'ratio':>8}"
    print(f"{'':30}{speeds}{'MB':>7}{'cores':>7}")
    failed = failures(rounds)
    for row in rounds[0]:
        if row in failed:
            print(f"{row:30}  failed: {failed[row]}")
            continue
        cells = f"{row:30}"
        for what in ("train", "again"):
            measured = what in rounds[0][row]
            share = measured and BASE not in failed
            cells += f"{median(rounds, row, what):>14,.0f}" if measured else f"{'-':>14}"
            cells += f"{ratio(rounds, row, BASE, what):>8.2f}" if share else f"{'-':>8}"
        memory, cores = median(rounds, row, "memory"), median(rounds, row, "cores")
        print(f"{cells}{memory:>7.0f}{cores:>7.2f}")


if __name__ == "__main__":
    measure(__doc__, ROWS, peer, table, peers=TAGGERS, seconds=8)
