"""The library that reads and writes MIDI files, which is an extra."""

from __future__ import annotations

from types import ModuleType

from seqkit.errors import PluginError


def library() -> ModuleType:
    """The package mido. Raises PluginError where it is not installed."""
    try:
        import mido
    except ImportError as error:
        raise PluginError(
            "music: MIDI files are read and written by mido, which is not installed. "
            "Run `pip install 'seqkit[music]'`."
        ) from error
    found: ModuleType = mido
    return found
