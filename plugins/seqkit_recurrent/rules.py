"""What the settings of stacks exclude."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def stack_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """No setting without an effect, one connection at a time, an even width for two directions."""
    two_ways = "alternating" in settings and not settings["alternating"]
    if two_ways and settings["width"] % 2:
        yield "width", odd_width(settings["width"])
    several = [name for name in ("residual", "highway") if settings[name]]
    if len(several) > 1:
        yield "highway", "excludes 'residual': both join a layer's input and output. Keep one"
    for name in (*several, "alternating"):
        if settings.get(name) and settings["layers"] == 1:
            yield name, "has no effect with 1 layer. Set 'layers' above 1"
    rates = ("input_dropout", "dropout", "output_dropout")
    if settings["locked"] and not any(settings[name] for name in rates):
        yield "locked", "has no effect without 'dropout'. Set 'dropout' above 0"
    for name in ("recurrent_dropout", "weight_drop"):
        if settings.get("window") and settings.get(name):
            yield "window", f"would draw the mask of '{name}' anew in each window. Remove one"
    if settings["output_dropout"] is not None and settings["layers"] == 1 and settings["dropout"]:
        yield (
            "output_dropout",
            f"leaves 'dropout', {settings['dropout']}, without effect with 1 layer. Keep one",
        )


def odd_width(width: int) -> str:
    """Says why a width cannot be shared by two directions."""
    return (
        f"is {width}, but each of the two directions takes half of it. "
        f"Use an even number, such as {width + 1}"
    )
