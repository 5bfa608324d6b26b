"""Runs in processes of their own, one after another: the peak memory of each is its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from seqkit.errors import Interrupted

AGAIN = "Run the same command again to go on."


class Passing:
    """Hands signals on to a process: it saves a checkpoint and ends."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.process: subprocess.Popen[str] | None = None

    def take(self, process: subprocess.Popen[str]) -> None:
        """Takes the process, which also hears what was asked before it was there."""
        self.process = process
        for number in self.asked:
            process.send_signal(number)

    def hear(self, number: int, _: FrameType | None) -> None:
        """Handles a signal."""
        self.asked.append(number)
        if self.process is not None:
            self.process.send_signal(number)


def run_words(
    file: Path,
    settings: Mapping[str, str],
    out: Path,
    *,
    data: str | None,
    device: str,
    sample: int | None,
    seed: int | None,
    fresh: bool,
) -> list[str]:
    """The command line of a run. settings: by dotted path, as --set has them."""
    words = ["run", "--out", str(out), "--device", device]
    words += [word for name, text in settings.items() for word in ("--set", f"{name}={text}")]
    words += ["--data", data] if data is not None else []
    words += ["--sample", str(sample)] if sample is not None else []
    words += ["--seed", str(seed)] if seed is not None else []
    words += ["--fresh"] if fresh else []
    return [*words, "--", str(file)]


def run_apart(words: Sequence[str], say: Callable[[str], None]) -> str:
    """Runs `seqkit WORDS...` to its end; gives what it failed with, or nothing.

    say: takes each line that it tells. Raises Interrupted where a signal asked to stop: the process
    was asked too, and has ended by then.
    """
    passing, last = Passing(), ""
    command = [sys.executable, "-P", "-m", "seqkit", *words]
    # In a group of its own it hears of Ctrl-C from here alone: two would keep it from a checkpoint.
    with (
        signals_to(passing),
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
            process_group=0,
        ) as process,
    ):
        passing.take(process)
        try:
            for line in process.stderr or ():
                last = line.strip() or last
                say(line.rstrip("\n"))
        except BaseException:
            process.terminate()
            raise
    if passing.asked:
        raise Interrupted(f"stopped. {AGAIN}")
    if process.returncode < 0:
        return f"was ended by {signal.Signals(-process.returncode).name}. {AGAIN}"
    return last or f"ended with code {process.returncode}" if process.returncode else ""


@contextmanager
def signals_to(passing: Passing) -> Iterator[None]:
    """Hands SIGINT and SIGTERM on. Only the main thread can take signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, passing.hear) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
