"""spaCy's languages and saved pipelines, by name and by folder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seqkit import storage
from seqkit.errors import DataError, nearest

if TYPE_CHECKING:
    from spacy.language import Language


NOTHING: Mapping[str, Any] = MappingProxyType({})


def known() -> list[str]:
    """The codes of the languages that spaCy has; spaCy is not imported."""
    spec = find_spec("spacy")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "lang"
    return sorted(path.name for path in folder.iterdir() if (path / "__init__.py").is_file())


def unknown(lang: str) -> str:
    """What is wrong with a language's code, or nothing."""
    every = known()
    if lang in every:
        return ""
    return f"is '{lang}', which is no language of spaCy's. {nearest(lang, every)}"


def blank(lang: str, who: str, config: Mapping[str, Any] = NOTHING) -> Language:
    """An empty pipeline. Raises DataError where the language needs a package that is not there."""
    import spacy

    try:
        return spacy.blank(lang, config=dict(config))
    except ImportError as error:
        said = " ".join(str(error).split())
        raise DataError(f"{who}: lang: '{lang}' needs another package: {said}") from error


def saved(folder: str, who: str) -> Language:
    """A pipeline from its folder. Raises DataError where there is none, or it lacks a package."""
    import spacy

    place = Path(folder)
    if not (place / "config.cfg").is_file():
        raise DataError(
            f"{who}: {folder}: has no config.cfg. Name the folder of a pipeline that spaCy has "
            "saved."
        )
    try:
        return spacy.load(place)
    except Exception as error:  # whatever a component of anyone's raises while it is loaded
        said = " ".join(str(error).split())
        raise DataError(f"{who}: {folder}: spaCy cannot load it ({said}).") from error


def packed(folder: str) -> dict[str, bytes]:
    """The files of a saved pipeline, by their paths in its folder."""
    place = Path(folder)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


def unpacked(files: Mapping[str, bytes], who: str) -> Language:
    """The pipeline of these files. Raises DataError for a path that leads out of its folder.

    It goes by a folder, as spaCy's `from_bytes` loses the phrases of an entity ruler.
    """
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            if not path.resolve().is_relative_to(Path(folder).resolve()):
                raise DataError(f"{who}: {name!r} leads out of the pipeline's folder. Train again.")
            storage.write_file(path, content)
        return saved(folder, who)


def plain(value: Any) -> Any:
    """A configuration, or a part of one, as plain mappings and lists."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
