"""One recipe, one model for each language of its data, and the mean of their scores.

    python benchmarks/languages.py recipes/g2p-sigmorphon2020.yaml --data DIR --out DIR
        [--languages ady,hin] [--set KEY=VALUE ...]

The files of a language are named as those of the recipe, with the language in the place of the
recipe's own. Without `--languages`, all that the data has. Each language is a run of its own in
`--out`: a finished one is not trained again, and one that was interrupted goes on. Settings are
the same for all.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import yaml
from means import parsed, print_means

OWN = {"g2p-sigmorphon2020": "ice", "inflect-conll2017": "german"}
"""The language that stands in a recipe's paths."""
SPLITS = ("train", "dev", "test")


def files(recipe: Path) -> dict[str, str]:
    """The recipe's paths, with {} for the language."""
    data, own = yaml.safe_load(recipe.read_text(encoding="utf-8"))["data"], OWN[recipe.stem]
    return {name: data[name].removesuffix(".gz").replace(own, "{}") for name in SPLITS}


def languages(train: str, data: Path) -> list[str]:
    """All whose training file is there."""
    before, after = train.split("{}")
    found = (path.relative_to(data).as_posix() for path in data.glob(f"{before}*{after}*"))
    names = {path.removesuffix(".gz") for path in found}
    return sorted(name[len(before) : -len(after)] for name in names if name.endswith(after))


def paths(named: Mapping[str, str], language: str, data: Path) -> dict[str, str]:
    """The files of a language, packed or not."""
    plain = {f"data.{name}": path.format(language) for name, path in named.items()}
    return {key: path if (data / path).exists() else f"{path}.gz" for key, path in plain.items()}


def arguments() -> argparse.Namespace:
    """What the command line asks for; `named` are the files, `languages` those that are there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--languages", type=lambda given: given.split(","))
    given = parsed(__doc__, parser)
    if given.recipe.stem not in OWN:
        parser.error(f"{given.recipe}: knows the languages of {', '.join(OWN)} alone.")
    given.named = files(given.recipe)
    there = languages(given.named["train"], given.data)
    given.languages = there if given.languages is None else given.languages
    lacking = [language for language in given.languages if language not in there]
    if lacking or not there:
        parser.error(f"{given.data}: has no files of {', '.join(lacking) or given.recipe.stem}.")
    return given


def main() -> None:
    """Trains and scores what is missing, language by language, and prints the means."""
    given = arguments()
    rows = {one: paths(given.named, one, given.data) for one in given.languages}
    print_means(given, rows)


if __name__ == "__main__":
    main()
