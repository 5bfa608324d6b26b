"""Linear classifiers over bags of words and bigrams, on the files that the recipes read.

    python benchmarks/linear.py --data DIR [--sets sst2 sst5 trec banking77 imdb]

TF-IDF of uni- and bigrams, 1 + ln of counts, lower case, under a logistic regression (scikit-learn,
which the `test` extra brings). The strength C of its regularisation is one of CHOICES: the best
on dev, or, where the files have no dev, the best in five-fold cross-validation of train; training
then uses train alone. On IMDB also NBSVM over bigrams as published (Wang & Manning 2012: smoothing 1,
C 1, interpolation .25; there 91.22). Test is scored once, and never looked at for a choice.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.svm import LinearSVC

CHOICES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TOKEN = r"\w+|[^\w\s]"


class Split(NamedTuple):
    """Texts and their labels."""

    texts: list[str]
    labels: list[str]


def lines(path: Path) -> list[str]:
    """The lines of a file, gzipped or not."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()


def label_last(path: Path) -> Split:
    """Lines of a text, a tab and a label."""
    rows = [line.rpartition("\t") for line in lines(path)]
    return Split([text for text, _, _ in rows], [label for _, _, label in rows])


def label_first(path: Path) -> Split:
    """Lines of a label, a space and a text."""
    rows = [line.partition(" ") for line in lines(path)]
    return Split([text for _, _, text in rows], [label for label, _, _ in rows])


def table(path: Path) -> Split:
    """A CSV file with a header: text, category."""
    rows = list(csv.reader(lines(path)))[1:]
    return Split([row[0] for row in rows], [row[1] for row in rows])


def reviews(path: Path) -> Split:
    """An archive with a file for each review, in the folders pos and neg."""
    texts, labels = [], []
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".txt"):
                texts.append(file.read().decode().replace("<br />", " "))
                labels.append(Path(member.name).parent.name)
    return Split(texts, labels)


SETS: dict[str, tuple[Callable[[Path], Split], str, str | None, str]] = {
    "sst2": (label_last, "cls_sst2/train.tsv.gz", "cls_sst2/dev.tsv", "cls_sst2/test.tsv.gz"),
    "sst5": (
        label_first,
        "cls_sst5/stsa.fine.train.gz",
        "cls_sst5/stsa.fine.dev",
        "cls_sst5/stsa.fine.test.gz",
    ),
    "trec": (label_first, "cls_trec/TREC.train.all.gz", None, "cls_trec/TREC.test.all"),
    "banking77": (table, "cls_banking77/train.csv.gz", None, "cls_banking77/test.csv.gz"),
    "imdb": (
        reviews,
        "cls_imdb/aclImdb_train_labelled.tar.xz",
        None,
        "cls_imdb/aclImdb_test_labelled.tar.xz",
    ),
}
"""How the files are read, and train, dev where there is one, and test."""


def logistic(strength: float) -> LogisticRegression:
    """A logistic regression: one for all classes, or of two."""
    return LogisticRegression(C=strength, max_iter=1000)


def regression(train: Split, dev: Split | None, test: Split) -> tuple[float, str]:
    """Test accuracy of TF-IDF and a logistic regression, and what was chosen."""
    grams = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=TOKEN)
    features: Any = grams.fit_transform(train.texts)

    def promise(strength: float) -> float:
        model = logistic(strength)
        if dev is None:
            return float(cross_val_score(model, features, train.labels, cv=5).mean())
        model.fit(features, train.labels)
        return float(model.score(grams.transform(dev.texts), dev.labels))

    found = {strength: promise(strength) for strength in CHOICES}
    best = max(found, key=lambda strength: found[strength])
    model = logistic(best).fit(features, train.labels)
    by = "cross-validation" if dev is None else "dev"
    chosen = f"C {best:g} by {by} ({100 * found[best]:.1f})"
    return float(model.score(grams.transform(test.texts), test.labels)), chosen


def bayes_svm(train: Split, test: Split) -> float:
    """Test accuracy of a support vector machine over log-count ratios, of two classes."""
    grams = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=TOKEN)
    features: Any = grams.fit_transform(train.texts).astype(np.float64)
    labels = np.array(train.labels)
    one, other = np.unique(labels)
    counts = [np.asarray(features[labels == label].sum(axis=0)).ravel() + 1 for label in (one, other)]
    ratio = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
    model = LinearSVC(C=1.0).fit(features.multiply(ratio).tocsr(), labels)
    weights = model.coef_[0]
    mixed = 0.75 * np.abs(weights).mean() + 0.25 * weights
    values = grams.transform(test.texts).multiply(ratio).tocsr() @ mixed + model.intercept_
    return float((np.where(values > 0, other, one) == np.array(test.labels)).mean())


def main() -> None:
    """Prints a line for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    given = parser.parse_args()
    print(f"{'set':12}{'model':24}{'test %':>7}  chosen")
    for name in given.sets:
        read, *places = SETS[name]
        train, dev, test = (read(given.data / place) if place else None for place in places)
        assert train and test
        started = time.perf_counter()
        score, chosen = regression(train, dev, test)
        took = f"{time.perf_counter() - started:.0f} s"
        print(f"{name:12}{'logistic regression':24}{100 * score:>7.2f}  {chosen}, {took}", flush=True)
        if name == "imdb":
            print(f"{name:12}{'NBSVM':24}{100 * bayes_svm(train, test):>7.2f}  as published")


if __name__ == "__main__":
    main()
