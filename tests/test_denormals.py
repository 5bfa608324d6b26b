"""Numbers too small to be fast with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import seqkit
from seqkit.denormals import flushed, flushing
from seqkit.network import Network

pytestmark = pytest.mark.skipif(
    not (torch.set_flush_denormal(True) and torch.set_flush_denormal(False)),
    reason="this processor has no such setting",
)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """No test leaves the setting behind."""
    yield
    torch.set_flush_denormal(False)


def tiny() -> float:
    """What is left of a number that is no longer normal."""
    return float(torch.tensor(1e-38) * 0.1)


def test_denormal_numbers_are_zero_meanwhile_and_are_numbers_again() -> None:
    with flushed():
        assert tiny() == 0.0
        assert float(torch.full((70_000,), 1e-38).mul(0.1).abs().max()) == 0.0
    assert tiny() == pytest.approx(1e-39)


def test_the_setting_comes_back_after_an_error_too() -> None:
    with pytest.raises(ValueError, match="wrong"), flushed():
        raise ValueError("wrong")
    assert not flushing()


def test_who_had_it_set_keeps_it() -> None:
    torch.set_flush_denormal(True)
    with flushed(), flushed():
        pass
    assert flushing()


def test_it_is_known_whatever_type_numbers_have_by_default() -> None:
    torch.set_flush_denormal(True)
    torch.set_default_dtype(torch.float64)
    try:
        assert flushing()
    finally:
        torch.set_default_dtype(torch.float32)


def test_training_and_answers_have_it_and_leave_it(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[bool, bool]] = set()
    whole = Network.encode

    def looking(self: Network, *given: object, **named: object) -> object:
        seen.add((self.training, flushing()))
        return whole(self, *given, **named)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(Network, "encode", looking)
    seqkit.run(toy, out=tmp_path / "run")
    assert seen == {(True, True), (False, True)}
    assert not flushing()
