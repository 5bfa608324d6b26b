"""A benchmark of rows, each measured in a process of its own, round after round."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from environments import folder_argument, peers_argument
from measuring import Measured, Round, in_process, report

Row = Callable[[Path, float], Measured]
"""Measures a row on a data folder, training for so many seconds."""
Peer = Callable[[str, argparse.Namespace, int], Measured]
"""Measures a peer with the arguments given and so many threads."""
Table = Callable[[Sequence[Round], int], None]
"""Prints the rounds of so many threads."""


def measure(
    about: str | None,
    rows: Mapping[str, Row],
    peer: Peer,
    table: Table,
    *,
    peers: Sequence[str],
    seconds: float,
) -> None:
    """Measures all rows and the peers asked for, or, in a process of its own, one row.

    about: what `--help` tells. seconds: that a row is trained for, where the command line does not
    say.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--row", choices=list(rows), help="this row alone, in this process")
    peers_argument(parser, peers)
    folder_argument(parser)
    given = parser.parse_args()
    given.data = given.data.resolve()
    if given.row:
        report(rows[given.row](given.data, given.seconds))
        return
    alone = [sys.executable, str(Path(sys.argv[0]).resolve()), "--data", str(given.data)]
    alone += ["--seconds", str(given.seconds), "--row"]
    for threads in given.threads:
        rounds = []
        for _ in range(given.rounds):
            found = {row: in_process([*alone, row], threads) for row in rows}
            found |= {name: peer(name, given, threads) for name in given.peers}
            rounds.append(found)
        table(rounds, threads)
