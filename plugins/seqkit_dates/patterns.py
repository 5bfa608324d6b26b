"""CLDR's date patterns (Unicode Technical Standard 35, part 4), written field by field."""

from __future__ import annotations

from datetime import date
from functools import cache

from babel import Locale
from babel.dates import DateTimeFormat, tokenize_pattern

FORMATS = ("full", "long", "medium")
LABELS = {
    "E": "WEEKDAY",
    "c": "WEEKDAY",
    "e": "WEEKDAY",
    "d": "DAY",
    "M": "MONTH",
    "L": "MONTH",
    "y": "YEAR",
}


def write_date(day: date, form: str, locale: Locale) -> tuple[str, list[tuple[int, int, str]]]:
    """The date as `babel.dates.format_date` writes it, and where each field of LABELS stands.

    Spans are half-open, in characters. Other fields, such as the era, are written and not labelled.
    """
    fields = DateTimeFormat(day, locale)
    text = ""
    spans = []
    for field, literal in pattern_parts(locale, form):
        written = fields[field] if field else literal
        if field and field[0] in LABELS:
            spans.append((len(text), len(text) + len(written), LABELS[field[0]]))
        text += written
    return text, spans


@cache
def pattern_parts(locale: Locale, form: str) -> tuple[tuple[str, str], ...]:
    """The parts of a locale's date pattern: (field, "") such as ("MMMM", ""), or ("", literal)."""
    parts = []
    for _, value in tokenize_pattern(locale.date_formats[form].pattern):
        if isinstance(value, tuple):
            parts.append((value[0] * value[1], ""))
        else:
            parts.append(("", value))
    return tuple(parts)
