"""What the conformance suite says of toys that break one promise each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seqkit.testing import check_stage


@pytest.fixture
def broken() -> Callable[..., str]:
    """Checks a toy with a flaw; gives the message."""

    def told(factory: Any, flaw: str, **more: Any) -> str:
        with pytest.raises(AssertionError) as caught:
            check_stage(factory, settings={"flaw": flaw}, **more)
        return str(caught.value)

    return told
