"""Gathers what the page of a comparison shows: its tables, marks and changed rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report import numbers
from pipeline.report.cautions import SIMULATED
from pipeline.report.changes import change_groups
from pipeline.report.compare_cautions import cautions
from pipeline.report.compare_words import COST, LATENCY, Found, cell_name, judged, measures, verdict
from pipeline.report.measures import Measure
from pipeline.report.tables import Whisker, place_between

_SLICES_IN_SIGHT = 10
_MARK_WIDTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """One comparison as a line of a table."""

    metric: str
    cell: str
    slice: tuple[str, str]
    """Column and value; empty texts for all rows."""
    verdict: str
    before: str
    after: str
    difference: str
    interval: str
    whisker: Whisker | None
    zero: float
    p_adjusted: str
    gained: str
    lost: str
    n: str
    detectable: str


def comparison_context(found: Found) -> dict[str, Any]:
    """Return the context of `compare.html.jinja`."""
    runs = found["runs"]
    return {
        "page": "compare.html",
        "eval_name": " · ".join(dict.fromkeys(run["eval"] for run in runs)),
        "description": f"{len(runs)} runs, paired row by row",
        "simulated": SIMULATED if any(run["simulated"] for run in runs) else "",
        "progress": "",
        "runs": [_run(run) for run in runs],
        "pairs": [_pair(found, pair) for pair in found["pairs"]],
        "version": runs[-1]["version"],
        "whisker_width": _MARK_WIDTH,
    }


def _run(run: Found) -> dict[str, str]:
    return {
        "letter": run["letter"],
        "run_id": run["run_id"],
        "folder": run["folder"],
        "eval": run["eval"],
        "created_at": numbers.moment(run["created_at"]),
        "rows": numbers.count(run["rows"]),
        "jobs": numbers.count(run["jobs"]["total"]),
    }


def _pair(found: Found, pair: Found) -> dict[str, Any]:
    known = measures(found)
    slices = difference_rows(sorted(pair["slices"], key=_surest), known)
    return {
        "letter": pair["run"],
        "verdict": verdict(pair, known),
        "cautions": cautions(found, pair),
        "details": [entry for entry in pair["differing"] if entry["detail"]],
        "rows": difference_rows(pair["comparisons"], known),
        "slices": slices[:_SLICES_IN_SIGHT],
        "more_slices": slices[_SLICES_IN_SIGHT:],
        "endings": [_ending(entry) for entry in pair["endings"]],
        "paid": [_paid(cost, time) for cost, time in zip(pair["costs"], pair["latencies"], strict=True)],
        "groups": change_groups(pair, known),
    }


def difference_rows(entries: Sequence[Found], known: Mapping[str, Measure]) -> list[DifferenceRow]:
    """Return comparisons as lines; the small marks of one metric share a scale around zero."""
    reach = {name: _reach(entry for entry in entries if entry["metric"] == name) for name in known}
    return [_difference_row(entry, known[entry["metric"]], reach[entry["metric"]]) for entry in entries]


def _surest(entry: Found) -> float:
    return 1.0 if entry["p"] is None else float(entry["p"])


def _reach(entries: Iterable[Found]) -> float:
    ends = [abs(end) for entry in entries for end in (entry["ci95"] or [entry["difference"] or 0.0])]
    return max(ends, default=0.0) or 1.0


def _difference_row(entry: Found, measure: Measure, reach: float) -> DifferenceRow:
    line = (-reach, reach)
    ends = entry["ci95"]
    low, high = (
        (place_between(ends[0], line, _MARK_WIDTH), place_between(ends[1], line, _MARK_WIDTH)) if ends else (None, None)
    )
    value = entry["difference"]
    return DifferenceRow(
        metric=entry["metric"],
        cell=cell_name(entry),
        slice=(entry.get("column", ""), entry.get("value", "")),
        verdict=judged(entry, measure),
        before=measure.value(entry["mean_a"]),
        after=measure.value(entry["mean_b"]),
        difference=measure.difference(value),
        interval=measure.difference_interval(ends),
        whisker=None if value is None else Whisker(mean=place_between(value, line, _MARK_WIDTH), low=low, high=high),
        zero=place_between(0.0, line, _MARK_WIDTH),
        p_adjusted=numbers.p_value(entry["p_adjusted"]),
        gained=numbers.count(entry["gained"]),
        lost=numbers.count(entry["lost"]),
        n=numbers.count(entry["n"]),
        detectable=measure.size(entry["smallest_detectable"]),
    )


def _ending(entry: Found) -> dict[str, str]:
    return {
        "cell": cell_name(entry),
        "before": entry["from"],
        "after": entry["to"],
        "jobs": numbers.count(entry["jobs"]),
        "share": numbers.share_of(entry["jobs"], entry["of"]),
    }


def _paid(cost: Found, time: Found) -> dict[str, Any]:
    return {"cell": cell_name(cost), "cost": _figures(cost, COST, 1000), "latency": _figures(time, LATENCY, 1)}


def _figures(entry: Found, measure: Measure, factor: int) -> tuple[str, str, str, str]:
    """Before, after, difference and its interval, for so many jobs."""
    before, after, difference = (
        None if entry[name] is None else entry[name] * factor for name in ("mean_a", "mean_b", "difference")
    )
    ends = None if entry["ci95"] is None else [end * factor for end in entry["ci95"]]
    return (
        measure.value(before), measure.value(after), measure.difference(difference), measure.difference_interval(ends),
    )  # fmt: skip
