"""Recordings to samples: every width, channels, and what is no whole recording."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqkit.errors import DataError
from seqkit_speech import waves
from seqkit_speech.waves import samples

PATH = Path("says/7_ann_0.wav")
VALUES = np.array([0.0, 0.5, -0.5, 0.25, -1.0, 0.125])
Wav = Callable[..., bytes]


def refused(content: bytes, channel: int | None = None) -> str:
    with pytest.raises(DataError) as caught:
        samples(content, PATH, channel)
    return str(caught.value)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_gives_the_numbers_that_were_written(wav: Wav, width: int) -> None:
    found, rate = samples(wav(VALUES, width, rate=16000), PATH, None)
    assert found.dtype == np.float32
    assert rate == 16000
    assert found.tolist() == VALUES.tolist()


@pytest.mark.parametrize("width", [2, 3])
def test_stereo_is_mixed_down_or_one_channel_is_chosen(wav: Wav, width: int) -> None:
    content = wav(np.stack([VALUES, VALUES[::-1]], 1), width)
    assert samples(content, PATH, None)[0].tolist() == ((VALUES + VALUES[::-1]) / 2).tolist()
    assert samples(content, PATH, 1)[0].tolist() == VALUES.tolist()
    assert samples(content, PATH, 2)[0].tolist() == VALUES[::-1].tolist()
    assert refused(content, 3) == (
        f"{PATH}: has no channel 3, only 2. Set 'channel' lower, or leave it out for the mean of "
        "all."
    )


def test_an_empty_file_and_one_without_samples_are_told(wav: Wav) -> None:
    assert refused(b"") == f"{PATH}: is empty. Record it again, or leave it out."
    assert refused(wav([])) == f"{PATH}: has no samples. Record it again, or leave it out."


def test_a_truncated_recording_is_told_wherever_it_ends(wav: Wav) -> None:
    content = wav(VALUES)
    assert refused(content[:-4]) == (
        f"{PATH}: ends after 4 of the 6 samples that its header tells. Fetch it again, or write it "
        "with its true length."
    )
    for size in range(12, len(content)):
        assert refused(content[:size]).startswith(f"{PATH}: ")


def test_a_damaged_header_is_told(wav: Wav) -> None:
    content = bytearray(wav(VALUES))
    content[22:24] = struct.pack("<H", 0)
    assert refused(bytes(content)) == f"{PATH}: no whole .wav (bad # of channels). Fetch it again."
    odd = bytearray(wav(VALUES, rate=1))
    odd[24:28] = bytes(4)
    assert refused(bytes(odd)) == (
        f"{PATH}: has 16 bits a sample and 0 samples a second. Save it with 8, 16, 24 or 32 bits."
    )


def test_what_the_standard_library_does_not_read_goes_to_soundfile(wav: Wav) -> None:
    soundfile = pytest.importorskip("soundfile")
    for format_, kind in (("FLAC", "PCM_16"), ("WAV", "FLOAT"), ("WAVEX", "PCM_24")):
        stream = io.BytesIO()
        soundfile.write(stream, np.stack([VALUES, -VALUES], 1), 8000, kind, format=format_)
        found, rate = samples(stream.getvalue(), PATH, 1)
        assert rate == 8000
        np.testing.assert_allclose(found, VALUES, atol=1e-4)
    assert refused(b"a text that is no recording").startswith(
        f"{PATH}: is no .wav: it begins with b'a te', and no recording that soundfile reads ("
    )
    stream = io.BytesIO()
    soundfile.write(stream, np.array([0.5, np.nan]), 8000, "FLOAT", format="WAV")
    assert refused(stream.getvalue()) == (f"{PATH}: a sample is no finite number. Record it again.")


def test_without_soundfile_the_command_to_install_it_is_told(
    monkeypatch: pytest.MonkeyPatch, wav: Wav
) -> None:
    monkeypatch.setattr(waves, "find_spec", lambda name: None)
    assert refused(b"fLaC and more of it") == (
        f"{PATH}: is no .wav: it begins with b'fLaC'. Save it as .wav with 16 bits, or run: "
        "pip install 'seqkit[sound]'"
    )
    content = bytearray(wav(VALUES))
    content[20:22] = struct.pack("<H", 3)
    assert refused(bytes(content)) == (
        f"{PATH}: holds no plain PCM (unknown format: 3). Save it as .wav with 16 bits, or run: "
        "pip install 'seqkit[sound]'"
    )
