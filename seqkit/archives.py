"""Files inside a tar archive (plain, gzip, xz, bzip2), read in place; none is unpacked to disk.

An archive may come from anybody: links, devices and other special members are refused, names are
never opened, and what a file, an archive and a header may take is bounded.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast, final

from seqkit.errors import DataError, unreadable

LARGEST = 2**24
"""Bytes of one file."""
WHOLE = 2**30
"""Bytes of all files of an archive, which are held in memory."""
CHUNK = 2**16
MOST = 1_000_000
"""Members of an archive."""


@final
class Capped:
    """An archive's bytes, of which no single read takes more than a file may.

    A header may claim any size, and tarfile would read it whole. last: what was read last; where
    tarfile stops at a damaged header, it says nothing.
    """

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self.stream = stream
        self.tell = stream.tell
        self.seek = stream.seek
        self.last = b""

    def read(self, size: int) -> bytes:
        """Reads some bytes. Raises tarfile.ReadError for too many."""
        if not 0 <= size <= LARGEST:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.last = self.stream.read(size)
        return self.last

    def end(self) -> None:
        """Reads on to the end, where packed data prove whole. Raises tarfile.ReadError."""
        if self.last != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("a damaged header, or no end mark")
        for _ in range(2 * LARGEST // CHUNK):
            if not self.stream.read(CHUNK):
                return
        raise tarfile.ReadError("more data after the end mark")


def members(path: Path) -> Iterator[tuple[list[str], bytes]]:
    """Yields each file's folders and name, and its bytes; not where a name begins with a dot.

    Raises DataError where the archive is damaged, holds anything else than folders and files, or
    more than there is room for.
    """
    try:
        with open(path, "rb") as file, unpacked(file) as stream:
            yield from read_members(path, stream)
    except OSError as error:
        raise unreadable(path, error) if error.strerror else damaged(path, error) from None
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise damaged(path, error) from None


def unpacked(file: io.BufferedReader) -> io.BufferedIOBase:
    """The bytes of the archive, unpacked as they are read: the first decide how, not the name."""
    head = file.peek(6)[:6]
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file)
    return lzma.LZMAFile(file) if head == b"\xfd7zXZ\x00" else file


def read_members(path: Path, stream: io.BufferedIOBase) -> Iterator[tuple[list[str], bytes]]:
    """Yields as `members` does. Raises DataError, and what tarfile and unpacking raise."""
    whole = 0
    capped = Capped(stream)
    with tarfile.open(fileobj=cast("IO[bytes]", capped), mode="r:") as archive:
        for number, member in enumerate(archive, 1):
            name = member.name.encode("utf-8", "replace").decode()
            whole += member.size
            if number > MOST or whole > WHOLE:
                raise DataError(
                    f"{path}: holds more than {MOST:,} members or {WHOLE:,} bytes. Unpack it."
                )
            if member.isdir():
                continue
            if not member.isfile() or member.issparse():
                raise DataError(f"{path}: '{name}' is no plain file. Pack files and folders alone.")
            if member.size > LARGEST:
                raise DataError(
                    f"{path}: '{name}': {member.size:,} bytes, more than the {LARGEST:,} of a file "
                    "in an archive. Unpack it."
                )
            parts = [part for part in name.split("/") if part not in ("", ".")]
            if not any(part.startswith(".") for part in parts):
                content = archive.extractfile(member)
                assert content is not None  # it is a file
                yield parts, content.read()
        capped.end()


def damaged(path: Path, error: Exception) -> DataError:
    """What is said of an archive that cannot be read to its end."""
    wrong = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
    return DataError(f"{path}: no whole tar archive ({wrong}). Fetch it again, or name a folder.")
