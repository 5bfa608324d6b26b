"""Sources: CoNLL-U, CoNLL columns, JSON lines, CSV, TSV, plain text, and the Hub's local cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Name
from seqkit.stages import Source


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the sources."""
    register.source("conllu", conllu, files=True)
    register.source("conll", conll, rules=conll_rules, files=True)
    register.source("jsonl", jsonl, files=True)
    register.source("csv", csv, rules=table_rules, files=True)
    register.source("tsv", tsv, rules=table_rules, files=True)
    register.source("text", text, files=True)
    register.source("hub", hub)


def conllu() -> Source:
    """CoNLL-U treebanks (universaldependencies.org/format), plain or gzip, one row a sentence.

    Fields: id (the sent_id comment, else the sentence's number), text (the text comment, else the
    forms with spaces between), and form, lemma, upos, xpos, feats, head, deprel, deps, misc: lists
    with one item a syntactic word. head holds numbers, 0 for the root and -1 where the file has
    '_'; an '_' of another column stays. Multiword ranges (1-2) and empty nodes (8.1) are no words.
    """
    from seqkit_data.treebanks import Conllu

    return Conllu()


def conll(
    *, columns: list[str], delimiter: str | None = None, comment: str | None = None
) -> Source:
    r"""Columns of the CoNLL shared tasks, plain or gzip: a line a word, a blank line a sentence.

    Fields: one for each named column, a list with one item a word. A line that starts with
    -DOCSTART- ends a sentence and is dropped.

    columns: the columns' names in the file's order; '-' skips one.
    delimiter: what parts columns, such as "\t"; by default any run of spaces and tabs.
    comment: lines that start with this prefix are dropped; by default none is.
    """
    from seqkit_data.columns import Conll

    return Conll(columns, delimiter, comment)


def jsonl() -> Source:
    """JSON lines (jsonlines.org), plain or gzip: one object a line, its keys are the fields.

    Values may be nested. NaN and infinite numbers are refused; blank lines are skipped.
    """
    from seqkit_data.objects import JsonLines

    return JsonLines()


def csv(*, columns: list[str] | None = None) -> Source:
    """Comma-separated values (RFC 4180, with quotes), plain or gzip, one row a record.

    Fields: one text for each column. Blank lines are skipped.

    columns: the columns' names, where the file has no header row; '-' skips one.
    """
    from seqkit_data.tables import Csv

    return Csv(columns)


def tsv(*, columns: list[str] | None = None) -> Source:
    """Tab-separated values with no quoting, plain or gzip, one row a line.

    Fields: one text for each column. Blank lines are skipped.

    columns: the columns' names, where the file has no header row; '-' skips one.
    """
    from seqkit_data.tables import Tsv

    return Tsv(columns)


def text() -> Source:
    """Plain text, or gzip, one row a line, blank lines too.

    Fields: text (without the line's end) and line (its number, from 1).
    """
    from seqkit_data.texts import TextLines

    return TextLines()


def hub(*, dataset: Name, config: str | None = None, revision: str | None = None) -> Source:
    """A data set of the Hugging Face Hub, from this machine's cache; it never asks the network.

    Fetch it once with `hf download NAME --repo-type dataset`. data.train, data.dev and data.test
    name its splits; by default train, validation and test. Class numbers become class names, and
    None where the data set hides them.

    dataset: its name on the Hub, such as stanfordnlp/imdb.
    config: which of its configurations, where it has several.
    revision: a branch, tag or commit; by default main.
    """
    from seqkit_data.snapshots import HubDataset

    return HubDataset(dataset, config, revision)


def table_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses columns that name nothing, or one name twice."""
    columns = settings["columns"]
    if columns is None:
        return
    names = [name for name in columns if name != "-"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        yield "columns", "names no column. Name at least one."
    if twice:
        yield "columns", f"names '{twice[0]}' twice. Give each column its own name, or '-'."


def conll_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses wrong columns, and a delimiter or prefix that cannot be meant."""
    yield from table_rules(settings)
    if settings["delimiter"] == "":
        yield "delimiter", 'is empty. Leave it out for spaces and tabs, or write "\\t".'
    if settings["delimiter"] == "\\t":
        yield "delimiter", 'is a backslash and a t. Write "\\t", with double quotes, for a tab.'
    if settings["comment"] == "":
        yield "comment", "is empty, so that it would drop every line. Leave it out."
