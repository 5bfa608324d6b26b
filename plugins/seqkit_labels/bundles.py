"""The host side of the decoder of features: bundles such as `Case=Nom|Number=Sing` to arrays.

A word's bundle is written as in Universal Dependencies: features are sorted by their names, upper
and lower case alike, and a word without any has `_`. A value of several, such as `Acc,Dat`, counts
as a value of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.inputs import input_name
from seqkit.stages import Answer, Example, Frames, Learnt, Pieces
from seqkit_labels import gold as golds
from seqkit_labels.descriptions import with_counts
from seqkit_labels.words import UNSEEN, Speaker, one_piece_a_word, positions

WHO = "features"
NOTHING = "_"
ABSENT = ""
"""The value of a feature that a word has not."""
Bundle = Mapping[str, str]


def parse(text: str, where: str) -> dict[str, str]:
    """The features of a bundle by name. Raises DataError where it is not written as one."""
    found: dict[str, str] = {}
    for part in text.split("|") if text != NOTHING else ():
        name, equals, value = part.partition("=")
        if not name or not equals or not value or "=" in value:
            raise DataError(
                f"{where}: the bundle {golds.quoted(text)} has {golds.quoted(part)} where a "
                "Name=Value should stand. Write Name=Value|Name=Value, or _ for none."
            )
        if name in found:
            raise DataError(
                f"{where}: the bundle {golds.quoted(text)} has {golds.quoted(name)} twice. Give it "
                "one value."
            )
        found[name] = value
    return found


def write(bundle: Bundle) -> str:
    """A bundle as Universal Dependencies write it."""
    return "|".join(f"{name}={bundle[name]}" for name in ordered(bundle)) or NOTHING


def ordered(names: Iterable[str]) -> list[str]:
    """Names of features in the order of Universal Dependencies."""
    return sorted(names, key=lambda name: (name.lower(), name))


def ranked(counts: Counter[str]) -> list[str]:
    """Values by how often they occur."""
    return sorted(counts, key=lambda value: (-counts[value], value))


class Bundles:
    """Golds, arrays and answers of a decoder of features.

    After ready: values, by feature in the order of bundles: ABSENT, then the values of the training
    split, the commonest first.
    """

    def __init__(self, *, over: str | None, word: Speaker) -> None:
        self.over, self.word = over, word
        self.along_time: frozenset[str] = frozenset()

    def source(self, example: Example) -> Pieces | Frames:
        """The input whose words are described."""
        return example.inputs[input_name(WHO, example.inputs, self.over)]

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The features and their values. Raises DataError where golds are no bundles."""
        reading, aligned = golds.Reading(WHO), True
        counts: dict[str, Counter[str]] = {}
        for number, example in enumerate(examples, 1):
            source, where = self.source(example), f"{WHO}: train: example {number}"
            if example.gold is not None:
                refuse_spans(example.gold, where)
            reading.add(example.gold, source)
            aligned = aligned and one_piece_a_word(source)
            for bundle in parsed(reading.tags[-1], source, where):
                for name, value in bundle.items():
                    counts.setdefault(name, Counter())[value] += 1
        reading.finish()
        values = {name: ranked(found) for name, found in counts.items()}
        return {"values": values, "aligned": aligned}

    def ready(self, learnt: Learnt) -> None:
        """Takes over what fit found."""
        self.values = {
            name: [ABSENT, *learnt["values"][name]] for name in ordered(learnt["values"])
        }
        self.index = {
            (name, value): place
            for name, values in self.values.items()
            for place, value in enumerate(values)
        }
        arrays = ["labels", "shift", *(["owner"] if self.word == "mean" else [])]
        self.along_time = frozenset(arrays if learnt["aligned"] else [])

    def read(self, example: Example) -> list[dict[str, str]]:
        """The bundles of an example's words. Raises DataError."""
        source = self.source(example)
        if example.gold is not None:
            refuse_spans(example.gold, WHO)
        return list(parsed(golds.read(example.gold, source, "labels", WHO), source, WHO))

    def prepare(self, example: Example) -> dict[str, np.ndarray]:
        """Positions of the words, as of `WordLabels`, and the values of their features.

        labels [word feature]: indices into `values`; all are UNSEEN for a word with a feature or a
        value that training has not seen.
        """
        arrays = positions(self.source(example), self.word)
        if example.gold is not None:
            bundles = self.read(example)
            labels = np.full((len(bundles), len(self.values)), UNSEEN, np.int32)
            for row, bundle in zip(labels, bundles, strict=True):
                if all(pair in self.index for pair in bundle.items()):
                    row[:] = [self.index[name, bundle.get(name, ABSENT)] for name in self.values]
            arrays["labels"] = labels
        return arrays

    def gold(self, example: Example) -> Answer:
        """An example's gold as an answer: the bundle of each word, its features in order."""
        return {"value": [write(bundle) for bundle in self.read(example)]}

    def bundle(self, row: Sequence[int]) -> dict[str, str]:
        """The features that indices of values stand for."""
        pairs = zip(self.values.items(), row, strict=True)
        return {name: values[place] for (name, values), place in pairs if place}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many features, values and bundles there are; what training has not seen."""
        every = [bundle for example in examples for bundle in self.read(example)]
        whole = Counter(map(write, every))
        words = golds.counted(len(every), "word")
        if split == "train":
            values = sum(map(len, self.values.values())) - len(self.values)
            [(most, count)] = whole.most_common(1)
            shown = ", ".join(list(self.values)[:8]) + (", …" if len(self.values) > 8 else "")
            return [
                Finding(
                    f"{golds.counted(len(self.values), 'feature')} ({shown}) with "
                    f"{golds.counted(values, 'value')} in {golds.counted(len(whole), 'bundle')} on "
                    f"{words}"
                ),
                Finding(f"{most} alone is right for {count / len(every):.1%} of the words"),
            ]
        pairs = [[pair for pair in bundle.items() if pair not in self.index] for bundle in every]
        strange = Counter(f"{name}={value}" for new in pairs for name, value in new)
        if not strange:
            return []
        count = sum(map(bool, pairs))
        have = "has a value" if count == 1 else "have values"
        told = f"{golds.counted(count, 'word')} {have} that training has not seen: "
        return [Finding(f"{told}{with_counts(strange)}. They count as wrong", "warning")]


def refuse_spans(gold: object, where: str) -> None:
    """Raises DataError for a gold of spans."""
    if golds.form_of(gold, where) == "spans":
        raise DataError(
            f"{where}: the gold has spans, but each word takes a bundle such as "
            "Case=Nom|Number=Sing. Name another field under data.gold."
        )


def parsed(
    tags: Sequence[golds.Label], source: Pieces | Frames, where: str
) -> Iterator[dict[str, str]]:
    """The bundles of words. Raises DataError with the word where one is not written as a bundle."""
    golds.refuse_gap(tags, source, where, "each word has its features: '_' stands for none")
    for place, tag in enumerate(golds.given_labels(tags)):
        yield parse(tag, f"{where}, {golds.word_at(place, source)}")
