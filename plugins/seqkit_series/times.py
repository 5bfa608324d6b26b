"""When observations were made: times as they are written, their order, and the steps between."""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
MONTH = re.compile(r"(\d{4})-(\d{2})")
QUARTER = re.compile(r"(\d{4})-?Q([1-4])")
FORMS = "1949-01, 1949Q1, 1949-01-31, 1949-01-31T12:00 or a number"
UNITS = {"month": 1, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


@dataclass(frozen=True)
class Time:
    """A time as written, and where it is on its scale.

    kind: `number`, `month` (counted from the year 0) or `second` (from 1970, in UTC where no zone
    is written).
    """

    text: str
    kind: str
    place: float


def read_time(text: str) -> Time | None:
    """The time that a text names; None where it is in none of the FORMS."""
    text = text.strip()
    if NUMBER.fullmatch(text):
        return Time(text, "number", float(text))
    month, quarter = MONTH.fullmatch(text), QUARTER.fullmatch(text)
    if month and 1 <= int(month[2]) <= 12:
        return Time(text, "month", float(12 * int(month[1]) + int(month[2]) - 1))
    if quarter:
        return Time(text, "month", float(12 * int(quarter[1]) + 3 * int(quarter[2]) - 3))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Time(text, "second", zoned.timestamp())


def aligned(times: Sequence[Time]) -> list[Time]:
    """Times, those of one day of each month on a scale of months.

    The first day of a month, or the last one, is a month later than the one before, though the days
    between are not always as many.
    """
    if any(time.kind != "second" for time in times):
        return list(times)
    moments = [datetime.fromtimestamp(time.place, UTC) for time in times]
    clock = {moment.time() for moment in moments}
    firsts = {moment.day for moment in moments}
    lasts = all(moment.day == monthrange(moment.year, moment.month)[1] for moment in moments)
    months = [float(12 * moment.year + moment.month - 1) for moment in moments]
    if len(clock) > 1 or not (len(firsts) == 1 or lasts) or len(set(months)) < len(months):
        return list(times)
    return [Time(time.text, "month", place) for time, place in zip(times, months, strict=True)]


def usual_step(times: Sequence[Time]) -> float:
    """The most frequent distance of two neighbours, the shortest of several; 0 of a single time."""
    steps = Counter(after.place - one.place for one, after in pairwise(times))
    return min(steps, key=lambda step: (-steps[step], step)) if steps else 0.0


def told(step: float, kind: str) -> str:
    """A distance in words: `1 month`, `2 days`, `0.5`."""
    if kind == "number":
        return f"{step:g}"
    names = ["month"] if kind == "month" else ["day", "hour", "minute", "second"]
    unit = next((name for name in names if step % UNITS[name] == 0), names[-1])
    count = step / UNITS[unit]
    return f"{count:g} {unit}{'' if count == 1 else 's'}"
