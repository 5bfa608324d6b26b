"""Spoken digits of each speaker, by a model that has heard only the others, and the mean.

    python benchmarks/speakers.py recipes/speech-digits.yaml --data DIR --out DIR
        [--speakers theo,lucas] [--set KEY=VALUE ...]

Each speaker is a run of its own in `--out`: a finished one is not trained again, and one that was
interrupted goes on.
"""

from __future__ import annotations

import argparse

from means import parsed, print_means

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
"""Of the Free Spoken Digit Dataset."""


def main() -> None:
    """Trains and scores what is missing, speaker by speaker, and prints the means."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--speakers", type=lambda given: given.split(","), default=SPEAKERS)
    given = parsed(__doc__, parser)
    print_means(
        given, {name: {"data.splits": {"test": {"speaker": name}}} for name in given.speakers}
    )


if __name__ == "__main__":
    main()
