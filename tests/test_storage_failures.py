"""Storage when calls fail and the power goes: the old or the new stands whole, nothing between."""

from __future__ import annotations

import errno
import io
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seqkit import storage

OLD = {"weights.safetensors": b"old weights" * 9, "notes.json": b"{}"}
NEW = {"weights.safetensors": b"new weights" * 7, "more.json": b"[1]", "empty.json": b""}


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does without the wait for the disk; what is synced is told by the watched calls."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


class Killed(BaseException):
    """The process ends here: nothing after it is done."""


class Stream:
    """A file opened for writing: what is written reaches the system when it is flushed."""

    def __init__(self, calls: Calls, path: Path) -> None:
        self.calls, self.path = calls, path
        self.stream, self.waiting = io.FileIO(path, "w"), b""
        calls.paths[self.stream.fileno()] = path

    def write(self, content: bytes) -> None:
        self.calls.done("write", self.path)
        self.waiting += content

    def flush(self) -> None:
        half = len(self.waiting) // 2
        self.stream.write(self.waiting[:half])
        self.calls.done("flush", self.path, self.waiting)
        self.stream.write(self.waiting[half:])
        self.waiting = b""

    def fileno(self) -> int:
        return self.stream.fileno()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.write(self.waiting)
        self.stream.close()


@dataclass
class Calls:
    """Every call that changes files, listed; the `fatal`-th fails, and with sticky the rest."""

    fatal: int = 0
    error: BaseException | None = None
    sticky: bool = False
    log: list[tuple[Any, ...]] = field(default_factory=list)
    paths: dict[Any, Path] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether there were enough calls for one to fail."""
        return 0 < self.fatal <= len(self.log)

    def done(self, *call: Any) -> None:
        """Lists a call, before it is done; raises in its place where it is to fail."""
        self.log.append(call)
        if self.error and self.failed and (self.sticky or len(self.log) == self.fatal):
            raise self.error

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stands between storage and system."""
        real = os.open

        def opened(path: Any, *flags: Any, dir_fd: Any = None) -> int:
            self.done("open", self.paths.get(dir_fd, Path()) / path)
            handle = real(path, *flags, dir_fd=dir_fd)
            self.paths[handle] = self.paths.get(dir_fd, Path()) / path
            return handle

        def created(path: Path, mode: str) -> Stream:
            assert mode == "wb"
            self.done("create", path)
            return Stream(self, path)

        monkeypatch.setattr(storage, "open", created, raising=False)
        monkeypatch.setattr(os, "open", opened)
        monkeypatch.setattr(os, "fsync", lambda handle: self.done("fsync", self.paths[handle]))
        for name in ("mkdir", "rename", "replace", "unlink", "rmdir"):
            monkeypatch.setattr(os, name, self.watched(name, getattr(os, name)))

    def watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, listed first."""

        def call(*places: Any, **named: Any) -> None:
            beneath = self.paths.get(named.get("dir_fd"), Path())  # rmtree goes by open folders
            self.done(name, *(beneath / place for place in places if not isinstance(place, int)))
            real(*places, **named)

        return call


@dataclass
class Case:
    """One thing to write: where it goes, what stands there before, and what a kill left beside."""

    name: str
    place: str
    before: Any
    after: Any
    leftovers: tuple[str, ...] = ()

    def prepare(self, root: Path) -> tuple[Path, Any]:
        """Puts everything in place; gives the place and what is read there."""
        place = root / self.place
        root.mkdir()
        if self.before is not None:
            write(place, self.before)
        for leftover in self.leftovers:
            write(place.parent / leftover, {"notes.json": b"stale"})
        return place, content_of(place)


CASES = [
    Case("a new file in new folders", "a/b/notes.json", None, b"new" * 50),
    Case("a file again", "notes.json", b"old" * 40, b"new" * 50),
    Case("a new folder in new folders", "a/b/model", None, NEW),
    Case("a folder again", "model", OLD, NEW),
    Case("a folder after a kill at the end", "model", OLD, NEW, (".model.new", ".model.old")),
    Case("a folder after a kill in the middle", "model", None, NEW, (".model.old", ".model.new")),
]
FAILURES: dict[str, tuple[BaseException, tuple[bool, ...]]] = {
    "disk full": (OSError(errno.ENOSPC, "No space left on device"), (False, True)),
    "i/o error": (OSError(errno.EIO, "Input/output error"), (False, True)),
    "control-c": (KeyboardInterrupt(), (False,)),
    "killed": (Killed(), (True,)),
}


def write(place: Path, content: Any) -> None:
    """Writes a file or a folder."""
    if isinstance(content, bytes):
        storage.write_file(place, content)
    else:
        storage.write_folder(place, content)


def content_of(place: Path) -> Any:
    """What is read at a place; None where there is nothing."""
    if place.suffix:
        return place.read_bytes() if place.exists() else None
    found = [path for path in (place, storage.beside(place, "old")) if path.exists()]
    return storage.read_folder(place) if found else None


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whichever_call_fails_the_old_or_the_new_stands_whole(
    case: Case, failure: str, tmp_path: Path
) -> None:
    error, modes = FAILURES[failure]
    for fatal, sticky in ((fatal, sticky) for fatal in itertools.count(1) for sticky in modes):
        root = tmp_path / f"{fatal}-{sticky}"
        place, before = case.prepare(root)
        calls = Calls(fatal, error, sticky)
        raised = False
        with pytest.MonkeyPatch.context() as patch:
            calls.watch(patch)
            try:
                write(place, case.after)
            except type(error):
                raised = True
        found = content_of(place)
        assert found == case.after or (raised and found == before)
        if failure == "disk full" and not sticky and not case.leftovers:
            assert place.exists() or before is None
            assert not storage.beside(place, "new").exists()
        write(place, case.after)
        assert content_of(place) == case.after
        assert [path.name for path in place.parent.iterdir()] == [place.name]
        if not calls.failed:
            assert fatal > 6
            return


@dataclass
class Node:
    """A file or a folder on a disk that forgets what was not synced."""

    written: bytes | None = None
    synced: bytes = b""
    names: dict[str, Node] = field(default_factory=dict)
    kept: dict[str, Node] = field(default_factory=dict)

    def at(self, path: Path) -> Node:
        """The file or folder at a path."""
        node = self
        for part in path.parts:
            node = node.names[part]
        return node


def disk(path: Path) -> Node:
    """A disk with everything synced."""
    if path.is_file():
        return Node(path.read_bytes(), path.read_bytes())
    names = {inside.name: disk(inside) for inside in path.iterdir()}
    return Node(None, b"", names, dict(names))


def replay(root: Node, top: Path, call: str, place: Path, *more: Any) -> None:
    """Does one listed call on the disk."""
    path = place.relative_to(top)
    names = root.at(path.parent).names
    if call in ("create", "mkdir"):
        names[path.name] = Node(b"" if call == "create" else None)
    elif call == "flush":
        names[path.name].written = more[0]
    elif call == "fsync":
        node = root.at(path)
        node.synced, node.kept = node.written or b"", dict(node.names)
    elif call in ("rename", "replace"):
        target = more[0].relative_to(top)
        root.at(target.parent).names[target.name] = names.pop(path.name)
    elif call in ("unlink", "rmdir"):
        del names[path.name]


def survive(node: Node, path: Path, names: Mapping[bool, str]) -> None:
    """Writes down what is left after a power cut: synced bytes, and what names the disk took.

    names: whether a folder has the names that were `synced`, or those `given` too; one word for the
    folders that are written (True), one for those above them (False).
    """
    if node.written is not None:
        path.write_bytes(node.synced)
        return
    path.mkdir()
    taken = node.names if names["model" in path.name] == "given" else node.kept
    for name, inside in taken.items():
        survive(inside, path / name, names)


@pytest.mark.parametrize("above", ["synced", "given"])
@pytest.mark.parametrize("inside", ["synced", "given"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_power_cut_after_any_call_leaves_the_old_or_the_new_whole(
    case: Case, inside: str, above: str, tmp_path: Path
) -> None:
    top = tmp_path / "disk"
    place, before = case.prepare(top)
    root = disk(top)
    calls = Calls()
    with pytest.MonkeyPatch.context() as patch:
        calls.watch(patch)
        write(place, case.after)
    for done in range(len(calls.log) + 1):
        if done:
            replay(root, top, *calls.log[done - 1])
        left = tmp_path / f"after-{done}"
        survive(root, left, {True: inside, False: above})
        found = content_of(left / case.place)
        assert found == case.after or (found == before and done < len(calls.log))
        write(left / case.place, case.after)
        assert content_of(left / case.place) == case.after


def test_a_file_is_written_flushed_synced_renamed_and_then_its_folder_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls()
    calls.watch(monkeypatch)
    storage.write_file(tmp_path / "notes.json", b"{}")
    steps = [(call[0], call[1].name) for call in calls.log]
    beside = ".notes.json.new"
    assert steps == [
        *((name, beside) for name in ("create", "write", "flush", "fsync", "replace")),
        ("open", tmp_path.name),
        ("fsync", tmp_path.name),
    ]
