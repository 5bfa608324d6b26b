"""Texts inside a tar archive, each under the folder that it lies in."""

from __future__ import annotations

from pathlib import Path

from seqkit.archives import members
from seqkit.errors import DataError


def read_archive(path: Path) -> dict[str, list[tuple[str, bytes]]]:
    """The texts of an archive by label, each with its name, in the order of names.

    A label is the folder that a text lies in. Raises DataError as `members` does, and for a text
    without a label.
    """
    found: dict[str, dict[str, bytes]] = {}
    around: list[str] | None = None
    for parts, content in members(path):
        if len(parts) < 2:
            raise DataError(f"{path}: '{parts[0]}' lies in no folder, which would be its label.")
        *before, label, name = parts
        if around not in (None, before):
            raise DataError(
                f"{path}: has labels both in '{'/'.join(around or ())}/' and in "
                f"'{'/'.join(before)}/'. Unpack it, and name one of the folders."
            )
        around = before
        texts = found.setdefault(label, {})
        if name in texts:
            raise DataError(f"{path}: holds '{label}/{name}' twice. Pack it again.")
        texts[name] = content
    return {label: sorted(texts.items()) for label, texts in found.items()}
