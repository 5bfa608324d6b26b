"""The factories of the sources."""

from __future__ import annotations

from typing import Literal

from seqkit.settings import Name
from seqkit.stages import Source

NONE: list[str] = []
NOTHING: dict[str, str] = {}


def conllu(*, segments: bool = False) -> Source:
    """CoNLL-U treebanks (universaldependencies.org/format), plain or gzip, one row a sentence.

    Fields: id (the sent_id comment, else the sentence's number), text (the text comment, else the
    tokens, with spaces but where SpaceAfter=No), and form, lemma, upos, xpos, feats, head, deprel,
    deps, misc: lists with one item a syntactic word. head holds numbers, 0 for the root and -1
    where the file has '_'; an '_' of another column stays. Multiword ranges (1-2) and empty nodes
    (8.1) are no words.

    segments: adds the field segments, the spans [start, end, "word"] of the tokens in text, for
        word segmentation; a multiword token is one. Each text must then be its tokens in order.
    """
    from seqkit_data.treebanks import Conllu

    return Conllu(segments)


def conll(
    *,
    columns: list[str],
    delimiter: str | None = None,
    comment: str | None = None,
    separators: list[Name] = NONE,
    prefix: dict[str, Name] = NOTHING,
    encoding: Name = "utf-8",
) -> Source:
    r"""Columns of the CoNLL shared tasks, plain or gzip: a line a word, a blank line a sentence.

    Fields: one for each named column, a list with one item a word. A line that starts with
    -DOCSTART- ends a sentence and is dropped.

    columns: the columns' names in the file's order; '-' skips one.
    delimiter: what parts columns, such as "\t"; by default any run of spaces and tabs.
    comment: lines that start with this prefix are dropped; by default none is.
    separators: lines that end a sentence as a blank one does, such as <end>.
    prefix: by column, what all its items begin with and lose, such as {form: "de:"}.
    encoding: of the text, such as latin-1.
    """
    from seqkit_data.columns import Conll

    return Conll(
        columns,
        delimiter=delimiter,
        comment=comment,
        separators=separators,
        prefix=prefix,
        encoding=encoding,
    )


def jsonl() -> Source:
    """JSON lines (jsonlines.org), plain or gzip: one object a line, its keys are the fields.

    Values may be nested. NaN and infinite numbers are refused; blank lines are skipped.
    """
    from seqkit_data.objects import JsonLines

    return JsonLines()


def csv(
    *, columns: list[str] | None = None, split: list[Name] = NONE, encoding: Name = "utf-8"
) -> Source:
    """Comma-separated values (RFC 4180, with quotes), plain or gzip, one row a record.

    Fields: one text for each column. Blank lines are skipped, and white space around the names of a
    header.

    columns: the columns' names, where the file has no header row; '-' skips one.
    split: columns whose cells are cut into lists at spaces and tabs, such as words and labels.
    encoding: of the text, such as latin-1.
    """
    from seqkit_data.tables import Csv

    return Csv(columns, split, encoding)


def tsv(
    *, columns: list[str] | None = None, split: list[Name] = NONE, encoding: Name = "utf-8"
) -> Source:
    """Tab-separated values with no quoting, plain or gzip, one row a line.

    Fields: one text for each column. Blank lines are skipped, and white space around the names of a
    header.

    columns: the columns' names, where the file has no header row; '-' skips one.
    split: columns whose cells are cut into lists at spaces, such as words and their labels.
    encoding: of the text, such as latin-1.
    """
    from seqkit_data.tables import Tsv

    return Tsv(columns, split, encoding)


def text(
    *, unit: Literal["line", "paragraph", "file"] = "line", encoding: Name = "utf-8"
) -> Source:
    """Plain text, or gzip, one row a line, blank lines too.

    Fields: text and line (the number of its first line, from 1). A line's own end is not in its
    text; those between the lines of a paragraph or a file are line feeds.

    unit: what makes a row: a line; a paragraph, which is lines without a blank one between them;
        or the whole file, for models that read on from line to line.
    encoding: of the text, such as latin-1.
    """
    from seqkit_data.texts import Texts

    return Texts(unit, encoding)


def labelled(
    *,
    label: Literal["first", "last"] = "first",
    delimiter: str | None = None,
    coarse: str | None = None,
    encoding: Name = "utf-8",
) -> Source:
    r"""Lines of a label and a text, such as `NUM:date When was Ozzy born ?`, plain or gzip.

    Fields: label and text. Blank lines are skipped.

    label: whether it is the first word of a line or the last one.
    delimiter: what parts label and text, such as "\t"; by default any run of spaces and tabs.
    coarse: ends the coarse part of a label, such as the ":" of NUM:date; it becomes the field
        coarse.
    encoding: of the text, such as latin-1.
    """
    from seqkit_data.texts import LabelledLines

    return LabelledLines(label == "first", delimiter, coarse, encoding)


def parallel(
    *, files: dict[str, Name], split: list[Name] = NONE, encoding: Name = "utf-8"
) -> Source:
    """Several files line by line in step, plain or gzip, one row a line: each file is a field.

    data.train, data.dev and data.test name a folder that holds the files, or else how the files'
    names begin: `train: multi30k/train` with `files: {en: .en, de: .de}`. A file that is not there
    is looked for with .gz. All files of a split have the same number of lines.

    files: by field, the name of a file in the folder, or the ending of its name.
    split: fields cut into lists at spaces and tabs, such as words and their labels: in each line
        all of them have one length. The others stay texts.
    encoding: of the text, such as latin-1.
    """
    from seqkit_data.aligned import Parallel

    return Parallel(files, split, encoding)


def folders(
    *,
    labels: list[Name] | None = None,
    replace: dict[Name, str] = NOTHING,
    encoding: Name = "utf-8",
) -> Source:
    """A file a text, in a sub-folder for each label: `pos/0_9.txt` (Maas et al. 2011).

    data.train, data.dev and data.test name a folder, or an archive (.tar, .tar.gz, .tar.xz or
    .tar.bz2), which is read in place; folders around the labels' may stand in it. Files beside the
    sub-folders, and names that begin with a dot, are not read.

    Fields: text, label, and name (label/file). Labels take turns, each in the order of its names.

    labels: the sub-folders to read; by default all.
    replace: texts by what takes their place, such as {"<br />": " "}.
    encoding: of the texts, such as latin-1.
    """
    from seqkit_data.documents import Folders

    return Folders(labels, replace, encoding)


def squad() -> Source:
    """Questions about passages in SQuAD's JSON, 1.1 and 2.0, plain or gzip, one row a question.

    data.train, data.dev and data.test name a file, a folder whose .json and .json.gz files are read
    in the order of their names, or a pattern of names in a folder, such as `train/*_00[0-8].json`.
    As articles do not spread over files, a pattern takes dev from train by article.

    Fields: id, title, passage, question, and answers, a list of [start, end, text] with character
    positions in the passage; empty where is_impossible is true. An answer that is not in its
    passage where it says is refused.
    """
    from seqkit_data.questions import Squad

    return Squad()


def parquet() -> Source:
    """Parquet (parquet.apache.org): one row a record, its columns are the fields.

    data.train, data.dev and data.test name a file, or a folder whose .parquet files are read in the
    order of their names. Columns may be lists and nested; null is None. Class numbers that the
    `datasets` library wrote become class names, and None where they are hidden (-1).
    """
    from seqkit_data.parquets import Parquet

    return Parquet()


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
