"""The machine that a run is on: its devices, and the memory that it took."""

from __future__ import annotations

import resource
import sys

import torch

from seqkit.errors import RunError


def pick_device(device: str) -> torch.device:
    """The device that was asked for; `auto` takes a GPU where there is one. Raises RunError."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not number.isdigit()):
        raise RunError(f"--device {device}: is none of auto, cpu, cuda, cuda:N, mps.")
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }[kind]
    if int(number or 0) >= count:
        raise RunError(f"--device {device}: this machine has {count} of them. Use --device auto.")
    return torch.device(device)


def peak_memory() -> float:
    """The most memory that this process has had, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3), 1)
