"""The one way to write: old-whole or new-whole, with a manifest that is checked when read.

A file is written beside its place, flushed, synced, renamed, and its folder synced. A folder is
written whole beside its place with a `manifest.json` of sizes and sha256, then renamed. Whoever
reads a folder checks every byte against the manifest before anything parses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.errors import ModelError

MANIFEST = "manifest.json"
FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
"""What a manifest may name: a plain file of its own folder."""
MARKS = ("$array", "$bytes", "$mapping")
"""Single keys that stand for something else in packed JSON."""
AGAIN = "Copy the folder again, or train again."


def write_file(path: Path, content: bytes) -> None:
    """Writes a file so that it is either as it was or wholly new. Raises OSError."""
    path = Path(os.path.realpath(path))
    make_folder(path.parent)
    temporary = beside(path, "new")
    try:
        write_synced(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Writes a folder of files and their manifest so that it is as it was or wholly new.

    A folder that stands in its place is moved aside first and removed last; `settle` brings it back
    if the process ends in between. Raises OSError, and ModelError for a place that holds anything
    else than a folder that was written here.
    """
    path = Path(os.path.realpath(path))
    refuse_foreign(path, files)
    make_folder(path.parent)
    settle(path)
    fresh, aside = beside(path, "new"), beside(path, "old")
    if fresh.exists():
        shutil.rmtree(fresh)
    try:
        fresh.mkdir()
        for name, content in files.items():
            write_synced(fresh / name, content)
        write_synced(
            fresh / MANIFEST, as_json({name: stamp(files[name]) for name in sorted(files)})
        )
        sync_folder(fresh)
        if path.exists():
            os.rename(path, aside)
        os.rename(fresh, path)
    except BaseException:
        with contextlib.suppress(OSError):
            settle(path)
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    sync_folder(path.parent)
    shutil.rmtree(aside, ignore_errors=True)


def beside(path: Path, what: str) -> Path:
    """Where a replacement is made, or the replaced folder waits."""
    return path.with_name(f".{path.name}.{what}")


def settle(path: Path) -> None:
    """Ends a replacement that was cut off: the old folder comes back if there is no new one."""
    aside = beside(path, "old")
    if aside.exists():
        if path.exists():
            shutil.rmtree(aside)
        else:
            os.rename(aside, path)


def refuse_foreign(path: Path, files: Mapping[str, bytes]) -> None:
    """Raises ModelError where replacing a folder would remove what seqkit did not write."""
    if not path.exists():
        return
    if not path.is_dir():
        raise ModelError(f"{path}: is a file. Name a folder.")
    known = {MANIFEST, *files}
    with contextlib.suppress(ModelError):
        known |= set(read_manifest(path))
    foreign = sorted(set(os.listdir(path)) - known)
    if foreign:
        raise ModelError(f"{path}: holds {foreign[0]!r}, which would be lost. Name another folder.")


def read_folder(path: Path) -> dict[str, bytes]:
    """Reads a folder's files, each checked against the manifest; it changes nothing.

    Raises ModelError where the folder, its manifest or a file is missing, cut, altered or cannot be
    read.
    """
    try:
        if not path.is_dir():
            aside = beside(Path(os.path.realpath(path)), "old")
            if not aside.is_dir():
                raise ModelError(f"{path}: no such folder. Name a run or a pipeline folder.")
            path = aside  # a replacement was cut off
        stamps = read_manifest(path)
    except OSError as error:
        raise unreadable(path, error) from error
    return {name: read_stamped(path / name, *stamps[name]) for name in stamps}


def read_manifest(path: Path) -> dict[str, tuple[int, str]]:
    """The size and sha256 of each file in a folder. Raises ModelError, OSError."""
    manifest = path / MANIFEST
    if not manifest.is_file():
        raise ModelError(f"{path}: {MANIFEST} is missing. Name a folder that seqkit has saved.")
    try:
        listed = json.loads(manifest.read_bytes())
        stamps = {name: (size, digest) for name, (size, digest) in listed.items()}
        if not all(type(size) is int and type(digest) is str for size, digest in stamps.values()):
            raise TypeError
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ModelError(f"{manifest}: is damaged. {AGAIN}") from error
    for name in stamps:
        if not FILE.fullmatch(name):
            raise ModelError(f"{manifest}: names {name[:80]!r}, which is no file name. {AGAIN}")
    return stamps


def read_stamped(path: Path, size: int, digest: str) -> bytes:
    """Reads one file whose size and sha256 are known. Raises ModelError where they differ."""
    try:
        if not path.is_file():
            raise ModelError(f"{path}: is missing. {AGAIN}")
        found = path.stat().st_size
        if found != size:
            raise ModelError(f"{path}: has {found} bytes, but {MANIFEST} says {size}. {AGAIN}")
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{path}: its sha256 differs from {MANIFEST}: it is damaged. {AGAIN}")
    return content


def unreadable(path: Path, error: OSError) -> ModelError:
    """The error for a file that is there and cannot be read."""
    return ModelError(f"{error.filename or path}: cannot be read ({error.strerror}). {AGAIN}")


def stamp(content: bytes) -> tuple[int, str]:
    """A file's size and sha256."""
    return len(content), hashlib.sha256(content).hexdigest()


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, each synced into the one that holds it. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Writes and syncs one file, in place."""
    with open(path, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Syncs a folder's list of names, which a rename alone does not."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_json(value: Any) -> bytes:
    """JSON for a person to read, with a newline at the end; a lone surrogate is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def finite(value: Any) -> Any:
    """A value for JSON, which knows no NaN: null stands for it."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def digest(value: Any) -> str:
    """The sha256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def pack(learnt: Any) -> dict[str, bytes]:
    """What stages have learnt as two files: JSON, and safetensors for arrays and bytes.

    Raises ModelError for a value that is none of JSON, bytes, numpy arrays, mappings, lists.
    """
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    content = plain(learnt, "learnt", arrays)
    return {"learnt.json": as_json(content), "learnt.safetensors": save(arrays)}


def plain(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """A value as JSON, its arrays and bytes put aside under numbers. path: for the error."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        odd = [key for key in value if not isinstance(key, str)]
        if odd:
            raise ModelError(f"{path}: the key {odd[0]!r} is no text. Learn mappings from texts.")
        found = {str(key): plain(item, f"{path}.{key}", arrays) for key, item in value.items()}
        return {"$mapping": found} if len(found) == 1 and set(found) <= set(MARKS) else found
    if isinstance(value, list | tuple):
        return [plain(item, f"{path}.{number}", arrays) for number, item in enumerate(value)]
    if isinstance(value, bytes):
        return {"$bytes": put_aside(np.frombuffer(value, np.uint8), arrays)}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and value.dtype.itemsize <= 8:
        return {"$array": put_aside(np.asarray(value, order="C"), arrays)}
    if isinstance(value, float) and math.isfinite(value):
        return value
    what: Any = value if isinstance(value, float) else type(value).__name__
    if isinstance(value, np.ndarray):
        what = f"an array of {value.dtype}"
    raise ModelError(f"{path}: {what} cannot be saved. Learn JSON values, bytes or numeric arrays.")


def put_aside(array: np.ndarray, arrays: dict[str, np.ndarray]) -> str:
    """Keeps an array; gives its name."""
    name = str(len(arrays))
    arrays[name] = array
    return name


def unpack(files: Mapping[str, bytes]) -> Any:
    """What `pack` packed. Raises ModelError where the files are none of `pack`'s."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(files["learnt.safetensors"])
        return unplain(json.loads(files["learnt.json"]), arrays)
    except (
        SafetensorError,
        LookupError,
        AttributeError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        raise ModelError(f"learnt.json, learnt.safetensors: are damaged. {AGAIN}") from error


def unplain(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """What `plain` made JSON of."""
    if isinstance(value, list):
        return [unplain(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((mark, inside),) = value.items()
        if mark == "$array":
            return arrays[inside]
        if mark == "$bytes":
            return arrays[inside].tobytes()
        if mark == "$mapping":
            value = inside
    return {key: unplain(item, arrays) for key, item in value.items()}
