"""Encoders of spaCy's Tok2Vec: how well a tagger learns with each, and how fast it then is.

    python benchmarks/spacy_encoders.py --data DIR --out DIR [--steps 1000] [--seeds 3]

UD English-EWT, XPOS. Each row is `spacy train docs/spacy-ewt.cfg` with another
[components.tok2vec.model.encode], for so many steps and seeds; with `--steps 0` until spaCy stops
it for want of progress on dev, and then scored on test too. What stands in --out is not trained
again. Speed is that of `nlp.pipe` over the dev split with its words given, in words for a second of
processor time, the median of interleaved rounds, one thread.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sentences import treebank

CONFIG = Path(__file__).resolve().parent.parent / "docs" / "spacy-ewt.cfg"
ENCODERS: Mapping[str, Mapping[str, Any]] = {
    "MaxoutWindow": {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 96,
        "depth": 4,
        "window_size": 1,
        "maxout_pieces": 3,
    },
    "TorchBiLSTM": {
        "@architectures": "spacy.TorchBiLSTMEncoder.v1",
        "width": 96,
        "depth": 1,
        "dropout": 0.0,
    },
    "seqkit": {"@architectures": "seqkit.BiLSTMEncoder.v1", "width": 96},
    "seqkit two layers": {
        "@architectures": "seqkit.BiLSTMEncoder.v1",
        "width": 96,
        "depth": 2,
    },
}
ROUNDS = 5


def main() -> None:
    """Trains what is missing, then measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--encoders", default=",".join(ENCODERS), help="those to train")
    given = parser.parse_args()
    strange = set(given.encoders.split(",")) - set(ENCODERS)
    if strange:
        parser.error(f"--encoders: knows {', '.join(ENCODERS)}, not {', '.join(sorted(strange))}.")
    given.out.mkdir(parents=True, exist_ok=True)
    splits = {split: docs_file(given, split) for split in ("train", "dev", "test")}
    scores = {
        name: [trained(given, splits, name, encode, seed) for seed in range(1, given.seeds + 1)]
        for name, encode in encoders(given).items()
    }
    speeds = measured(given, splits["dev"])
    show(scores, speeds)


def encoders(given: argparse.Namespace) -> dict[str, Mapping[str, Any]]:
    """The encoders that were asked for."""
    return {name: ENCODERS[name] for name in given.encoders.split(",")}


def docs_file(given: argparse.Namespace, split: str) -> Path:
    """A split as spaCy's converter makes it, ten sentences a Doc."""
    path: Path = given.out / f"{split}.spacy"
    if not path.exists():
        plain = path.with_suffix(".conllu")
        plain.write_bytes(gzip.decompress(treebank(given.data, split).read_bytes()))
        words = ["convert", str(plain), str(given.out), "--converter", "conllu", "--n-sents", "10"]
        subprocess.run([sys.executable, "-m", "spacy", *words], check=True)
    return path


def folder_of(given: argparse.Namespace, name: str, seed: int) -> Path:
    """Where a row is trained."""
    steps = given.steps or "whole"
    return Path(given.out) / f"{name.replace(' ', '-')}-{steps}-{seed}"


def trained(
    given: argparse.Namespace,
    splits: Mapping[str, Path],
    name: str,
    encode: Mapping[str, Any],
    seed: int,
) -> dict[str, float]:
    """The accuracies of one training."""
    from spacy.util import load_config

    folder = folder_of(given, name, seed)
    if not (folder / "scores.json").exists():
        config = load_config(CONFIG)
        config["components"]["tok2vec"]["model"]["encode"] = dict(encode)
        config["system"]["seed"] = seed
        if given.steps:
            config["training"]["max_steps"] = given.steps
        for split in ("train", "dev"):
            config["paths"][split] = str(splits[split])
        folder.mkdir(exist_ok=True)
        config.to_disk(folder / "config.cfg")
        words = ["train", str(folder / "config.cfg"), "--output", str(folder)]
        with open(folder / "log.txt", "w", encoding="utf-8") as log:
            run = [sys.executable, "-m", "spacy", *words]
            subprocess.run(run, check=True, stdout=log, stderr=subprocess.STDOUT)
        best = "model-last" if given.steps else "model-best"
        found = {"dev": scored(folder / best, splits["dev"])}
        if not given.steps:
            found["test"] = scored(folder / best, splits["test"])
        (folder / "scores.json").write_text(json.dumps(found))
    found = json.loads((folder / "scores.json").read_text())
    print(f"{name}, seed {seed}: {found}", flush=True)
    return dict(found)


def scored(model: Path, split: Path) -> float:
    """The accuracy of tags on a split, in percent."""
    import spacy
    from spacy.training import Corpus

    nlp = spacy.load(model)
    return 100 * float(nlp.evaluate(list(Corpus(split)(nlp)))["tag_acc"])


def measured(given: argparse.Namespace, dev: Path) -> dict[str, list[float]]:
    """Words for a second of processor time, for each encoder: Docs in batches, and alone."""
    import spacy

    models: dict[str, Any] = {}
    for name in encoders(given):
        folder = folder_of(given, name, 1)
        last = "model-last" if given.steps else "model-best"
        models[name] = spacy.load(folder / last)
    times: dict[str, list[list[float]]] = {name: [[], []] for name in models}
    for _ in range(ROUNDS):
        for name, nlp in models.items():
            for place, size in enumerate((1000, 1)):
                docs = list(fresh(nlp, dev))
                words = sum(map(len, docs))
                started = time.process_time()
                for _ in nlp.pipe(docs, batch_size=size):
                    pass
                times[name][place].append(words / (time.process_time() - started))
    return {name: [statistics.median(one) for one in every] for name, every in times.items()}


def fresh(nlp: Any, split: Path) -> Iterator[Any]:
    """The Docs of a split with nothing but words."""
    from spacy.tokens import Doc, DocBin

    for doc in DocBin().from_disk(split).get_docs(nlp.vocab):
        yield Doc(nlp.vocab, words=[token.text for token in doc])


def show(scores: Mapping[str, list[dict[str, float]]], speeds: Mapping[str, list[float]]) -> None:
    """Prints a row for each encoder."""
    splits = list(next(iter(scores.values()))[0])
    heads = [*(f"{split} XPOS" for split in splits), "words/s", "one by one"]
    print(f"\n{'':20}" + "".join(f"{head:>16}" for head in heads))
    for name, every in scores.items():
        cells = []
        for split in splits:
            found = [one[split] for one in every]
            spread = statistics.stdev(found) if len(found) > 1 else 0.0
            cells.append(f"{statistics.mean(found):.2f} ± {spread:.2f}")
        cells += [f"{speed:,.0f}" for speed in speeds[name]]
        print(f"{name:20}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    main()
