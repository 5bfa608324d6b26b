"""seqkit: sequence pipelines from plugins. Importing it imports no torch and no spaCy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from seqkit.chain import Chain as Chain
    from seqkit.chain import load_chain as load_chain
    from seqkit.chaining import run_chain as run_chain
    from seqkit.comparison import compare as compare
    from seqkit.errors import SeqkitError as SeqkitError
    from seqkit.loading import load as load
    from seqkit.pipeline import Pipeline as Pipeline
    from seqkit.plugins import hookimpl as hookimpl
    from seqkit.runs import run as run
    from seqkit.seeds import run_seeds as run_seeds
    from seqkit.stages import Text as Text
    from seqkit.stages import Upstream as Upstream

_HOMES = {
    "Chain": "seqkit.chain",
    "Pipeline": "seqkit.pipeline",
    "SeqkitError": "seqkit.errors",
    "Text": "seqkit.stages",
    "Upstream": "seqkit.stages",
    "compare": "seqkit.comparison",
    "hookimpl": "seqkit.plugins",
    "load": "seqkit.loading",
    "load_chain": "seqkit.chain",
    "run": "seqkit.runs",
    "run_chain": "seqkit.chaining",
    "run_seeds": "seqkit.seeds",
}

__all__ = [
    "Chain",
    "Pipeline",
    "SeqkitError",
    "Text",
    "Upstream",
    "__version__",
    "compare",
    "hookimpl",
    "load",
    "load_chain",
    "run",
    "run_chain",
    "run_seeds",
]


def __getattr__(name: str) -> Any:
    """Imports a public name's home when the name is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'seqkit' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
