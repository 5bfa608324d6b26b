"""Linear classifiers over bags of words and bigrams, on the data of classification recipes.

    python benchmarks/linear.py --data DIR recipes/sentiment-sst2.yaml recipes/sentiment-imdb.yaml

A multinomial logistic regression over TF-IDF of uni- and bigrams (1 + ln of counts, lower case),
and for two classes NBSVM over uni- and bigrams (Wang & Manning 2012, who have 91.22 on IMDB with
C 1 and interpolation .25); both by scikit-learn, which the `test` extra brings. Settings are those
of MODELS that are best on dev: the inverse strength C of the regularisation, and the interpolation
of NBSVM. Where dev is a share of train, the model is then trained on all of train; otherwise on
train alone. Test is scored once, and nothing is chosen by it.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from seqkit.carving import shares
from seqkit.data import read_rows, trained
from seqkit.recipe import Recipe, read_recipe

TOKEN = r"\w+|[^\w\s]"
Predict = Callable[[list[str]], np.ndarray]
"""The labels of texts."""


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


def regression(train: Split, strength: float) -> Predict:
    """A multinomial logistic regression over TF-IDF."""
    grams = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=TOKEN)
    model = LogisticRegression(C=strength, max_iter=1000)
    model.fit(grams.fit_transform(train.texts), train.labels)

    def predict(texts: list[str]) -> np.ndarray:
        return np.asarray(model.predict(grams.transform(texts)))

    return predict


def bayes_svm(train: Split, strength: float, share: float) -> Predict:
    """A linear support vector machine over the log-count ratios of naive Bayes, for two classes.

    share: of the machine's weights; the rest is their mean size, which is naive Bayes.
    """
    grams = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=TOKEN)
    features: Any = grams.fit_transform(train.texts).astype(np.float64)
    labels = np.array(train.labels)
    one, other = np.unique(labels)
    counts = [1 + np.asarray(features[labels == label].sum(axis=0))[0] for label in (one, other)]
    ratio = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
    model = LinearSVC(C=strength, dual=False).fit(features.multiply(ratio).tocsr(), labels)
    weights = model.coef_[0]
    mixed = ((1 - share) * np.abs(weights).mean() + share * weights) * ratio

    def predict(texts: list[str]) -> np.ndarray:
        values = grams.transform(texts) @ mixed + model.intercept_
        return np.asarray(np.where(values > 0, other, one))

    return predict


def accuracy(predict: Predict, split: Split) -> float:
    """The percentage of texts whose label is right."""
    return 100 * float((predict(split.texts) == np.array(split.labels)).mean())


MODELS: tuple[tuple[str, Callable[..., Predict], list[tuple[float, ...]]], ...] = (
    ("logistic regression", regression, [(1.0,), (4.0,), (16.0,), (64.0,)]),
    ("NBSVM", bayes_svm, list(itertools.product((0.001, 0.01, 0.1), (0.25, 1.0)))),
)
"""Name, model and the settings to choose from."""


def measure(path: Path, data: Path) -> None:
    """Prints the accuracies on one recipe's test split."""
    recipe = read_recipe(path, data=data)
    train, dev, test = (split(recipe, name, data) for name in ("train", "dev", "test"))
    whole = train
    if shares(trained(recipe).places):
        whole = Split(train.texts + dev.texts, train.labels + dev.labels)
    for name, fit, choices in MODELS:
        if fit is bayes_svm and len(set(train.labels)) != 2:
            continue
        started = time.perf_counter()
        found = {chosen: accuracy(fit(train, *chosen), dev) for chosen in choices}
        best = max(found, key=lambda chosen: found[chosen])
        score = accuracy(fit(whole, *best), test)
        told = f"{', '.join(map(str, best))} ({found[best]:.1f} on dev)"
        seconds = time.perf_counter() - started
        print(f"{recipe.name:22}{name:22}{score:>7.2f}  {told}, {seconds:.0f} s", flush=True)


def main() -> None:
    """Prints the accuracies for each recipe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipes", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    print(f"{'recipe':22}{'model':22}{'test %':>7}  settings")
    for path in given.recipes:
        measure(path, given.data)


if __name__ == "__main__":
    main()
