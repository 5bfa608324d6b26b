"""From the bytes of a recording to its samples."""

from __future__ import annotations

import io
import wave
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32

RIFF, WAVE = b"RIFF", b"WAVE"
UNKNOWN = "unknown format"
"""How `wave` begins to say that samples are no plain PCM."""


def samples(
    content: bytes, path: Path, channel: int | None
) -> tuple[Float32[np.ndarray, " time"], int]:
    """The samples of one channel, from 1, or the mean of all, from -1 to 1; and their rate.

    Raises DataError, which names the path, for what is no whole recording, has no samples, or lacks
    the channel.
    """
    values, rate = decoded(content, path)
    channels = values.shape[1]
    if not len(values):
        raise DataError(f"{path}: has no samples. Record it again, or leave it out.")
    if channel is not None and channel > channels:
        raise DataError(
            f"{path}: has no channel {channel}, only {channels}. Set 'channel' lower, or leave it "
            "out for the mean of all."
        )
    chosen = values[:, channel - 1] if channel else values.mean(axis=1)
    return chosen.astype(np.float32), rate


def decoded(content: bytes, path: Path) -> tuple[Float32[np.ndarray, "time channel"], int]:
    """All channels, and the rate. Raises DataError."""
    if not content:
        raise DataError(f"{path}: is empty. Record it again, or leave it out.")
    if content[:4] != RIFF or content[8:12] != WAVE:
        return others(content, path, f"is no .wav: it begins with {content[:4]!r}")
    try:
        with wave.Wave_read(io.BytesIO(content)) as file:
            channels, width, rate, claimed = file.getparams()[:4]
            frames = file.readframes(claimed)
    except wave.Error as error:
        if str(error).startswith(UNKNOWN):
            return others(content, path, f"holds no plain PCM ({error})")
        raise DataError(f"{path}: no whole .wav ({error}). Fetch it again.") from None
    except (EOFError, RuntimeError):
        raise DataError(f"{path}: no whole .wav: it ends too early. Fetch it again.") from None
    if len(frames) != claimed * channels * width:
        raise DataError(
            f"{path}: ends after {len(frames) // (channels * width):,} of the {claimed:,} samples "
            "that its header tells. Fetch it again, or write it with its true length."
        )
    if width not in (1, 2, 3, 4) or not rate:
        raise DataError(
            f"{path}: has {8 * width} bits a sample and {rate:,} samples a second. Save it with "
            "8, 16, 24 or 32 bits."
        )
    return pcm(frames, width).reshape(-1, channels), rate


def pcm(frames: bytes, width: int) -> Float32[np.ndarray, " sample"]:
    """Samples of `width` bytes, little-endian: of one byte from 0 to 255, others with a sign."""
    if width == 1:
        return (np.frombuffer(frames, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        wide = np.zeros((len(frames) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(frames, np.uint8).reshape(-1, 3)
        frames, width = wide.tobytes(), 4
    whole = np.frombuffer(frames, f"<i{width}")
    return (whole / 2.0 ** (8 * width - 1)).astype(np.float32)


def others(
    content: bytes, path: Path, wrong: str
) -> tuple[Float32[np.ndarray, "time channel"], int]:
    """All channels of what `wave` does not read, by soundfile. Raises DataError without it."""
    if find_spec("soundfile") is None:
        raise DataError(
            f"{path}: {wrong}. Save it as .wav with 16 bits, or run: pip install 'seqkit[sound]'"
        )
    import soundfile

    try:
        values, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        told = " ".join(str(error).split())[:200].rstrip(".")
        raise DataError(
            f"{path}: {wrong}, and no recording that soundfile reads ({told}). Fetch it again."
        ) from None
    if not np.isfinite(values).all():
        raise DataError(f"{path}: a sample is no finite number. Record it again.")
    return values, int(rate)
