"""Linear classifiers over bags of words and bigrams, on the data of classification recipes.

    python benchmarks/linear.py --data DIR recipes/sentiment-sst2.yaml recipes/sentiment-imdb.yaml

TF-IDF of uni- and bigrams, 1 + ln of counts, lower case, under a multinomial logistic regression
(scikit-learn, which the `test` extra brings). The inverse strength C of its regularisation is the
one of CHOICES that is best on dev. Where dev is a share of train, the classifier is then trained on
all of train; otherwise on train alone. Where there are two classes, also NBSVM over uni- and
bigrams with its published settings (Wang & Manning 2012: smoothing 1, C 1, interpolation .25; 91.22
on IMDB), trained on the same. Test is scored once, and nothing is chosen by it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from seqkit.carving import shares
from seqkit.data import read_rows, trained
from seqkit.recipe import Recipe, read_recipe

CHOICES = (1.0, 4.0, 16.0, 64.0)
TOKEN = r"\w+|[^\w\s]"


class Split(NamedTuple):
    """Texts and their labels."""

    texts: list[str]
    labels: list[str]


def split(recipe: Recipe, name: str, data: Path) -> Split:
    """A split of a recipe's data."""
    settings = trained(recipe)
    [text], gold = settings.text.values(), settings.gold
    assert isinstance(gold, str), "linear.py reads recipes with one gold"
    rows = list(read_rows(settings, name, data))
    return Split([row[text] for row in rows], [row[gold] for row in rows])


def regression(train: Split, strength: float) -> tuple[TfidfVectorizer, LogisticRegression]:
    """TF-IDF and the logistic regression over it."""
    grams = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=TOKEN)
    model = LogisticRegression(C=strength, max_iter=1000)
    features = grams.fit_transform(train.texts)
    return grams, model.fit(features, train.labels)


def score(found: tuple[TfidfVectorizer, LogisticRegression], test: Split) -> float:
    """The accuracy of TF-IDF and a model, in percent."""
    grams, model = found
    return 100 * float(model.score(grams.transform(test.texts), test.labels))


def bayes_svm(train: Split, test: Split) -> float:
    """The accuracy of a support vector machine over log-count ratios, in percent; two classes."""
    grams = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=TOKEN)
    features: Any = grams.fit_transform(train.texts).astype(np.float64)
    labels = np.array(train.labels)
    one, other = np.unique(labels)
    counts = [1 + np.asarray(features[labels == label].sum(axis=0))[0] for label in (one, other)]
    ratio = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
    model = LinearSVC(C=1.0).fit(features.multiply(ratio).tocsr(), labels)
    weights = model.coef_[0]
    mixed = 0.75 * np.abs(weights).mean() + 0.25 * weights
    values = grams.transform(test.texts).multiply(ratio).tocsr() @ mixed + model.intercept_
    return 100 * float((np.where(values > 0, other, one) == np.array(test.labels)).mean())


def measure(path: Path, data: Path) -> None:
    """Prints the accuracies on one recipe's test split."""
    started = time.perf_counter()
    recipe = read_recipe(path, data=data)
    train, dev, test = (split(recipe, name, data) for name in ("train", "dev", "test"))
    found = {strength: score(regression(train, strength), dev) for strength in CHOICES}
    best = max(found, key=lambda strength: found[strength])
    if shares(trained(recipe).places):
        train = Split(train.texts + dev.texts, train.labels + dev.labels)
    accuracy = score(regression(train, best), test)
    chosen = f"C {best:g} ({found[best]:.1f} on dev), {time.perf_counter() - started:.0f} s"
    print(f"{recipe.name:22}{'logistic regression':22}{accuracy:>7.2f}  {chosen}", flush=True)
    if len(set(train.labels)) == 2:
        print(f"{recipe.name:22}{'NBSVM':22}{bayes_svm(train, test):>7.2f}", flush=True)


def main() -> None:
    """Prints the accuracies for each recipe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipes", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    print(f"{'recipe':22}{'model':22}{'test %':>7}")
    for path in given.recipes:
        measure(path, given.data)


if __name__ == "__main__":
    main()
