"""What guards a run: one process a directory, and a signal stops it between two steps."""

from __future__ import annotations

import fcntl
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from seqkit.errors import RunError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes a run directory, and keeps a second process out of it.

    Raises RunError where that cannot be. An OSError that comes out of it names the directory.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(folder / ".lock", "wb")  # noqa: SIM115  closed below
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be written ({error.strerror}). Give another --out."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(
                f"{folder}: another process is running in it. Wait for it, or give another --out."
            ) from error
        try:
            yield
        except OSError as error:
            error.filename = error.filename or str(folder)
            raise


@contextmanager
def signalled() -> Iterator[Callable[[], bool]]:
    """Turns SIGINT and SIGTERM into a flag, so that a run stops between two steps.

    A second signal stops at once. Only the main thread can take signals.
    """
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
