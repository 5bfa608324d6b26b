"""What spaCy's entry points name: seqkit's components, architectures and scorers.

spaCy imports this for everybody who has seqkit installed, whether it is used or not, and ends where
that fails. So it never does: what cannot be imported is told in a warning, and again when it is
used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

AGAIN = "Run: pip install --force-reinstall seqkit"
HOMES = {
    "bigru_encoder": "architectures",
    "bilstm_encoder": "architectures",
    "crf_head": "architectures",
    "lstm_encoder": "architectures",
    "stage_encoder": "architectures",
    "seqkit_crf_ner": "factories",
    "seqkit_ner": "factories",
    "seqkit_pipeline": "factories",
    "seqkit_tagger": "factories",
    "seqkit_textcat": "factories",
    "seqkit_translator": "factories",
    "span_scorer": "scorers",
    "textcat_scorer": "scorers",
    "token_scorer": "scorers",
}
"""By name, the module of `seqkit_spacy` that has it."""


def __getattr__(name: str) -> Any:
    """What an entry point names, or what tells why it cannot be used."""
    if name not in HOMES:
        raise AttributeError(f"module 'seqkit_spacy_entry' has no attribute '{name}'")
    try:
        return getattr(home(HOMES[name]), name)
    except Exception as error:  # whatever is broken, spaCy is to go on
        said = " ".join(f"{type(error).__name__}: {error}".split())
        message = (
            f"seqkit: {name} cannot be used ({said}). Run: pip install --force-reinstall seqkit"
        )
        warnings.warn(message, stacklevel=2)
        return broken(message)


def home(name: str) -> ModuleType:
    """A module of `seqkit_spacy`."""
    if name == "architectures":
        from seqkit_spacy import architectures

        return architectures
    if name == "factories":
        from seqkit_spacy import factories

        return factories
    from seqkit_spacy import scorers

    return scorers


def broken(message: str) -> Callable[..., NoReturn]:
    """Stands for what cannot be imported."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ImportError(message)

    return refuse
