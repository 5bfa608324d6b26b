"""Settings of sources that cannot be meant, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest

from seqkit_data import rules

Problems = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("utf-8", ""),
        ("latin-1", ""),
        ("cp1252", ""),
        ("gb18030", ""),
        ("hex", "names 'hex', no encoding of texts. Try utf-8, latin-1 or cp1252."),
        ("utf8x", "names 'utf8x', no encoding of texts. Try utf-8, latin-1 or cp1252."),
        ("a\0b", "names 'a\0b', no encoding of texts. Try utf-8, latin-1 or cp1252."),
        ("utf-16-le", "names 'utf-16-le', in which ASCII is not as it is. Convert to UTF-8."),
        ("cp037", "names 'cp037', in which ASCII is not as it is. Convert to UTF-8."),
    ],
)
def test_an_encoding_is_one_of_texts_and_keeps_ascii(name: str, problem: str) -> None:
    found = list(rules.encoding_rules({"encoding": name}))
    assert found == ([("encoding", problem)] if problem else [])


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({"columns": ["a", "-", "-"]}, []),
        ({"columns": []}, [("columns", "names no column. Name at least one.")]),
        ({"columns": ["-"]}, [("columns", "names no column. Name at least one.")]),
        (
            {"columns": ["a", "b", "a"]},
            [("columns", "names 'a' twice. Give each column its own name, or '-'.")],
        ),
        (
            {"delimiter": ""},
            [("delimiter", 'is empty. Leave it out for spaces and tabs, or write "\\t".')],
        ),
        (
            {"delimiter": r"\t"},
            [("delimiter", 'is a backslash and a t. Write "\\t", with double quotes, for a tab.')],
        ),
        (
            {"comment": ""},
            [("comment", "is empty, so that it would drop every line. Leave it out.")],
        ),
        (
            {"columns": ["form", "-"], "prefix": {"from": "de:"}},
            [("prefix", "names 'from', which is no column. Did you mean 'form'?")],
        ),
        ({"prefix": {"-": "de:"}}, [("prefix", "names '-', which is no column. Known: a.")]),
    ],
)
def test_conll_refuses_settings_that_cannot_be_meant(
    settings: dict[str, Any], problems: Problems
) -> None:
    given: dict[str, Any] = {"columns": ["a"], "delimiter": None, "comment": None, "prefix": {}}
    assert list(rules.conll_rules({**given, "encoding": "utf-8", **settings})) == problems


def test_a_table_with_a_header_names_no_columns() -> None:
    given = {"columns": None, "split": ["a"], "encoding": "utf-8"}
    assert list(rules.table_rules(given)) == []


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({"coarse": ":"}, []),
        (
            {"coarse": "", "delimiter": ""},
            [
                ("delimiter", 'is empty. Leave it out for spaces and tabs, or write "\\t".'),
                (
                    "coarse",
                    "is empty. Say what ends the coarse part of a label, or leave it out.",
                ),
            ],
        ),
    ],
)
def test_labelled_refuses_empty_delimiters(settings: dict[str, Any], problems: Problems) -> None:
    given = {"delimiter": None, "coarse": None, "encoding": "utf-8"}
    assert list(rules.labelled_rules(given | settings)) == problems


@pytest.mark.parametrize(
    ("labels", "problems"),
    [
        (None, []),
        (["neg", "pos"], []),
        ([], [("labels", "names no sub-folder. Leave it out for all.")]),
        (["pos", "pos"], [("labels", "names one sub-folder twice. Name each once.")]),
    ],
)
def test_folders_refuses_labels_that_cannot_be_meant(
    labels: list[str] | None, problems: Problems
) -> None:
    assert list(rules.folders_rules({"labels": labels, "encoding": "utf-8"})) == problems


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({}, []),
        ({"files": {}}, [("files", "names no file. Say {field: file}.")]),
        (
            {"split": ["word"]},
            [("split", "names 'word', a field without a file. Did you mean 'words'?")],
        ),
        ({"split": ["words", "words"]}, [("split", "names one field twice. Name each once.")]),
    ],
)
def test_parallel_refuses_settings_that_cannot_be_meant(
    settings: dict[str, Any], problems: Problems
) -> None:
    given = {"files": {"words": "seq.in"}, "split": [], "encoding": "utf-8"}
    assert list(rules.parallel_rules(given | settings)) == problems
