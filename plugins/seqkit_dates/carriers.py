"""What stands around a date: only symbols, patterns and names that its locale's data hold."""

from __future__ import annotations

import random
from datetime import time
from functools import cache
from typing import Literal

from babel import Locale
from babel.dates import format_time
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

HOLE = "\ufffc"  # Unicode's object replacement character: here the date goes
LENGTHS: tuple[Literal["long", "short"], ...] = ("long", "short")
STYLES: tuple[Literal["standard", "or"], ...] = ("standard", "or")
CURRENCIES = ("EUR", "GBP", "INR", "JPY", "USD")
UNITS = (
    "digital-megabyte",
    "duration-day",
    "duration-hour",
    "duration-month",
    "duration-year",
    "length-kilometer",
    "mass-kilogram",
    "temperature-celsius",
)
ZEROS = {
    "adlm": 0x1E950,
    "arab": 0x0660,
    "arabext": 0x06F0,
    "beng": 0x09E6,
    "cakm": 0x11136,
    "deva": 0x0966,
    "hmnp": 0x1E140,
    "mtei": 0xABF0,
    "mymr": 0x1040,
    "nkoo": 0x07C0,
    "olck": 0x1C50,
    "tibt": 0x0F20,
}  # CLDR's decimal numbering systems, by the code point of zero; babel writes ASCII digits alone


def write_carrier(rng: random.Random, locale: Locale) -> str:
    """A text with one HOLE: at times with the time of day, in a list of up to three other items."""
    date = HOLE
    if rng.random() < 0.3:
        pattern = str(locale.datetime_formats["medium"]).replace("'", "")
        date = pattern.replace("{1}", HOLE).replace("{0}", write_time(rng, locale))
    items = [write_item(rng, locale) for _ in range(rng.randrange(4))]
    items.insert(rng.randrange(len(items) + 1), date)
    return format_list(items, rng.choice(STYLES), locale)


def write_item(rng: random.Random, locale: Locale) -> str:
    """A number, a share, an amount, a measure, a time or a country, in the locale's own writing."""
    number = rng.randrange(1, 10 ** rng.randrange(1, 6)) / rng.choice((1, 1, 10, 100))
    kind = rng.randrange(6)
    if kind == 0:
        return format_decimal(number, locale=locale, numbering_system="default")
    if kind == 1:
        share = rng.randrange(1, 100) / 100
        return format_percent(share, locale=locale, numbering_system="default")
    if kind == 2:
        code = rng.choice(CURRENCIES)
        return format_currency(number, code, locale=locale, numbering_system="default")
    if kind == 3:
        unit, length = rng.choice(UNITS), rng.choice(LENGTHS)
        return format_unit(number, unit, length, locale=locale, numbering_system="default")
    names = country_names(locale)  # the smallest locales have none
    return rng.choice(names) if kind == 4 and names else write_time(rng, locale)


def write_time(rng: random.Random, locale: Locale) -> str:
    """A time of day."""
    return format_time(time(rng.randrange(24), rng.randrange(60)), "short", locale=locale)


@cache
def country_names(locale: Locale) -> tuple[str, ...]:
    """The locale's names of countries and regions, in the order of their codes."""
    return tuple(name for _, name in sorted(locale.territories.items()))


@cache
def native_digits(locale: Locale) -> dict[int, int]:
    """A `str.translate` table from ASCII digits to the digits of the locale's default system."""
    zero = ZEROS.get(locale.default_numbering_system, ord("0"))
    return {ord("0") + digit: zero + digit for digit in range(10)}
