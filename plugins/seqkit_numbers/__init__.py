"""Source: numbers as many languages say them, for the front of a speech synthesiser or its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated, Any

from annotated_types import Ge, Le

from seqkit.errors import nearest
from seqkit.plugins import Register, hookimpl
from seqkit.settings import PositiveInt
from seqkit.stages import Source

Largest = Annotated[int, Ge(200), Le(10**15)]

LANGUAGES = ["en", "de", "fr", "es", "it", "pl", "ru", "tr", "fi", "nl", "vi", "hu"]


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the source."""
    register.source("numbers", numbers, rules=number_rules)


def numbers(
    *,
    languages: list[str] = LANGUAGES,
    size: PositiveInt = 20000,
    held_out: PositiveInt = 1000,
    largest: Largest = 999_999,
    seed: int = 1,
) -> Source:
    """Whole numbers in digits and in words, by num2words (`pip install 'seqkit[numbers]'`).

    Fields: digits, words, language, and prompt, which is the language and the digits. A number
    belongs to one split, whatever the seed: none of dev or test stands in train, in any language.
    Those below 100, whose words the others are built of, are all train's.

    languages: num2words' names, such as de or pt_BR. They take turns.
    size: rows of train.
    held_out: rows of dev, and of test.
    largest: the largest number. Numbers of few digits are as frequent as those of many.
    seed: which rows are drawn.
    """
    from seqkit_numbers.source import Numbers

    return Numbers(languages, {"train": size, "dev": held_out, "test": held_out}, largest, seed)


def number_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses a missing num2words, and languages that it does not know."""
    if not settings["languages"]:
        yield "languages", "is empty. Name at least one, or leave it out"
    if find_spec("num2words") is None:
        yield "languages", "are spoken by num2words. Run: pip install 'seqkit[numbers]'"
        return
    from num2words import CONVERTER_CLASSES

    for name in settings["languages"]:
        if name not in CONVERTER_CLASSES:
            yield "languages", f"num2words has no '{name}'. {nearest(name, CONVERTER_CLASSES)}"
