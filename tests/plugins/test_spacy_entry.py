"""What spaCy imports because seqkit is installed, and that it goes on where seqkit is broken."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import seqkit_spacy
import seqkit_spacy_entry

GROUPS = ("spacy_factories", "spacy_architectures", "spacy_scorers")


def run(*lines: str) -> str:
    """What a fresh Python prints."""
    command = [sys.executable, "-W", "ignore::FutureWarning", "-c", "\n".join(lines)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_entry_point_is_there() -> None:
    found = [
        entry
        for group in GROUPS
        for entry in entry_points(group=group)
        if entry.value.startswith("seqkit_spacy_entry:")
    ]
    assert {entry.attr for entry in found} == set(seqkit_spacy_entry.HOMES)
    assert all(callable(entry.load()) for entry in found)
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        seqkit_spacy_entry.other  # noqa: B018  to see it refused


def test_spacy_finds_components_and_architectures_by_itself() -> None:
    said = run(
        "import spacy, sys",
        "nlp = spacy.blank('en')",
        "print(nlp.has_factory('seqkit_ner'), nlp.has_factory('seqkit_crf_ner'))",
        "print(callable(spacy.registry.get('architectures', 'seqkit.BiLSTMEncoder.v1')))",
    )
    assert said.split() == ["True", "True", "True"]


def test_a_blank_pipeline_imports_little_of_seqkit() -> None:
    said = run(
        "import sys, spacy",
        "before = set(sys.modules)",
        "spacy.blank('en')",
        "more = {name.partition('.')[0] for name in set(sys.modules) - before}",
        "print('torch' in more, 'datasets' in more, 'transformers' in more, 'sklearn' in more)",
        "loaded = [name for name in sys.modules if name.startswith('seqkit')]",
        "heavy = ('seqkit.pipeline', 'seqkit.recipe', 'seqkit_spacy.network', 'seqkit_recurrent')",
        "print([name for name in heavy if name in loaded])",
    )
    assert said.splitlines() == ["False False False False", "[]"]


@pytest.mark.parametrize(
    "missing",
    [
        "seqkit_spacy.factories",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("torch", "pluggy", "seqkit.stages")
        ),
    ],
)
def test_spacy_goes_on_where_seqkit_is_broken(missing: str) -> None:
    said = run(
        "import sys, warnings",
        f"sys.modules[{missing!r}] = None",
        "warnings.simplefilter('ignore')",
        "import spacy",
        "nlp = spacy.blank('en')",
        "print([token.text for token in nlp('a b')])",
        "spacy.registry.get('architectures', 'spacy.MaxoutWindowEncoder.v2')",
        "encode = spacy.registry.get('architectures', 'seqkit.BiLSTMEncoder.v1')",
        "try: encode(8)",
        "except ImportError as error: print(str(error).partition(' ')[0])",
        "except Exception as error: print(type(error), error)",
        "else: print('seqkit:')",
        "try: spacy.registry.get('architectures', 'no.Such.v1')",
        "except Exception as error: print('E893' in str(error))",
    )
    first, _, last = said.splitlines()
    assert (first, last) == ("['a', 'b']", "True")


def test_what_is_broken_is_told_by_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(seqkit_spacy, "scorers", raising=False)
    monkeypatch.setitem(sys.modules, "seqkit_spacy.scorers", None)
    with pytest.warns(UserWarning, match=r"^seqkit: span_scorer cannot be used \("):
        found = seqkit_spacy_entry.span_scorer
    with pytest.raises(ImportError, match=r"Run: pip install --force-reinstall seqkit$"):
        found()
