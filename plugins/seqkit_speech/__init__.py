"""Speech: sources of recordings and of strings spliced from them, and log-mel features."""

from __future__ import annotations

from seqkit.plugins import Register, hookimpl
from seqkit_speech.hearing import log_mel, log_mel_rules
from seqkit_speech.reading import (
    recordings,
    recordings_files,
    recordings_rules,
    spliced,
    spliced_files,
    spliced_rules,
)


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the sources and the embedder."""
    register.source("recordings", recordings, rules=recordings_rules, files=recordings_files)
    register.source("spliced", spliced, rules=spliced_rules, files=spliced_files)
    register.embedder("log_mel", log_mel, rules=log_mel_rules)
