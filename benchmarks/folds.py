"""One recipe, one model for each fold of its data, and the mean of their scores.

    python benchmarks/folds.py recipes/protein-cb513.yaml --data DIR --out DIR
        [--folds 1,2] [--set KEY=VALUE ...]

The recipe's source is `folds`, or has settings `folds` and `fold`. Without `--folds`, all that it
has. Each fold is a run of its own in `--out`: a finished one is not trained again, and one that was
interrupted goes on.
"""

from __future__ import annotations

import argparse

from means import parsed, print_means

from seqkit.recipe import read_recipe


def folds(text: str) -> list[int]:
    """The numbers in a text such as 1,2."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Trains and scores what is missing, fold by fold, and prints the means."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=folds)
    given = parsed(__doc__, parser)
    data = read_recipe(given.recipe, values=given.set).data
    settings = {} if data is None else data.source.settings
    if settings.get("of") and "fold" in settings:
        every = range(1, settings["of"] + 1)
    elif settings.get("folds"):
        every = range(settings["folds"])
    else:
        parser.error(f"{given.recipe}: its source has no folds.")
    print_means(given, {str(fold): {"data.fold": fold} for fold in given.folds or every})


if __name__ == "__main__":
    main()
