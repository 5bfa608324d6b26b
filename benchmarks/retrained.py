"""Other toolkits retrained on the very files of recipes/pos-ewt.yaml: all columns, gold words.

    python benchmarks/retrained.py --data DIR --peer udpipe [--environments DIR]

UDPipe 1 with its authors' settings for English, or spaCy's tagger and morphologizer with spaCy's
defaults, without vectors; one thread. Prints accuracy on test: universal tags, language-specific
tags, and features, of which the whole bundle must be right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from environments import folder_argument, run_peer

HOURS = 3600.0


def main() -> None:
    """Trains one toolkit and prints what it reaches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", choices=["udpipe", "spacy"], required=True)
    folder_argument(parser)
    given = parser.parse_args()
    data = given.data.resolve()
    found = run_peer(given.peer, "retrain", data, given.environments, 1, limit=6 * HOURS)
    if "failed" in found:
        raise SystemExit(f"{given.peer}: {found['failed']}")
    print(f"{'':10}{'UPOS':>7}{'XPOS':>7}{'UFeats':>8}{'minutes':>9}{'MB':>7}")
    scores = f"{found['upos']:>7.2f}{found['xpos']:>7.2f}{found['feats']:>8.2f}"
    print(f"{given.peer:10}{scores}{found['minutes']:>9.0f}{found['memory']:>7.0f}")


if __name__ == "__main__":
    main()
