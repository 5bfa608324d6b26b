"""Other toolkits, each in an environment of its own, made on demand from peers/NAME.txt."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from measuring import HERE, Measured, in_process

TAGGERS = ("flair", "stanza", "spacy", "spacy_bilstm")
"""Each peer is a module of peers/ and a list of requirements."""


def peers_argument(parser: argparse.ArgumentParser, peers: Sequence[str] = TAGGERS) -> None:
    """Adds --peers to a benchmark's arguments."""

    def names(given: str) -> list[str]:
        found = given.split(",") if given else []
        unknown = [name for name in found if name not in peers]
        if unknown:
            raise argparse.ArgumentTypeError(f"no peer {unknown[0]}, only {', '.join(peers)}")
        return found

    parser.add_argument("--peers", type=names, default=[], help=",".join(peers))


def folder_argument(parser: argparse.ArgumentParser) -> None:
    """Adds --environments to a benchmark's arguments."""

    def folder(given: str) -> Path:
        return Path(given).resolve()

    user = os.environ.get("XDG_CACHE_HOME")
    cache = (Path(user) if user else Path.home() / ".cache") / "seqkit-benchmarks"
    told = "where environments and trained taggers are kept"
    parser.add_argument("--environments", type=folder, default=cache, metavar="DIR", help=told)


def environment(peer: str, folder: Path) -> Path:
    """The Python of a peer's environment, which is made where it is not there or out of date.

    What peers/NAME.alone.txt lists is installed without what it asks for itself, where that is of
    another time than peers/NAME.txt.
    """
    lists: dict[Path, list[str]] = {
        HERE / "peers" / f"{peer}.txt": [],
        HERE / "peers" / f"{peer}.alone.txt": ["--no-deps"],
    }
    wanted = "".join(path.read_text() for path in lists if path.exists())
    place = folder / "environments" / peer
    python, installed = place / "bin" / "python", place / "installed.txt"
    if not (installed.exists() and installed.read_text() == wanted):
        print(f"installing {place} ...", file=sys.stderr, flush=True)
        venv.create(place, with_pip=True, clear=True)
        for path, more in lists.items():
            if path.exists():
                install = ["-m", "pip", "install", "--quiet", *more, "--requirement", str(path)]
                subprocess.run([str(python), *install], check=True)
        installed.write_text(wanted)
    return python


def models(folder: Path) -> Path:
    """Where the peers' trained models are kept."""
    return folder / "models"


def run_peer(
    peer: str, verb: str, data: Path, folder: Path, threads: int, *more: str, limit: float = 600
) -> Measured:
    """What a peer's process reports; see peers/__main__.py for the verbs."""
    command = [environment(peer, folder), "-m", "peers", peer, verb, "--data", data]
    command += ["--models", models(folder), *more]
    return in_process([str(part) for part in command], threads, limit)
