"""Detect: how many rows a given difference needs, from an earlier run's spread or from stated assumptions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import EvalmillError, UsageError
from pipeline.stats.power import pass_fail_sd, rows_needed, smallest_detectable
from pipeline.store.folder import is_finished, read_run

DISCORDANCES = (0.05, 0.1, 0.2, 0.3)
"""Shares of rows that only one of two models passes, as they are often seen."""
PASS_RATES = (0.9, 0.7, 0.5)
"""For two models whose successes are independent, which is the most rows that are ever needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How much the rows of two cells differ, and what follows for a paired comparison at 5 % with 80 % power."""

    what: str
    """The comparison it was seen in, or the assumption."""
    metric: str | None
    sd: float
    """Of the rows' differences; over clusters, as if each row were independent."""
    rows_needed: int | None
    """None where the difference cannot occur, or no number of rows is enough."""
    detectable: float | None
    """The smallest difference that the present rows show; None below two rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What it takes to see a difference."""

    difference: float
    rows: int
    """Of the evaluation as it is."""
    run: Path | None
    """The run whose spread was used; None where assumptions were."""
    spreads: tuple[Spread, ...]


def detect(home: Path, rows: int, difference: float) -> Detection:
    """Rows needed to see `difference`, by the newest finished run below `home` in which two cells differ.

    Raises UsageError for a difference that no metric can show: shares are at most 1 apart.
    """
    run = newest_summary(home)
    if run is not None:
        folder, summary = run
        seen = tuple(_seen(summary, rows, difference))
        if seen:
            _require_possible(difference, [spread.metric for spread in seen], summary)
            return Detection(difference=difference, rows=rows, run=folder, spreads=seen)
    _require_possible(difference, [None], {})
    return Detection(difference=difference, rows=rows, run=None, spreads=tuple(_assumed(rows, difference)))


def _require_possible(difference: float, metrics: Sequence[str | None], summary: Mapping[str, Any]) -> None:
    """Refuse a difference above 1 unless one of the metrics is graded, whose scale may be any."""
    known = summary.get("metrics") or {}
    graded = any(not (known.get(metric) or {}).get("pass_fail", True) for metric in metrics if metric is not None)
    if difference > 1 and not graded:
        raise UsageError(
            f"--detect {difference:g}: shares of passed rows differ by at most 1; "
            "name the difference as a share, such as 0.02 for two percentage points"
        )


def newest_summary(home: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest finished run of an evaluation that has a summary; None without one."""
    found = sorted(_runs(home), key=lambda run: run[0], reverse=True)
    for _, folder in found:
        try:
            return folder, json.loads((folder / "summary.json").read_bytes())
        except (OSError, ValueError):
            continue
    return None


def _runs(home: Path) -> Iterator[tuple[str, Path]]:
    for file in home.glob("*/run.json"):
        try:
            if is_finished(file.parent):
                yield str(read_run(file.parent)["created_at"]), file.parent
        except (EvalmillError, KeyError):
            continue


def _seen(summary: Mapping[str, Any], rows: int, difference: float) -> Iterator[Spread]:
    """Of each metric the comparison whose rows differ most: what is enough for it is enough for the others."""
    most: dict[str, tuple[float, Mapping[str, Any]]] = {}
    for pair in summary["comparisons"]:
        if pair["se"]:
            sd = pair["se"] * pair["n"] ** 0.5
            if sd > most.get(pair["metric"], (0.0, pair))[0]:
                most[pair["metric"]] = sd, pair
    for metric, (sd, pair) in most.items():
        yield _spread(f"{_cell(pair['a'], pair['b'])} on {pair['n']:,} rows", metric, sd, rows, _needed(difference, sd))


def _cell(a: Mapping[str, str], b: Mapping[str, str]) -> str:
    """The two cells by what they differ in."""
    part = next((name for name in ("model", "prompt", "params") if a[name] != b[name]), "model")
    return f"{a[part]} against {b[part]}"


def _assumed(rows: int, difference: float) -> Iterator[Spread]:
    for share in DISCORDANCES:
        what = f"only one of the two passes {share:.0%} of the rows"
        yield _spread(what, None, share**0.5, rows, _needed(difference, _sd(0.5, difference, share)))
    for rate in PASS_RATES:
        what = f"both pass about {rate:.0%}, independently of each other"
        spread_of_equals = (2 * rate * (1 - rate)) ** 0.5
        yield _spread(what, None, spread_of_equals, rows, _needed(difference, _sd(rate, difference, None)))


def _sd(rate: float, difference: float, discordance: float | None) -> float | None:
    """The spread of two models around `rate` that truly differ so much; None where that cannot be."""
    try:
        return pass_fail_sd(rate - difference / 2, difference, discordance)
    except ValueError:
        return None


def _needed(difference: float, sd: float | None) -> int | None:
    try:
        return rows_needed(difference, sd) if sd else None
    except ValueError:
        return None


def _spread(what: str, metric: str | None, sd: float, rows: int, needed: int | None) -> Spread:
    return Spread(
        what=what,
        metric=metric,
        sd=sd,
        rows_needed=needed,
        detectable=smallest_detectable(sd / rows**0.5) if rows >= 2 else None,
    )
