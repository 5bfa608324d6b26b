"""Time series: windows over tables, forecasts beside simple ones, and their metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from annotated_types import Gt, Lt

from seqkit.plugins import Register, Use, hookimpl
from seqkit.settings import Name, Nested, PositiveInt
from seqkit.stages import Decoder, Metric, Source, Upstream

Quantile = Annotated[float, Gt(0.0), Lt(1.0)]
Percent = Annotated[float, Gt(0.0), Lt(100.0)]

NAMES: list[Name] = []
LAGS: list[PositiveInt] = []
QUANTILES: list[Quantile] = []
NONE: Mapping[str, Any] = MappingProxyType({})
CSV: Any = Use("source", "csv")


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the source series, the decoder forecast, and its metrics."""
    register.source("series", series, rules=series_rules, files=series_files)
    register.decoder("forecast", forecast, rules=forecast_rules)
    register.metric("rmse", rmse)
    register.metric("mae", mae)
    register.metric("smape", smape)
    register.metric("mase", mase)
    register.metric("pinball", pinball)
    register.metric("coverage", coverage)


def series(
    *,
    target: Name | list[Name],
    history: PositiveInt,
    ahead: PositiveInt = 1,
    stride: PositiveInt = 1,
    expanding: bool = False,
    exogenous: list[Name] = NAMES,
    known: list[Name] = NAMES,
    time: Name | None = None,
    gaps: bool = False,
    by: Name | None = None,
    held_out: dict[Literal["dev", "test"], PositiveInt] = NONE,  # type: ignore[assignment]  # a default that none changes
    until: dict[Literal["train", "dev"], str | int] = NONE,  # type: ignore[assignment]
    table: Nested[Source] = CSV,
) -> Source:
    """Windows over the series of a table, whose rows are in the order of time.

    data.train, data.dev and data.test name a file each, or one file that is parted by time: by
    `held_out` or by `until`. What is forecast then lies in the split's own part of the file; what
    is read may reach back into the parts before.

    Fields: history (an array [time, channel]: targets, exogenous and known columns), future (a
    number for each step ahead, or a list of them where there are several targets), series (the name
    in the column `by`), step (the row of the series, from 1, that is forecast first) and, with
    `time`, time (when that is).

    target: the column that is forecast, or several that are forecast together.
    history: how many steps are read.
    ahead: how many steps are forecast at once.
    stride: how many steps one window begins after another.
    expanding: each window begins where its series does; `history` is then the fewest steps.
    exogenous: further columns that are read as far as the target is.
    known: further columns that are known ahead, such as a calendar or a price list. Each step of
        the history holds the values of these `ahead` steps later.
    time: the column that says when, such as 1949-01, 1949-01-31, 1949-01-31T12:00 or a number. Rows
        must then rise in time, in even steps.
    gaps: steps may be missing in time, as weekends are; the rows are taken one after the other.
    by: the column that says of which series a row is, where a file has several.
    held_out: how many steps at the end are forecast in test, and before these in dev.
    until: the last time that is forecast in train, and in dev; what comes later is for test.
    table: who reads the file: csv, tsv, jsonl, parquet.
    """
    from seqkit_series.observations import Columns
    from seqkit_series.windows import Parting, Shape, Windows

    targets = [target] if isinstance(target, str) else target
    columns = Columns([*targets, *exogenous, *known], time, by)
    shape = Shape(history, ahead, stride, expanding, len(targets), len(known))
    chosen: Any = table
    return Windows(chosen.build(), columns, shape, Parting(held_out, until), gaps)


def series_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses columns that are named twice, two partings, and settings without effect."""
    target, time, until = settings["target"], settings["time"], settings["until"]
    targets = [target] if isinstance(target, str) else target
    if not targets:
        yield "target", "names no column. Name one or more"
    said = [*targets, *settings["exogenous"], *settings["known"], time, settings["by"]]
    named = [name for name in said if name]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice:
        yield "target", f"or another setting names '{twice}' twice. Name each column once"
    if settings["known"] and settings["history"] < settings["ahead"]:
        yield "known", "needs a history of at least 'ahead' steps, each of which holds a value"
    if until and settings["held_out"]:
        yield "until", "parts the file, and so does 'held_out'. Keep one of them"
    if until and "train" not in until:
        yield "until", "does not say where 'train' ends. Say it"
    for name, given in (("until", bool(until)), ("gaps", settings["gaps"])):
        if given and not time:
            yield name, "has no effect without 'time'. Name the column that says when"
    if not settings["table"].stage.files:
        yield "table", f"names {settings['table'].name}, which reads no files. Use csv or tsv"


def series_files(settings: Mapping[str, Any], place: Any) -> list[Any]:
    """What the table's source reads for a place."""
    found: list[Any] = settings["table"].files(place)
    return found


def forecast(
    upstream: Upstream,
    *,
    quantiles: list[Quantile] = QUANTILES,
    log: bool = False,
    differences: list[PositiveInt] = LAGS,
    season: PositiveInt | None = None,
    keep: list[Name] = NAMES,
    over: Name | None = None,
) -> Decoder:
    """Forecasts the next steps of a series, all at once, from the encoder's last step.

    Gold is a list with a number for each step ahead, or with a list of them for each step; the
    first channels of the input are these targets as they were before. What is learnt is what `log`
    and `differences` leave, in units of its deviation in training; answers are in the data's unit.
    The loss is the squared error, or with quantiles the pinball loss. Naive, seasonal naive and
    Holt-Winters forecasts stand beside each score.

    quantiles: levels, such as [0.1, 0.9], that answers have beside the median, their `value`. They
        never cross.
    log: learns of logarithms: for what grows and swings in proportion.
    differences: lags at which differences are taken, one after the other. [1, 12] learns what a
        month changes, less what the same month of the year before did.
    season: how many steps a season has, for the simple methods; by default the greatest lag of
        `differences`.
    keep: fields of the row that its answer repeats, such as [series, time].
    over: the input that is read, where there are several.
    """
    from seqkit_series.forecaster import Forecaster

    return Forecaster(
        upstream,
        quantiles=quantiles,
        log=log,
        differences=differences,
        season=season,
        keep=keep,
        over=over,
    )


def forecast_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses levels that are given twice, and a season of one step."""
    levels = settings["quantiles"]
    if len(set(levels)) != len(levels):
        yield "quantiles", "names a level twice. Name each once"
    if settings["season"] == 1:
        yield "season", "of one step is none. Leave it out, or give the steps of a season"


def rmse() -> Metric:
    """Root mean squared error, over all steps ahead."""
    from seqkit_series.scores import PointError, squared

    return PointError("rmse", "rmse over:steps", squared, root=True)


def mae() -> Metric:
    """Mean absolute error, over all steps ahead."""
    from seqkit_series.scores import PointError, absolute

    return PointError("mae", "mae over:steps", absolute)


def smape() -> Metric:
    """Symmetric mean absolute percentage error, 0 to 200: 200 |y - f| / (|y| + |f|)."""
    from seqkit_series.scores import PointError, relative

    return PointError("smape", "smape of:|y|+|f| max:200", relative)


def mase() -> Metric:
    """Mean absolute scaled error (Hyndman & Koehler 2006): below 1 is better than naive.

    It is in units of the mean change over a season in the history, or over a step without a season.
    A history in which nothing changes has no such unit, and is left out.
    """
    from seqkit_series.scores import PointError, scaled

    return PointError("mase", "mase unit:seasonal-naive-in-history", scaled)


def pinball() -> Metric:
    """Mean pinball loss of the quantiles: how near they are, and how narrow."""
    from seqkit_series.scores import Pinball

    return Pinball()


def coverage(*, level: Percent = 80.0) -> Metric:
    """Share of what came that lies in the interval between two quantiles, in percent.

    level: percent of what comes that ought to; 80 is between the quantiles 0.1 and 0.9.
    """
    from seqkit_series.scores import Coverage

    return Coverage(level)
