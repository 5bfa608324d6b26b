"""Tagging: saved runs of seqkit against bare torch and other toolkits' taggers, in one run.

    seqkit run recipes/pos-ewt.yaml --data DIR --out RUN
    python benchmarks/predict.py --data DIR --prepare --peers flair,stanza,spacy,spacy_bilstm
    python benchmarks/predict.py --data DIR --run RUN [RUN ...] [--threads 1] [--rounds 3]
        [--peers flair,stanza,spacy,spacy_bilstm] [--environments DIR]

Words in, universal tags out, on the dev and test splits of UD English-EWT (50,241 words), in fp32.
The bare loop reads a run's weights from their file and imports no seqkit; it must give the same
tags. The other toolkits' taggers are trained once, by --prepare, on the same train split without
other resources, each in an environment of its own; Flair and Stanza for a few epochs, spaCy to
convergence.

Every row is a process of its own with that many threads; load time and peak memory are that
process's. `first` is the first pass, which is what text that comes once costs; `again` is the best
of three later passes. Ratios are to the first run of seqkit, within a round; medians over rounds
are shown. `cores` is how many processors the process had: where it is below the threads, something
else ran. Accuracy is on test.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from environments import folder_argument, models, peers_argument, run_peer
from measuring import (
    Measured,
    Round,
    Tag,
    failures,
    in_process,
    median,
    ratio,
    report,
    tag_speed,
)
from sentences import load, treebank

HOURS = 3600.0


def bare(run: Path) -> Tag:
    """A run's model in bare torch."""
    from bare_run import BareRun

    return BareRun(run)


def ours(run: Path) -> Tag:
    """The same by seqkit."""
    import seqkit

    pipeline = seqkit.load(run)
    return lambda texts: [answers["upos"]["value"] for answers in pipeline(texts)]


ROWS = {"seqkit": ours, "bare loop": bare}


def prepare(given: argparse.Namespace) -> None:
    """Trains the peers' taggers that are not there yet, one after the other, with one thread."""
    for peer in given.peers:
        if (models(given.environments) / peer / "prepared.json").exists():
            print(f"{peer}: is prepared")
            continue
        found = run_peer(peer, "prepare", given.data, given.environments, 1, limit=3 * HOURS)
        told = f"{found['how']}, {found['minutes']:.0f} min" if "how" in found else found["failed"]
        print(f"{peer}: {told}", flush=True)


def one_round(given: argparse.Namespace, threads: int) -> Iterator[tuple[str, Measured]]:
    """Every row once, each in a process of its own."""
    for run in given.run:
        for row in ROWS:
            command = [sys.executable, __file__, "--row", row, "--run", str(run)]
            name = f"{row}, {run.name}"
            yield name, in_process([*command, "--data", str(given.data)], threads)
    for peer in given.peers:
        yield peer, run_peer(peer, "tag", given.data, given.environments, threads)


def table(rounds: Sequence[Round], threads: int) -> None:
    """Prints the medians of speeds, ratios, load times and peak memory."""
    width = 2 + max(map(len, rounds[0]))
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, median of {len(rounds)} rounds")
    head = f"{'first':>9}{'ratio':>7}{'again':>9}{'ratio':>7}{'load s':>8}{'MB':>6}{'cores':>7}"
    print(f"{'':{width}}{head}{'accuracy':>10}")
    failed, base = failures(rounds), next(iter(rounds[0]))
    for row, measured in rounds[0].items():
        if row in failed:
            print(f"{row:{width}}  failed: {failed[row]}")
            continue
        cells = f"{row:{width}}"
        for what in ("first", "again"):
            share = "-" if base in failed else f"{ratio(rounds, row, base, what):.2f}"
            cells += f"{median(rounds, row, what):>9,.0f}{share:>7}"
        cells += f"{median(rounds, row, 'load'):>8.2f}{median(rounds, row, 'memory'):>6.0f}"
        cells += f"{median(rounds, row, 'cores'):>7.2f}"
        print(f"{cells}{measured['accuracy']:>10.2f}  {measured.get('how', '')}")


def same_tags(rounds: Sequence[Round], runs: Sequence[Path]) -> None:
    """Prints whether seqkit and the bare loop gave the same tags, for each run that both read."""
    for run in runs:
        names = [f"{row}, {run.name}" for row in ROWS]
        tags = {found[name].get("tags") for found in rounds for name in names}
        if None not in tags:
            print(f"{run.name}: the same tags from both: {'yes' if len(tags) == 1 else 'NO'}")


def main() -> None:
    """Measures all rows, or, in a process of its own, one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, nargs="+", default=[])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--prepare", action="store_true", help="train the peers' taggers first")
    parser.add_argument("--row", choices=list(ROWS), help="this row alone, in this process")
    peers_argument(parser)
    folder_argument(parser)
    given = parser.parse_args()
    given.data, given.run = given.data.resolve(), [run.resolve() for run in given.run]
    if given.row:
        dev, test = (load(treebank(given.data, split)) for split in ("dev", "test"))
        report(tag_speed(lambda: ROWS[given.row](given.run[0]), dev + test, len(test)))
        return
    if given.prepare:
        prepare(given)
    for threads in given.threads if given.run else ():
        rounds = [dict(one_round(given, threads)) for _ in range(given.rounds)]
        table(rounds, threads)
        same_tags(rounds, given.run)


if __name__ == "__main__":
    main()
