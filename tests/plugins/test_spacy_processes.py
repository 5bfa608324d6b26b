"""Docs answered by several processes, however these are started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = """
import multiprocessing, sys
import spacy

def main(method, model):
    multiprocessing.set_start_method(method)
    nlp = spacy.blank("en")
    nlp.add_pipe("seqkit_ner").initialize(model_path=model)
    texts = [f"Ann sees New York {number}." for number in range(40)]
    alone = [[(e.start, e.label_, e._.confidence) for e in nlp(text).ents] for text in texts]
    found = nlp.pipe(texts, n_process=2, batch_size=10)
    assert [[(e.start, e.label_, e._.confidence) for e in doc.ents] for doc in found] == alone
    print("same")

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.mark.parametrize(
    "method",
    [
        "fork",
        pytest.param("spawn", marks=pytest.mark.slow),
        pytest.param("forkserver", marks=pytest.mark.slow),
    ],
)
def test_processes_answer_as_one(saved: Callable[[str], Path], tmp_path: Path, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), method, str(saved("spans"))]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert ended.stdout.split() == ["same"], ended.stderr
