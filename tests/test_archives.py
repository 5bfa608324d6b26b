"""Files in archives: every way to pack, and nothing that an archive may do to its reader."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit import archives
from seqkit.archives import members
from seqkit.errors import DataError


def member(name: str, kind: bytes = tarfile.REGTYPE, **more: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    for attribute, value in more.items():
        setattr(found, attribute, value)
    return found


def pack(path: Path, *names: str | tarfile.TarInfo, mode: Any = "w", text: bytes = b"x") -> Path:
    """An archive; a name stands for a file whose text is its own name, or `text`."""
    with tarfile.open(path, mode) as packed:
        for name in names:
            if isinstance(name, str):
                packed.addfile(member(name, size=len(text)), io.BytesIO(text))
            else:
                packed.addfile(name)
    return path


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(members(path))
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_files_come_in_their_order_with_their_folders(tmp_path: Path, mode: str) -> None:
    folder = member("a/pos", tarfile.DIRTYPE)
    path = pack(tmp_path / "a.bin", folder, "a/pos/2", "./a//1", "3", "a/.git/4", mode=mode)
    assert list(members(path)) == [(["a", "pos", "2"], b"x"), (["a", "1"], b"x"), (["3"], b"x")]


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.GNUTYPE_SPARSE,
    ],
)
def test_links_devices_and_other_special_members_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = pack(tmp_path / "a", "pos/1", member("pos/2", kind, linkname="/etc/passwd"))
    assert refused(path) == "'pos/2' is no plain file. Pack files and folders alone."


def test_a_text_an_archive_and_the_number_of_members_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path / "a", "pos/1", "pos/2", "pos/3", text=b"x" * 600)
    monkeypatch.setattr(archives, "WHOLE", 1300)
    assert refused(path) == "holds more than 1,000,000 members or 1,300 bytes. Unpack it."
    monkeypatch.setattr(archives, "WHOLE", 10_000)
    monkeypatch.setattr(archives, "MOST", 2)
    assert refused(path) == "holds more than 2 members or 10,000 bytes. Unpack it."
    monkeypatch.setattr(archives, "LARGEST", 599)
    with pytest.raises(DataError) as caught:
        list(members(path))
    assert str(caught.value) == (
        f"{path}: 'pos/1': 600 bytes, more than the 599 of a file in an archive. Unpack it."
    )


def test_a_header_that_claims_to_be_huge_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.xz"
    header = member("x", tarfile.XHDTYPE, size=2**31)
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024)
    assert refused(path) == (
        "no whole tar archive (a header of 2147483648 bytes). Fetch it again, or name a folder."
    )


def test_a_damaged_header_does_not_end_an_archive_silently(tmp_path: Path) -> None:
    path = pack(tmp_path / "a", "pos/1", "pos/2")
    content = bytearray(path.read_bytes())
    content[1024 + 150] ^= 1
    path.write_bytes(content)
    assert refused(path) == (
        "no whole tar archive (a damaged header, or no end mark). Fetch it again, or name a folder."
    )


def test_what_comes_after_the_end_is_bounded(tmp_path: Path) -> None:
    path = pack(tmp_path / "a", "pos/1", mode="w")
    path.write_bytes(gzip.compress(path.read_bytes() + bytes(2**25 + 2**16)))
    assert refused(path) == (
        "no whole tar archive (more data after the end mark). Fetch it again, or name a folder."
    )


@pytest.mark.parametrize(
    "content", [b"", b"no archive", b"\x1f\x8b\x08no", b"\xfd7zXZ\0no", b"BZh"]
)
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    assert re.fullmatch(
        r"no whole tar archive \([^\n]+\)\. Fetch it again, or name a folder\.", refused(path)
    )


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive_that_is_cut_off_is_told(tmp_path: Path, mode: str) -> None:
    path = pack(tmp_path / "a", "pos/1", "pos/2", mode=mode, text=bytes(range(256)) * 90)
    content = path.read_bytes()
    for keep in (24_000, 30_000, 47_104) if mode == "w" else (-1, -8, -30, len(content) // 2):
        path.write_bytes(content[:keep])
        assert refused(path).startswith("no whole tar archive ("), keep


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), mode=st.sampled_from(["w", "w:gz"]))
def test_an_archive_with_one_byte_changed_gives_files_or_a_data_error_of_one_line(
    at: int, byte: int, mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = pack(tmp_path_factory.getbasetemp() / "any.tar", "pos/" + "n" * 120, "neg/1", mode=mode)
    content = bytearray(path.read_bytes())
    content[at % min(len(content), 3000)] = byte
    path.write_bytes(content)
    message = ""
    try:
        assert all(parts for parts, _ in members(path))
    except DataError as error:
        message = str(error)
    assert not message or re.fullmatch(rf"{re.escape(str(path))}: [^\n]+[.?]", message)
