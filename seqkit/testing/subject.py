"""A stage under test: how it is made, what it learns, and how a broken promise is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit import storage
from seqkit.plugins import describe
from seqkit.stages import Frames, Pieces
from seqkit.table import LENGTHS, OFFSETS
from seqkit.weights import pack_weights, unpack_weights


class BrokenPromiseError(AssertionError):
    """What `check_stage` raises: `factory: what broke`."""


@dataclass(frozen=True)
class Subject:
    """A factory with its settings. who: its name in messages. build: makes a fresh stage."""

    who: str
    build: Callable[[], Any]

    def hold(self, promise: bool, broken: str) -> None:
        """Raises BrokenPromiseError unless a promise is kept."""
        if not promise:
            raise BrokenPromiseError(f"{self.who}: {broken}")

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Turns whatever the stage raises meanwhile into a BrokenPromiseError that says when."""
        try:
            yield
        except BrokenPromiseError:
            raise
        except Exception as error:  # whatever a foreign stage raises
            raise BrokenPromiseError(f"{self.who}: {what} raises {describe(error)}") from error

    def made(self, seed: int = 1) -> Any:
        """A fresh stage."""
        torch.manual_seed(seed)
        with self.doing("the factory"):
            return self.build()

    def ready(self, learnt: Any, seed: int = 1) -> Any:
        """A fresh stage, ready from what was learnt; without a `ready` where that is None."""
        stage = self.made(seed)
        if learnt is not None:
            with self.doing("ready"):
                stage.ready(learnt)
        return stage

    def learn(self, given: Sequence[Any]) -> Any:
        """What the stage learns, as a saved pipeline would give it back.

        The engine hands an iterator to fit: it can be gone through once.
        """
        stage = self.made()
        before = contents(stage)
        with self.doing("fit"):
            learnt = stage.fit(iter(given))
        after = contents(stage)
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        self.hold(
            not changed,
            f"fit changes '{(changed or [''])[0]}' of the stage. Return it, and take it in ready: "
            "a saved pipeline is loaded without fit.",
        )
        with self.doing("saving what fit returns"):
            saved = storage.unpack(storage.pack(learnt))
        self.hold(isinstance(saved, dict), f"fit returns {type(learnt).__name__}, not a mapping.")
        return saved

    def twin(self, stage: nn.Module, learnt: Any) -> Any:
        """A second stage, filled with the learnt state and the weights of the first."""
        twin = self.ready(learnt, seed=2)
        with self.doing("loading saved weights"):
            content, aliases = pack_weights(stage)
            unpack_weights(twin, content, aliases, "weights")
        return twin.eval()

    def has(self, stage: Any, protocol: type) -> None:
        """Checks that a stage has every member of its Protocol."""
        names = [name for name in {**vars(protocol), **protocol.__annotations__} if name[0] != "_"]
        for name in sorted(names):
            kind = protocol.__name__
            self.hold(hasattr(stage, name), f"lacks '{name}', which every {kind} has.")

    def is_network(self, stage: Any) -> None:
        """Checks that a stage's weights can be found."""
        self.hold(isinstance(stage, nn.Module), "is no torch.nn.Module. Make it one.")

    def positive(self, stage: Any, *names: str) -> None:
        """Checks whole numbers above 0, such as widths."""
        for name in names:
            value = getattr(stage, name)
            fits = isinstance(value, int) and not isinstance(value, bool) and value > 0
            self.hold(fits, f"{name} is {value!r}, not a whole number above 0.")

    def gradients(self, stage: nn.Module, total: Tensor, of: str) -> None:
        """Checks that every trained weight hears of a loss."""
        self.hold(
            total.requires_grad or not any(w.requires_grad for w in stage.parameters()),
            f"{of} has no gradient. Detach nothing on the way from the weights to it.",
        )
        stage.zero_grad(set_to_none=True)
        if total.requires_grad:
            with self.doing(f"backward from {of}"):
                total.backward()  # type: ignore[no-untyped-call]
        for name, weight in stage.named_parameters():
            if weight.requires_grad:
                self.hold(
                    weight.grad is not None,
                    f"no gradient reaches the weight '{name}'. Use it, or set its requires_grad "
                    "to False.",
                )
                finite = weight.grad is None or bool(weight.grad.isfinite().all())
                self.hold(finite, f"the gradient of the weight '{name}' is not finite.")
        stage.zero_grad(set_to_none=True)

    def arrays(self, prepared: Sequence[Any], along: frozenset[str], steps: Sequence[int]) -> None:
        """Checks the arrays of several examples. steps: of the input of each of them."""
        first = prepared[0]
        for arrays, count in zip(prepared, steps, strict=True):
            self.hold(
                set(arrays) == set(first),
                f"prepare gives the arrays {sorted(first)} for one example and {sorted(arrays)} "
                "for another. Give the same names always.",
            )
            for name, array in arrays.items():
                told = f"the array '{name}'"
                self.hold(isinstance(array, np.ndarray), f"{told} is no numpy array.")
                self.hold(array.dtype.kind in "biuf", f"{told} is of {array.dtype}, not numbers.")
                form = (array.dtype, array.shape[1:], array.ndim)
                like = (first[name].dtype, first[name].shape[1:], first[name].ndim)
                self.hold(form == like, f"{told} is {like} in one example and {form} in another.")
                self.hold(not name.endswith(LENGTHS), f"{told} has the name of lengths.")
                if name.endswith(OFFSETS):
                    self.offsets(name, arrays)
            for name in along:
                self.hold(name in arrays, f"along_time names '{name}', which prepare never gives.")
                rows = len(arrays.get(name + OFFSETS, arrays[name])) - (name + OFFSETS in arrays)
                self.hold(
                    rows == count,
                    f"along_time names '{name}', but it has {rows} rows for {count} steps.",
                )

    def offsets(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Checks the offsets of a ragged array."""
        offsets, whole = arrays[name], name.removesuffix(OFFSETS)
        self.hold(whole in arrays, f"there is '{name}' without '{whole}'.")
        ends = [0, *offsets.tolist()] if offsets.ndim == 1 else []
        fits = ends[:2] == [0, 0] and ends == sorted(ends) and ends[-1] == len(arrays[whole])
        self.hold(fits, f"'{name}' does not go up from 0 to the end of '{whole}'.")


def contents(stage: Any) -> dict[str, str]:
    """Everything that a stage and the modules in it hold, to see whether it changes."""
    modules = dict(stage.named_modules()) if isinstance(stage, nn.Module) else {"": stage}
    return {
        f"{path}.{name}".lstrip("."): repr(value)
        for path, module in modules.items()
        for name, value in getattr(module, "__dict__", {}).items()
    }


def same(left: Any, right: Any) -> bool:
    """Whether two prepared values are equal, number by number."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, Pieces) and isinstance(right, Pieces):
        return list(left.strings) == list(right.strings) and all(
            same(getattr(left, name), getattr(right, name))
            for name in ("source", "spans", "words", "word_spans")
        )
    if isinstance(left, Frames) and isinstance(right, Frames):
        return left.rate == right.rate and np.array_equal(left.values, right.values)
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.array_equal(left, right)
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return torch.equal(left, right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
