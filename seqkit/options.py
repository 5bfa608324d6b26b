"""Options that several commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqkit.errors import SeqkitError

changing = click.option(
    "--set", "settings", metavar="A.B=C", multiple=True, help="Change a setting of the recipe."
)
"""Adds --set."""


def setting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --set and --data."""
    data = click.option(
        "--data",
        metavar="DIR",
        help="Folder of the data files. Default: SEQKIT_DATA, then the recipe's folder.",
    )
    return changing(data(function))


def overrides_of(settings: tuple[str, ...], **given: str | None) -> dict[str, str]:
    """The texts of --set by path, and after them what other options set of `train`."""
    pairs = [pair.partition("=") for pair in settings]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise SeqkitError(f"--set {wrong[0]}: has no '='. Write --set a.b=value.")
    overrides = {name: value for name, _, value in pairs}
    return overrides | {f"train.{name}": text for name, text in given.items() if text is not None}
