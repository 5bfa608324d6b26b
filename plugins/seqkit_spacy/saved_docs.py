"""Docs that spaCy has saved, as rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from seqkit.errors import DataError
from seqkit.stages import Row, Text

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span

ATTRIBUTES = ("tag", "pos", "lemma", "dep", "ent_type")
LIKELY = 0.5


@final
class DocBins:
    """Reads one row a Doc, or a sentence. Raises DataError that names the file."""

    def __init__(self, unit: Literal["document", "sentence"]) -> None:
        self.unit = unit

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the rows of a file."""
        if place is None:
            raise DataError(f"docbin: {split}: names no file. Name one under data.{split}.")
        path, empty = Path(place), True
        for doc in docs_of(path):
            for span in self.spans(doc, path):
                empty = False
                yield row_of(span)
        if empty:
            raise DataError(f"{path}: holds no text. Name another file.")

    def spans(self, doc: Doc, path: Path) -> Iterator[Span]:
        """What of a Doc is a row. Raises DataError where sentences are asked for and not marked."""
        if self.unit == "document":
            yield doc[:]
        elif not len(doc):
            return
        elif not doc.has_annotation("SENT_START"):
            raise DataError(
                f"{path}: its Docs have no sentences. Set 'unit' to document, or save them with "
                "SENT_START."
            )
        else:
            yield from doc.sents


def docs_of(path: Path) -> Iterator[Doc]:
    """The Docs of a file. Raises DataError where it is none of spaCy's."""
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    try:
        yield from DocBin().from_bytes(path.read_bytes()).get_docs(Vocab())
    except OSError:
        raise
    except Exception as error:  # whatever spaCy's reader makes of a damaged file
        said = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{path}: is no DocBin that spaCy can read ({said}). Save it again, as .spacy."
        ) from error


def row_of(span: Span) -> dict[str, Any]:
    """A span of tokens as a row."""
    doc, offset = span.doc, span.start_char if len(span) else 0
    tokens = [token for token in span if not token.text.isspace()]
    words = [(token.idx - offset, token.idx - offset + len(token.text)) for token in tokens]
    whole = len(span) == len(doc)
    text = doc.text if whole else span.text
    row: dict[str, Any] = {
        "text": Text(text, words),
        "words": [token.text for token in tokens],
        **{name: [getattr(token, f"{name}_") for token in tokens] for name in ATTRIBUTES},
        "morph": [str(token.morph) or "_" for token in tokens],
        "ents": inside(span, doc.ents),
        **{str(key): inside(span, group) for key, group in doc.spans.items()},
    }
    if doc.cats:
        row["label"] = max(doc.cats, key=lambda label: doc.cats[label])
        row["labels"] = sorted(label for label, sure in doc.cats.items() if sure >= LIKELY)
    return row


def inside(span: Span, found: Any) -> list[list[Any]]:
    """Spans of a Doc that lie in a part of it, in the part's characters."""
    offset = span.start_char if len(span) else 0
    return [
        [one.start_char - offset, one.end_char - offset, one.label_]
        for one in found
        if span.start <= one.start and one.end <= span.end
    ]
