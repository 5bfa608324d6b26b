"""Source: dates in many languages, written from Unicode's locale data; it needs no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le

from seqkit.errors import nearest
from seqkit.plugins import Register, hookimpl
from seqkit.settings import PositiveInt
from seqkit.stages import Source

Year = Annotated[int, Ge(1), Le(9999)]

LOCALES = [
    "en",
    "ja",
    "ar_EG",
    "hi",
    "es",
    "de",
    "ru",
    "zh",
    "fr",
    "ko",
    "am",
    "bn",
    "el",
    "fa",
    "fi",
    "he",
    "hu",
    "hy",
    "it",
    "ka",
    "mr",
    "pl",
    "pt",
    "ta",
    "th",
    "tr",
    "uk",
    "vi",
]


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the source."""
    register.source("dates", dates, rules=date_rules)


def dates(
    *,
    locales: list[str] = LOCALES,
    size: PositiveInt = 3000,
    held_out: PositiveInt = 500,
    seed: int = 1,
    first_year: Year = 1950,
    last_year: Year = 2049,
    carriers: bool = True,
) -> Source:
    """Dates in 28 languages and 15 scripts, from Unicode's locale data (CLDR, unicode.org/cldr).

    Each row is one date as its locale writes it (full, long or medium), with the locale's digits,
    among times, amounts, shares, measures and countries that its locale writes too.

    Fields: text, spans (half-open character spans, each [start, end, label], of WEEKDAY, DAY, MONTH
    and YEAR), locale, date (ISO 8601), format. A date belongs to one split, whatever the seed: no
    date of dev or test stands in train. Several scripts write no spaces: tokenise by characters.

    locales: CLDR's names, such as de or pt_BR.
    size: rows of train.
    held_out: rows of dev, and of test.
    seed: which rows are drawn.
    first_year: no date lies before it.
    last_year: no date lies after it.
    carriers: false leaves out what stands around a date, so that the text is the date alone.
    """
    from seqkit_dates.source import Dates

    return Dates(
        locales,
        {"train": size, "dev": held_out, "test": held_out},
        seed,
        first_year,
        last_year,
        carriers,
    )


def date_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses locales that CLDR does not know, and years in the wrong order."""
    from babel import Locale, UnknownLocaleError

    if not settings["locales"]:
        yield "locales", "is empty. Name at least one, or leave it out."
    for name in settings["locales"]:
        try:
            Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            yield "locales", f"CLDR has no locale '{name}'. {nearest(name, LOCALES)}"
    first, last = settings["first_year"], settings["last_year"]
    if last < first:
        yield "last_year", f"is {last}, before first_year, {first}. Swap them."
