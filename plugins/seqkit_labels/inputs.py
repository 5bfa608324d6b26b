"""What decoders of words ask of the encoder before them."""

from __future__ import annotations

from seqkit.errors import PluginError
from seqkit.stages import Upstream


def one_step_a_piece(who: str, upstream: Upstream) -> None:
    """Raises PluginError where the encoder gives fewer steps than there are pieces."""
    if upstream.stride != 1:
        raise PluginError(
            f"{who} labels every word, but the encoder gives one step for {upstream.stride} pieces."
            " Use an encoder that keeps every step."
        )
