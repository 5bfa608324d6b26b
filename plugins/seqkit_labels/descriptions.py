"""What decoders of labels say of their examples: counts, and what is rare, unseen or illegal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.abilities import Finding
from seqkit.stages import Example
from seqkit_labels.gold import counted, cut, given_labels, quoted, spans_of_words, text_of
from seqkit_labels.schemes import OUTSIDE, convert, illegal, parts, spans

if TYPE_CHECKING:
    from seqkit.stages import Frames, Pieces
    from seqkit_labels.gold import Label
    from seqkit_labels.words import WordLabels

FEW = 5
"""A label with fewer examples is hardly learnt."""
STRAY = 0.25
"""Share of rare labels up to which they may be mistakes; with more, the labels have a long tail."""
ROOM = 160
"""Characters of labels that are listed."""
EXAMPLES = 3
WIDE = 60
"""Characters of an example that are shown."""


class Survey:
    """What stands in the word labels of one split.

    tags: labels as the file has them, with how often they occur; classes: labels, or those of spans
    where there is a scheme. unseen: labels that the decoder has not learnt, `unanswerable` the
    number of examples with one. broken: tags that may not stand where they do, `place` the first.
    """

    def __init__(self, words: WordLabels, examples: Iterable[Example]) -> None:
        self.scheme = words.file_scheme
        self.tags: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.unseen: Counter[str] = Counter()
        self.unanswerable = self.broken = 0
        self.place = ""
        for number, example in enumerate(examples, 1):
            tags = given_labels(words.read(example))
            learnt = convert(tags, words.scheme) if words.scheme else tags
            self.tags.update(tags)
            unseen = [tag for tag in learnt if tag not in words.index]
            self.unseen.update(unseen)
            self.unanswerable += bool(unseen)
            if self.scheme:
                self.classes.update(label for _, _, label in spans(tags))
                self.check(tags, self.scheme, number, words.source(example))
        if not self.scheme:
            self.classes = self.tags

    def check(self, tags: Sequence[str], scheme: str, number: int, source: Pieces | Frames) -> None:
        """Counts the tags of one example that break the scheme."""
        wrong = illegal(tags, scheme)
        if wrong and not self.broken:
            at = wrong[0]
            before = f"after {tags[at - 1]}" if at else "at the start"
            if at < len(tags):
                start, end = spans_of_words(source)[at].tolist()
                word = text_of(source)[start:end]
                named = f"word {at + 1}{f' {word!r}' if word else ''}"
                self.place = f"example {number:,}, {named}: {tags[at]} {before}"
            else:
                self.place = f"example {number:,}: its end {before}"
        self.broken += len(wrong)


def describe_words(words: WordLabels, examples: Iterable[Example], split: str) -> list[Finding]:
    """What a decoder that labels words says of a split."""
    every = list(examples)
    survey = Survey(words, every)
    found: list[Finding] = []
    if split != "train":
        known = {parts(label)[1] for label in words.labels if parts(label)[0] != OUTSIDE}
        found += (
            held_out(survey.classes, known, "span")
            if survey.scheme
            else held_out(survey.classes, words.index, "word")
        )
        found += unseen(survey.unseen, "word", survey.unanswerable)
    elif survey.scheme:
        learnt = f", learnt as {words.scheme}" if words.scheme != survey.scheme else ""
        found.append(told_spans(survey.classes, survey.tags, f"{survey.scheme}{learnt}"))
        found += suspicious(survey.classes, "span")
    else:
        found.append(told_labels(survey.tags, "word"))
        found += [*tag_like(survey.tags), *suspicious(survey.tags, "word")]
    found += spaced(survey.tags)
    if survey.broken:
        tags = "1 tag breaks" if survey.broken == 1 else f"{survey.broken:,} tags break"
        told = f"{tags} {survey.scheme}, the first in {survey.place}. Read as conlleval does"
        found.append(Finding(f"{told}: a span begins where none goes on", "warning"))
    if split == "train":
        found += [Finding(f"example: {line}") for line in islice(decoded(words, every), EXAMPLES)]
    return found


def describe_texts(
    golds: Sequence[Sequence[str]],
    decoded: Iterable[tuple[Pieces | Frames, Sequence[str]]],
    known: Collection[str],
    split: str,
) -> list[Finding]:
    """What a decoder that labels whole texts says of a split.

    golds: the labels of each text. decoded: texts with the labels that come back from the decoder's
    own arrays, of which only a few are drawn. known: the labels that it has learnt.
    """
    classes = Counter(label for labels in golds for label in labels)
    if split != "train":
        new = Counter({label: count for label, count in classes.items() if label not in known})
        texts = sum(any(label in new for label in labels) for labels in golds)
        return [*held_out(classes, known, "text"), *unseen(new, "text", texts)]
    return [
        told_sets(classes, golds) if several(golds) else told_labels(classes, "text"),
        *suspicious(classes, "text"),
        *(Finding(f"example: {line}") for line in islice(map(answered, decoded), EXAMPLES)),
    ]


def several(golds: Sequence[Sequence[str]]) -> bool:
    """Whether a text may have more than one label, or none."""
    return any(len(labels) != 1 for labels in golds)


def told_sets(classes: Counter[str], golds: Sequence[Sequence[str]]) -> Finding:
    """Labels with their counts where a text may have several."""
    none = sum(not labels for labels in golds)
    return Finding(
        f"{counted(len(classes), 'label')} on {counted(len(golds), 'text')}, "
        f"{classes.total() / len(golds):.2f} a text and none on {none:,}: {table(classes)}"
    )


def told_labels(labels: Counter[str], unit: str) -> Finding:
    """Labels with their counts, and what always giving the commonest would score."""
    name, share = commonest(labels)
    return Finding(
        f"{counted(len(labels), 'label')} on {counted(labels.total(), unit)}; {name} alone is "
        f"right for {share}: {table(labels)}"
    )


def told_spans(classes: Counter[str], tags: Counter[str], scheme: str) -> Finding:
    """The labels of spans with their counts, and what always giving the commonest tag would score.

    scheme: of the file, and as what it is learnt.
    """
    name, share = commonest(tags)
    return Finding(
        f"{counted(classes.total(), 'span')} in {scheme}; {name} alone is right for {share} of "
        f"{counted(tags.total(), 'word')}: {table(classes)}"
    )


def commonest(labels: Counter[str]) -> tuple[str, str]:
    """The commonest label and its share."""
    [(name, count)] = labels.most_common(1)
    return name, f"{100 * count / labels.total():.1f}%"


def table(labels: Counter[str]) -> str:
    """Labels with their counts, the commonest first, and the rarest."""
    ranked = labels.most_common()
    shown = listed([f"{name or 'no label'} {count:,}" for name, count in ranked])
    name, count = ranked[-1]
    return f"{shown}, down to {name} {count:,}" if shown.endswith(" more") else shown


def listed(items: Sequence[str]) -> str:
    """As many items as there is room for, at least one, and how many more there are."""
    ends = accumulate(len(item) + 2 for item in items)
    most = max(1, sum(end <= ROOM for end in ends))
    shown = ", ".join(items[:most])
    return f"{shown} and {len(items) - most:,} more" if len(items) > most else shown


def with_counts(labels: Counter[str], least_first: bool = False) -> str:
    """`X (2), Y (1)`."""
    ranked = labels.most_common()[::-1] if least_first else labels.most_common()
    return listed([f"{name} ({count:,})" for name, count in ranked])


def suspicious(classes: Counter[str], unit: str) -> Iterator[Finding]:
    """Labels of train that are rare, or nearly the same."""
    rare = Counter({name: count for name, count in classes.items() if count < FEW})
    if rare:
        stray = len(rare) <= max(1, STRAY * len(classes))
        yield Finding(
            f"{len(rare):,} of {counted(len(classes), 'label')} on fewer than {FEW} {unit}s: "
            f"{with_counts(rare, least_first=True)}",
            "warning" if stray else "note",
        )
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault(" ".join(name.casefold().split()), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            shown = ", ".join(f"{name!r} ({classes[name]:,})" for name in names)
            yield Finding(f"labels that differ by case or white space alone: {shown}", "warning")


def spaced(tags: Counter[str]) -> Iterator[Finding]:
    """Labels of words with white space in them: a column too many, or a wrong delimiter."""
    wrong = Counter({name: count for name, count in tags.items() if name.split() != [name]})
    if wrong:
        name, count = wrong.most_common(1)[0]
        yield Finding(
            f"{counted(len(wrong), 'label')} with white space inside, such as {name!r} "
            f"({count:,}). Check that the columns are split where they should be",
            "warning",
        )


def tag_like(labels: Counter[str]) -> Iterator[Finding]:
    """Labels most of which are tags of spans, but not all: a scheme is not detected then."""
    tagged = [name for name in labels if parts(name)[1]]
    others = Counter({name: labels[name] for name in labels if name not in (*tagged, OUTSIDE)})
    if len(tagged) > 1 and sum(labels[name] for name in tagged) > others.total():
        why = f"no scheme has {with_counts(others)}" if others else "no scheme has all of them"
        yield Finding(
            f"the labels look like tags of spans, such as {tagged[0]}, but {why}: no spans are "
            "read",
            "warning",
        )


def held_out(classes: Counter[str], known: Collection[str], unit: str) -> Iterator[Finding]:
    """What a held-out split lacks."""
    absent = sorted(set(known) - set(classes))
    if not classes:
        yield Finding(f"there is no labelled {unit}", "warning")
    elif len(classes) == 1 and len(known) > 1:
        yield Finding(f"the only label is {next(iter(classes))!r}", "warning")
    elif absent:
        told = f"{len(absent):,} of {counted(len(known), 'label')} of train on no {unit}"
        yield Finding(f"{told}: {listed(absent)}")


def unseen(labels: Counter[str], unit: str, examples: int) -> Iterator[Finding]:
    """Labels that training has not seen."""
    if labels:
        where = f" in {counted(examples, 'example')}" if unit == "word" else ""
        count = labels.total() if unit == "word" else examples
        have = "has a label" if count == 1 else "have labels"
        yield Finding(
            f"{counted(count, unit)}{where} {have} that training has not seen: "
            f"{with_counts(labels)}. They count as wrong",
            "warning",
        )


def decoded(words: WordLabels, examples: Iterable[Example]) -> Iterator[str]:
    """Golds as they come back from the decoder's own arrays, those with spans where it has some."""
    for example in examples:
        labels = words.prepare(example)["labels"]
        [answer] = words.answers(labels[None], np.array([len(labels)]), None, [example])
        answer = {**answer, "value": completed(words.read(example), answer["value"])}
        if answer["spans"] if words.file_scheme else answer["value"]:
            yield cut(shown(answer, words.source(example)), WIDE)


def completed(gold: Sequence[Label], labels: Sequence[str]) -> list[str]:
    """Labels, and a ? for each word that has no gold."""
    return ["?" if wanted is None else label for wanted, label in zip(gold, labels, strict=True)]


def shown(answer: Mapping[str, Any], source: Pieces | Frames) -> str:
    """A text with its spans in brackets, or its words each with its label."""
    text, labels = text_of(source), answer["value"]
    if not text:
        return " ".join(labels)
    if "spans" in answer:
        return marked(text, answer["spans"])
    words = [text[start:end] for start, end in spans_of_words(source).tolist()]
    return " ".join(f"{word}/{label}" for word, label in zip(words, labels, strict=True))


def marked(text: str, every: Sequence[Sequence[Any]]) -> str:
    """`[EU] ORG rejects [German] MISC call`, from a little before the first span."""
    at = text.rfind(" ", 0, max(0, every[0][0] - WIDE // 3)) + 1
    made = "…" if at else ""
    for start, end, label in every:
        made += f"{text[at:start]}[{text[start:end]}] {label}"
        at = end
    return made + text[at:]


def answered(pair: tuple[Pieces | Frames, Sequence[str]]) -> str:
    """`'Show me flights' → flight`."""
    source, labels = pair
    text = text_of(source)
    given = quoted(text) if text else counted(len(source), "step")
    return f"{given} → {', '.join(labels)}"
