"""A torch module inside a model of thinc's, where threads, averages and saving are right.

thinc's own shim puts the module into evaluation mode to predict and back, which another thread may
see; it looks for averages under names that its optimiser never writes; and it pickles.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

import torch
from safetensors.torch import load, save
from thinc.shims import PyTorchShim
from thinc.util import get_torch_default_device, xp2torch

if TYPE_CHECKING:
    from thinc.types import ArgsKwargs
    from torch import Tensor, nn


Pack = Callable[[Any], bytes]
Unpack = Callable[[Any, bytes, torch.device], Any]


@final
class TwinShim(PyTorchShim):
    """Trains a module, and predicts with a twin of it that has the same weights.

    The module is always in training mode, the twin never is: no call changes what another one sees.
    pack, unpack: the module as bytes, and back from the module there is, bytes and a device.
    """

    def __init__(self, module: nn.Module | None, pack: Pack, unpack: Unpack, **more: Any) -> None:
        super().__init__(module, serialize_model=pack, deserialize_model=unpack, **more)
        self._twin: nn.Module | None = None
        self.take(module)

    def take(self, module: nn.Module | None) -> None:
        """Trains another module from now on."""
        self._model, self._twin = module, None
        if module is not None:
            module.to(get_torch_default_device()).train()

    @property
    def twin(self) -> nn.Module:
        """The module as it predicts."""
        twin = self._twin
        if twin is None:
            twin = self._twin = twin_of(self._model)
        return twin

    def predict(self, inputs: ArgsKwargs) -> Any:
        """What the module gives, without dropout and without a trace for gradients."""
        with torch.no_grad(), torch.autocast("cuda", enabled=self._mixed_precision):
            return self.twin(*inputs.args, **inputs.kwargs)

    @contextmanager
    def use_params(self, params: Mapping[Any, Any]) -> Iterator[None]:
        """Takes other weights meanwhile, such as an optimiser's averages."""
        named = dict(self._model.named_parameters()) if self._model is not None else {}
        given = {name: params[(self.id, name)] for name in named if (self.id, name) in params}
        before = {name: named[name].detach().clone() for name in given}
        fill(named, {name: xp2torch(value) for name, value in given.items()})
        try:
            yield
        finally:
            fill(named, before)

    def to_device(self, device_type: str, device_id: int) -> None:
        """Moves the weights, where there are any yet."""
        if self._model is not None:
            super().to_device(device_type, device_id)
        self._twin = None

    def from_bytes(self, bytes_data: bytes) -> TwinShim:
        """Takes weights that were saved."""
        super().from_bytes(bytes_data)  # type: ignore[no-untyped-call]  # thinc types none of it
        self._twin = None
        return self


def twin_of(module: nn.Module) -> nn.Module:
    """A module with the very same weights, in evaluation mode."""
    shared = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in shared}).eval()


@torch.no_grad()
def fill(named: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copies values into tensors of the same names."""
    for name, value in values.items():
        named[name].copy_(value)


def packed(module: nn.Module) -> bytes:
    """A module's weights as safetensors."""
    return save(weights_of(module))


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A module's weights as they are saved."""
    return {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}


def unpacked(module: nn.Module, content: bytes, device: torch.device) -> nn.Module:
    """The module with saved weights, on a device."""
    module.load_state_dict(load(content))
    return module.to(device)
