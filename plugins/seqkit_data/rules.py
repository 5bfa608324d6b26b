"""What is wrong with the settings of sources, beyond their types."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from typing import Any

from seqkit.errors import nearest

ASCII = bytes(range(128))


def encoding_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses what is no encoding, or one in which a line feed is not one byte."""
    name = settings["encoding"]
    try:
        codecs.lookup(name)
        fits = ASCII.decode(name) == ASCII.decode("ascii")
    except (LookupError, ValueError):
        yield "encoding", f"names '{name}', no encoding of texts. Try utf-8, latin-1 or cp1252."
        return
    if not fits:
        yield "encoding", f"names '{name}', in which ASCII is not as it is. Convert to UTF-8."


def parallel_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses no files, and lists of fields that no file gives."""
    yield from encoding_rules(settings)
    names = settings["files"]
    if not names:
        yield "files", "names no file. Say {field: file}."
    for name in settings["split"]:
        if name not in names:
            yield "split", f"names '{name}', a field without a file. {nearest(name, names)}"
    if len(set(settings["split"])) != len(settings["split"]):
        yield "split", "names one field twice. Name each once."


def labelled_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses texts between parts that cannot be meant."""
    yield from encoding_rules(settings)
    yield from delimiter_rules(settings)
    if settings["coarse"] == "":
        yield "coarse", "is empty. Say what ends the coarse part of a label, or leave it out."


def folders_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses labels that name nothing, or one name twice."""
    yield from encoding_rules(settings)
    labels = settings["labels"]
    if labels is not None and not labels:
        yield "labels", "names no sub-folder. Leave it out for all."
    if labels is not None and len(set(labels)) != len(labels):
        yield "labels", "names one sub-folder twice. Name each once."


def table_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses wrong columns, and lists of columns that are not there."""
    yield from columns_rules(settings)
    columns = [name for name in settings["columns"] or () if name != "-"]
    for name in settings["split"]:
        if columns and name not in columns:
            yield "split", f"names '{name}', no column. {nearest(name, columns)}"


def columns_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses columns that name nothing, or one name twice."""
    yield from encoding_rules(settings)
    columns = settings["columns"]
    if columns is None:
        return
    names = [name for name in columns if name != "-"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        yield "columns", "names no column. Name at least one."
    if twice:
        yield "columns", f"names '{twice[0]}' twice. Give each column its own name, or '-'."


def delimiter_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses a delimiter that cannot be meant."""
    if settings["delimiter"] == "":
        yield "delimiter", 'is empty. Leave it out for spaces and tabs, or write "\\t".'
    if settings["delimiter"] == "\\t":
        yield "delimiter", 'is a backslash and a t. Write "\\t", with double quotes, for a tab.'


def conll_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses wrong columns, and a delimiter or prefixes that cannot be meant."""
    yield from columns_rules(settings)
    yield from delimiter_rules(settings)
    if settings["comment"] == "":
        yield "comment", "is empty, so that it would drop every line. Leave it out."
    columns = [name for name in settings["columns"] if name != "-"]
    for name in settings["prefix"]:
        if name not in columns:
            yield "prefix", f"names '{name}', which is no column. {nearest(name, columns)}"
