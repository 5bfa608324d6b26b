"""What guards a run: its directory is one process's, and the first signal asks it to stop."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from seqkit.guards import locked, signalled


def test_a_failure_of_the_disk_names_the_run(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device") as failed, locked(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert failed.value.filename == str(tmp_path)
    with pytest.raises(OSError, match="No space") as failed, locked(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "other")
    assert failed.value.filename == "other"


def test_the_first_signal_asks_and_the_second_ends() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signalled() as asked:
        assert not asked()
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
