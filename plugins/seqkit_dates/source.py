"""Rows with one date each, labelled by the formatter that wrote it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import final

from babel import Locale

from seqkit.errors import DataError, nearest
from seqkit.stages import Row
from seqkit_dates.carriers import HOLE, native_digits, write_carrier
from seqkit_dates.patterns import FORMATS, write_date


@final
class Dates:
    """Draws rows from CLDR's locale data; the same settings give the same rows anywhere.

    locales: CLDR's names. sizes: the number of rows of each split. carriers: whether something
    stands around each date.
    """

    def __init__(
        self,
        locales: Sequence[str],
        sizes: Mapping[str, int],
        seed: int,
        first_year: int,
        last_year: int,
        carriers: bool = True,
    ) -> None:
        self.locales = [Locale.parse(name) for name in locales]
        self.sizes = sizes
        self.seed, self.carriers = seed, carriers
        self.days = (date(first_year, 1, 1).toordinal(), date(last_year, 12, 31).toordinal())

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields text, spans, locale, date and format; the locales take turns."""
        if split not in self.sizes:
            raise DataError(f"dates: no split '{split}'. {nearest(split, self.sizes)}")
        if place is not None:
            raise DataError(
                f"data.{split}: dates reads no files, got '{place}'. "
                "Remove it; size and held_out say how many rows to draw."
            )
        rng = random.Random(f"{self.seed} {split}")
        for row in range(self.sizes[split]):
            locale = self.locales[row % len(self.locales)]
            yield draw_row(rng, locale, self.draw_day(rng, split), self.carriers)

    def draw_day(self, rng: random.Random, split: str) -> date:
        """A random day that belongs to the split."""
        while True:
            day = date.fromordinal(rng.randint(*self.days))
            if split_of(day) == split:
                return day


def split_of(day: date) -> str:
    """The one split that a date belongs to: one in ten is for test, one in ten for dev."""
    digest = blake2b(day.isoformat().encode(), digest_size=8).digest()
    return {0: "test", 1: "dev"}.get(int.from_bytes(digest, "big") % 10, "train")


def draw_row(rng: random.Random, locale: Locale, day: date, carriers: bool) -> Row:
    """A row with the date in a random format and, where asked for, a random carrier."""
    form = rng.choice(FORMATS)
    written, spans = write_date(day, form, locale)
    before, after = write_carrier(rng, locale).split(HOLE) if carriers else ("", "")
    return {
        "text": (before + written + after).translate(native_digits(locale)),
        "spans": [[start + len(before), end + len(before), label] for start, end, label in spans],
        "locale": str(locale),
        "date": day.isoformat(),
        "format": form,
    }
