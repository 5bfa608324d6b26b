"""The host side of the decoder that labels whole texts: golds to arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.errors import DataError
from seqkit.stages import Example, Learnt
from seqkit_labels.gold import counted, cut

UNSEEN = -1
WHO = "classifier"


class TextLabels:
    """Golds of texts: one label each, or a list of them each.

    After ready: labels with their counts, the commonest first, in how many texts, and whether a
    text may have several.
    """

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The labels and the form of the golds. Raises DataError where they teach nothing."""
        counts: Counter[str] = Counter()
        several: bool | None = None
        number = 0
        for number, example in enumerate(examples, 1):
            where = f"{WHO}: train: example {number}"
            listed = is_list(example.gold)
            if several is not None and listed != several:
                raise DataError(
                    f"{where} has {form(listed)}, but those before have {form(several)}. Give one."
                )
            several = listed
            counts.update(labels_of(example.gold, where, listed))
        check_counts(counts, number, bool(several))
        ranked = sorted(counts, key=lambda label: (-counts[label], label))
        return {
            "labels": ranked,
            "counts": [counts[label] for label in ranked],
            "texts": number,
            "several": bool(several),
        }

    def ready(self, learnt: Learnt) -> None:
        """Takes over what fit found."""
        self.labels, self.counts = list(learnt["labels"]), list(learnt["counts"])
        self.texts, self.several = int(learnt["texts"]), bool(learnt["several"])
        self.index = {label: index for index, label in enumerate(self.labels)}

    def read(self, example: Example) -> list[str]:
        """The gold labels of a text, sorted. Raises DataError where they cannot be read."""
        return labels_of(example.gold, WHO, self.several)

    def prepare(self, example: Example) -> dict[str, np.ndarray]:
        """label: a scalar, or labels [label] where a text may have several.

        UNSEEN where training had no such label. Raises DataError.
        """
        if example.gold is None:
            return {}
        found = np.array([self.index.get(label, UNSEEN) for label in self.read(example)], np.int32)
        return {"labels": found} if self.several else {"label": found.reshape(())}

    def names(self, arrays: Mapping[str, np.ndarray]) -> list[str]:
        """The labels in what `prepare` gives, those that training has not seen left out."""
        found = arrays["labels" if self.several else "label"].reshape(-1).tolist()
        return [self.labels[index] for index in found if index != UNSEEN]


def is_list(gold: Any) -> bool:
    """Whether a gold lists labels."""
    return isinstance(gold, Sequence) and not isinstance(gold, str | bytes)


def form(several: bool) -> str:
    """How a message calls golds."""
    return "a list of labels" if several else "one label"


def check_counts(counts: Counter[str], texts: int, several: bool) -> None:
    """Raises DataError where all texts have the same labels."""
    if several and any(count < texts for count in counts.values()):
        return
    if not several and len(counts) > 1:
        return
    only = "there is no label"
    if counts:
        names = ", ".join(f"'{label}'" for label in sorted(counts)[:3])
        only = f"every text has {names}" if several else f"the only label is {names}"
    raise DataError(
        f"{WHO}: {only} in {counted(texts, 'training example')}, so there is nothing to learn. "
        "Check which field data.gold names."
    )


def labels_of(gold: Any, where: str, several: bool) -> list[str]:
    """The labels of a text, sorted. Raises DataError where the gold is something else."""
    if not several:
        return [label_of(gold, where)]
    if not is_list(gold):
        raise DataError(
            f"{where}: the gold is {cut(repr(gold))}, but the model has learnt from lists of "
            "labels. Give a list."
        )
    found = [label_of(one, where) for one in gold]
    twice = [label for label, count in Counter(found).items() if count > 1]
    if twice:
        raise DataError(
            f"{where}: the gold lists '{cut(twice[0])}' twice, but a text has it or has it not. "
            "Give a set of labels; where they are one a word, decode with `tagger`."
        )
    return sorted(found)


def label_of(gold: Any, where: str) -> str:
    """A gold as a label: a string, or a whole number. Raises DataError for anything else."""
    if isinstance(gold, str | int | np.integer):
        if not str(gold).strip():
            raise DataError(f"{where}: the label is empty. Give it one, or leave the example out.")
        return str(gold)
    if gold is None:
        raise DataError(f"{where} has no gold. Name the field of the label under data.gold.")
    raise DataError(
        f"{where}: the gold is {cut(repr(gold))}, but a text takes one label or a list of labels, "
        "each a string or a whole number. Name another field under data.gold."
    )
