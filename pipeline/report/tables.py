"""Turns a summary into the rows of the tables: figures as text, and the positions of the small interval marks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import (
    Cell,
    Summary,
    interval_or_mean,
    judge,
    key,
    label,
    measured,
    metric_names,
    params_text,
    ranked,
)
from pipeline.report.measures import Measure, measure
from pipeline.report.spans import span

WHISKER_WIDTH = 200
_WHISKER_INSET = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisker:
    """Where a mean and its interval lie on a line of `WHISKER_WIDTH` units."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingRow:
    """One cell in the ranking of one metric."""

    model: str
    prompt: str
    params: str
    mean: str
    interval: str
    answered: str
    """The mean over the answers that were neither truncated, refused nor empty, where it differs."""
    whisker: Whisker | None
    n: str
    passed: str
    unscored: str
    cost: str
    latency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One pair of cells, read as `b` against `a`."""

    metric: str
    a: str
    b: str
    n: str
    difference: str
    interval: str
    p_adjusted: str
    gained: str
    lost: str
    verdict: str
    detectable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GainedLost:
    """How the two columns of rows won and lost are called and explained."""

    heads: tuple[str, str]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRow:
    """What one cell used: tokens and time."""

    model: str
    prompt: str
    params: str
    tokens: tuple[str, ...]
    """In the order of `TOKEN_CLASSES`."""
    latency: tuple[str, str, str]
    """p50, p95, p99."""
    first_token: tuple[str, str]
    """p50, p95."""


MOST_PAIRS_IN_SIGHT = 30
"""Comparisons that are read one by one; of more only those of the leading cells are in sight."""
TOKEN_CLASSES = ("input", "cache_read", "cache_write", "output", "thinking")


def ranking(summary: Summary, metric: str) -> list[RankingRow]:
    """Return the cells with a mean, best first, then those without one."""
    found = measure(summary, metric)
    order = ranked(summary, metric)
    line = _line(order, found)
    rest = [cell for cell in summary["cells"] if cell not in order and measured(cell, metric) is not None]
    return [_ranking_row(cell, found, line) for cell in [*order, *rest]]


def whisker_ends(summary: Summary, metric: str) -> tuple[str, str]:
    """Name the two ends of the line on which the interval marks lie."""
    found = measure(summary, metric)
    low, high = _line(ranked(summary, metric), found)
    if found.share:
        return f"{low:.0%}", f"{high:.0%}"
    return found.value(low), found.value(high)


def comparisons(summary: Summary) -> list[ComparisonRow]:
    """Return all paired comparisons in the order of the summary."""
    return [_comparison_row(found, measure(summary, found["metric"])) for found in summary["comparisons"]]


def leading(summary: Summary) -> list[ComparisonRow]:
    """Return the comparisons of each metric's leading cell, where all of them are too many to read; else none."""
    if len(summary["comparisons"]) <= MOST_PAIRS_IN_SIGHT:
        return []
    leaders = {metric: key(order[0]) for metric in metric_names(summary) if (order := ranked(summary, metric))}
    return [
        _comparison_row(found, measure(summary, found["metric"]))
        for found in summary["comparisons"]
        if leaders.get(found["metric"]) in (key(found["a"]), key(found["b"]))
    ]


def gained_lost(summary: Summary) -> GainedLost:
    """Return the column heads of rows won and lost, and what they mean for the metrics that are compared."""
    compared = dict.fromkeys(found["metric"] for found in summary["comparisons"])
    repeated = {found["metric"] for found in summary["comparisons"] if found["test"] == "paired_t"}
    repeated |= {name for cell in summary["cells"] for name, one in cell["metrics"].items() if one.get("repeats")}
    shares = [metric for metric in compared if measure(summary, metric).pass_fail]
    graded = [metric for metric in compared if metric not in shares]
    if not shares:
        words = "Higher: rows on which the first cell scores higher than the second. Lower: the other way round."
        return GainedLost(heads=("Higher", "Lower"), words=words)
    words = "Gained: rows that the first cell gets right and the second wrong. Lost: the other way round."
    if repeated & set(shares):
        words = "Gained: rows that the first cell gets right more often than the second. Lost: less often."
    if graded:
        words += f" For the graded {', '.join(graded)}: rows with a higher and with a lower score."
    return GainedLost(heads=("Gained", "Lost"), words=words)


def uses(summary: Summary) -> list[UseRow]:
    """Return what each cell used, in the order of the summary."""
    return [_use_row(cell) for cell in summary["cells"]]


def token_totals(summary: Summary) -> dict[str, int | None]:
    """Sum the known tokens of each class over all cells; None where no cell knows any."""
    totals: dict[str, int | None] = {}
    for name in TOKEN_CLASSES:
        known = [value for cell in summary["cells"] if (value := cell["tokens"].get(name)) is not None]
        totals[name] = sum(known) if known else None
    return totals


def has_params(summary: Summary) -> bool:
    """Say whether the run has a grid, so that tables need a column for it."""
    return any(params_text(cell.get("params")) for cell in summary["cells"])


def _ranking_row(cell: Cell, found: Measure, line: tuple[float, float]) -> RankingRow:
    figures = cell["metrics"][found.name]
    answered = figures.get("answered")
    return RankingRow(
        model=cell["model"],
        prompt=cell["prompt"],
        params=params_text(cell.get("params")),
        mean=found.value(figures["mean"]),
        interval=found.interval(figures["ci95"]),
        answered=found.value(answered["mean"]) if answered else "",
        whisker=_whisker(figures["mean"], figures["ci95"], line),
        n=numbers.count(figures["n"]),
        passed=_passed(figures),
        unscored=numbers.count(figures["unscored"]),
        cost=numbers.usd(cell["cost_usd"]),
        latency=numbers.milliseconds(_at(cell.get("latency_ms"), "p50")),
    )


def _passed(figures: Mapping[str, Any]) -> str:
    """How many answers passed; of how many, where a row has several."""
    passed, scored = figures["passed"], figures.get("scored")
    several = scored is not None and scored > figures["n"]
    return f"{numbers.count(passed)} of {numbers.count(scored)}" if several else numbers.count(passed)


def _comparison_row(found: Mapping[str, Any], of: Measure) -> ComparisonRow:
    return ComparisonRow(
        metric=found["metric"],
        a=label(found["a"]),
        b=label(found["b"]),
        n=numbers.count(found["n"]),
        difference=of.difference(found["difference"]),
        interval=of.difference_interval(found["ci95"]),
        p_adjusted=numbers.p_value(found["p_adjusted"]),
        gained=numbers.count(found["gained"]),
        lost=numbers.count(found["lost"]),
        verdict=judge(found, of.better),
        detectable=of.size(found.get("smallest_detectable")),
    )


def _use_row(cell: Cell) -> UseRow:
    latency, first_token = cell.get("latency_ms"), cell.get("first_token_ms")
    return UseRow(
        model=cell["model"],
        prompt=cell["prompt"],
        params=params_text(cell.get("params")),
        tokens=tuple(numbers.count(cell["tokens"].get(name)) for name in TOKEN_CLASSES),
        latency=(
            numbers.milliseconds(_at(latency, "p50")),
            numbers.milliseconds(_at(latency, "p95")),
            numbers.milliseconds(_at(latency, "p99")),
        ),
        first_token=(
            numbers.milliseconds(_at(first_token, "p50")),
            numbers.milliseconds(_at(first_token, "p95")),
        ),
    )


def _at(percentiles: Mapping[str, float | None] | None, name: str) -> float | None:
    return None if percentiles is None else percentiles.get(name)


def _line(order: Sequence[Cell], found: Measure) -> tuple[float, float]:
    """Return the range of the interval marks: what the intervals need, for shares in whole tenths."""
    if not order:
        return 0.0, 1.0
    low, high = span(
        [end for cell in order for end in interval_or_mean(cell["metrics"][found.name])], share=found.share
    )
    return (math.floor(low * 10) / 10, math.ceil(high * 10) / 10) if found.share else (low, high)


def _whisker(mean: float | None, ends: Sequence[float] | None, line: tuple[float, float]) -> Whisker | None:
    if mean is None:
        return None
    low, high = ends if ends is not None else (None, None)
    return Whisker(mean=place_between(mean, line), low=_opt(low, line), high=_opt(high, line))


def _opt(value: float | None, line: tuple[float, float]) -> float | None:
    return None if value is None else place_between(value, line)


def place_between(value: float, line: tuple[float, float], width: int = WHISKER_WIDTH) -> float:
    """Say where on a drawn line of so many units a value lies, for a line from `line[0]` to `line[1]`."""
    low, high = line
    part = (value - low) / (high - low)
    return round(_WHISKER_INSET + part * (width - 2 * _WHISKER_INSET), 1)
