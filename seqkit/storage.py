"""The one way to write: old-whole or new-whole, with a manifest that is checked when read.

A file is written beside its place, flushed, synced, renamed, and its folder synced. A folder is
written whole beside its place with a `manifest.json` of sizes and sha256, then renamed. Whoever
reads a folder checks every byte against the manifest before anything parses it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

MANIFEST = "manifest.json"


def write_file(path: Path, content: bytes) -> None:
    """Writes a file so that it is either as it was or wholly new. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    try:
        write_synced(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Writes a folder of files and their manifest so that it is as it was or wholly new.

    A folder that stands in its place is moved aside first and removed last; `settle` brings it back
    if the process ends in between. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    settle(path)
    fresh, aside = path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")
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
        settle(path)
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    sync_folder(path.parent)
    shutil.rmtree(aside, ignore_errors=True)


def settle(path: Path) -> None:
    """Ends a replacement that was cut off: the old folder comes back if there is no new one."""
    aside = path.with_name(f".{path.name}.old")
    if aside.exists():
        if path.exists():
            shutil.rmtree(aside)
        else:
            os.rename(aside, path)


def read_folder(path: Path) -> dict[str, bytes]:
    """Reads a folder's files, each checked against the manifest.

    Raises ModelError where the folder, its manifest or a file is missing, cut or altered.
    """
    if not path.exists() and path.with_name(f".{path.name}.old").exists():
        settle(path)
    manifest = path / MANIFEST
    if not path.is_dir():
        raise ModelError(f"{path}: no such folder. Name a run or a pipeline folder.")
    if not manifest.is_file():
        raise ModelError(f"{path}: {MANIFEST} is missing. Name a folder that seqkit has saved.")
    try:
        listed = json.loads(manifest.read_bytes())
        stamps = {str(name): (int(size), str(digest)) for name, (size, digest) in listed.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ModelError(
            f"{manifest}: is damaged. Copy the folder again, or train again."
        ) from error
    return {name: read_stamped(path / name, *stamps[name]) for name in stamps}


def read_stamped(path: Path, size: int, digest: str) -> bytes:
    """Reads one file whose size and sha256 are known. Raises ModelError where they differ."""
    if os.path.basename(path.name) != path.name or path.name in ("", ".", ".."):
        raise ModelError(f"{path.parent}: {MANIFEST} names '{path.name}', which is no file name.")
    again = "Copy the folder again, or train again."
    if not path.is_file():
        raise ModelError(f"{path}: is missing. {again}")
    found = path.stat().st_size
    if found != size:
        raise ModelError(f"{path}: has {found} bytes, but {MANIFEST} says {size}. {again}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{path}: its sha256 differs from {MANIFEST}: it is damaged. {again}")
    return content


def stamp(content: bytes) -> tuple[int, str]:
    """A file's size and sha256."""
    return len(content), hashlib.sha256(content).hexdigest()


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
    """JSON for a person to read, with a newline at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def digest(value: Any) -> str:
    """The sha256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def pack(learnt: Any) -> dict[str, bytes]:
    """What stages have learnt as two files: JSON, and safetensors for arrays and bytes.

    Raises ModelError for a value that is none of JSON, bytes, numpy arrays, mappings, lists.
    """
    import numpy as np
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}

    def plain(value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return {str(key): plain(item, f"{path}.{key}") for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item, f"{path}.{number}") for number, item in enumerate(value)]
        if isinstance(value, bytes):
            arrays[path] = np.frombuffer(value, np.uint8)
            return {"$bytes": path}
        if isinstance(value, np.ndarray):
            arrays[path] = np.ascontiguousarray(value)
            return {"$array": path}
        if isinstance(value, np.generic):
            return value.item()
        if value is None or isinstance(value, str | int | float | bool):
            return value
        raise ModelError(
            f"learnt{path}: {type(value).__name__} cannot be saved. "
            "Learn JSON values, bytes or numpy arrays."
        )

    content = plain(learnt, "")
    return {"learnt.json": as_json(content), "learnt.safetensors": save(arrays)}


def unpack(files: Mapping[str, bytes]) -> Any:
    """What `pack` packed."""
    from safetensors.numpy import load

    arrays = load(files["learnt.safetensors"])

    def value(plain: Any) -> Any:
        if isinstance(plain, list):
            return [value(item) for item in plain]
        if not isinstance(plain, dict):
            return plain
        if set(plain) == {"$bytes"}:
            return arrays[plain["$bytes"]].tobytes()
        if set(plain) == {"$array"}:
            return arrays[plain["$array"]]
        return {key: value(item) for key, item in plain.items()}

    return value(json.loads(files["learnt.json"]))
