"""Installs the toy plugins of `site` by a third party's door: a distribution on the path."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from seqkit import plugins

SITE = Path(__file__).parent / "site"

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Puts the distribution on the path, and the cache of prepared tables aside."""
    monkeypatch.syspath_prepend(SITE)
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEQKIT_DATA", raising=False)
    plugins.registry.cache_clear()
    yield
    plugins.registry.cache_clear()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a recipe and its data files beside it; gives the recipe's path."""

    def written(recipe: str, **rows: Sequence[Mapping[str, Any]]) -> Path:
        for split, records in rows.items():
            lines = "".join(json.dumps(record) + "\n" for record in records)
            (tmp_path / f"{split}.jsonl").write_text(lines, encoding="utf-8")
        path = tmp_path / "recipe.yaml"
        path.write_text(recipe, encoding="utf-8")
        return path

    return written
