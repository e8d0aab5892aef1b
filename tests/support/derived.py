"""Numbers that pages compute from a summary: sums, shares, means of cells; computed here once more, by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby, pairwise
from math import exp
from statistics import fmean
from typing import Any

from tests.support.page_figures import Kind, Number, Owner, params_words

ANSWERED = ("ok", "truncated", "refused", "empty")
MARKDOWN_ROWS = 30
"""Lines of a table in report.md; the others are counted."""


def derived(summary: Mapping[str, Any]) -> Iterator[Number]:
    """Every number of a run's pages that does not stand in its summary."""
    for part in (_counts, _shares, _tokens, _margins, _pairs, _judges):
        yield from part(summary)


def derived_from_comparison(found: Mapping[str, Any]) -> Iterator[Number]:
    """What the page of a comparison of runs computes: dollars per 1,000 jobs; milliseconds are as they are."""
    for pair in found["pairs"]:
        for kind, entries, scale in (("money", pair["costs"], 1_000), ("time", pair["latencies"], 1)):
            for entry in entries:
                values = [entry[name] for name in ("mean_a", "mean_b", "difference")] + list(entry["ci95"] or ())
                yield from (_number(kind, value * scale) for value in values if value is not None)


def owner(cell: Mapping[str, Any]) -> Owner:
    return cell["model"], cell["prompt"], params_words(cell.get("params"))


def _number(kind: Kind, value: float, *cells: Mapping[str, Any]) -> Number:
    return Number(kind, float(value), frozenset(map(owner, cells)))


def _counts(summary: Mapping[str, Any]) -> Iterator[Number]:
    """How many there are: cells, failed gates, comparisons of each metric, jobs answered and not done yet."""
    jobs, cells = summary["jobs"], summary["cells"]
    yield _number("count", len(cells))
    yield _number("count", sum(not gate["passed"] for gate in summary["gates"]))
    yield _number("count", sum(jobs[status] for status in ANSWERED))
    yield _number("count", (jobs.get("planned") or 0) - jobs["total"])
    yield _number("count", sum(cell["retries"] for cell in cells))
    yield _number("count", len(cells) + len(summary["gates"]))
    yield from (_number("count", len(some) - MARKDOWN_ROWS) for some in (cells, summary["comparisons"]))
    for metric in {name for cell in cells for name in cell["metrics"]}:
        yield _number("count", sum(cell["metrics"][metric]["unscored"] for cell in cells if metric in cell["metrics"]))
        pairs = [pair for pair in summary["comparisons"] if pair["metric"] == metric]
        yield from (_number("count", number) for number in range(1, len(pairs) + 1))


def _shares(summary: Mapping[str, Any]) -> Iterator[Number]:
    """Parts of all jobs by status, and of a cell's answers by status and by stop reason."""
    jobs = summary["jobs"]
    everywhere = sum(jobs[status] for status in ANSWERED)
    for status in (*ANSWERED, "error", "blocked", "skipped"):
        yield from (_number("share", jobs[status] / whole) for whole in (jobs["total"], everywhere) if whole)
    for cell in summary["cells"]:
        answers = sum(cell["statuses"][status] for status in ANSWERED)
        for counts in (cell["statuses"], cell["stop_reasons"]):
            for whole in {answers, sum(cell["stop_reasons"].values())} - {0}:
                yield from (_number("share", count / whole, cell) for count in counts.values())


def _tokens(summary: Mapping[str, Any]) -> Iterator[Number]:
    """Tokens of a class in all cells."""
    for name in ("input", "cache_read", "cache_write", "output", "thinking"):
        yield _number("count", sum(cell["tokens"].get(name) or 0 for cell in summary["cells"]))


def _margins(summary: Mapping[str, Any]) -> Iterator[Number]:
    """The plain mean of a model's cells, of a prompt's, and of all."""
    cells = summary["cells"]
    for metric in {name for cell in cells for name in cell["metrics"]}:
        known = [cell for cell in cells if (cell["metrics"].get(metric) or {}).get("mean") is not None]
        for group in (lambda cell: owner(cell)[0], lambda cell: owner(cell)[1:], lambda cell: ""):
            for _, found in groupby(sorted(known, key=lambda cell: str(group(cell))), key=group):
                same = list(found)
                mean = fmean(cell["metrics"][metric]["mean"] for cell in same)
                yield _number("share" if abs(mean) <= 1 else "number", mean, *same)


def _pairs(summary: Mapping[str, Any]) -> Iterator[Number]:
    """The part of the rows that one of two cells alone gets right."""
    for pair in summary["comparisons"]:
        if pair["n"] and pair["gained"] is not None:
            yield _number("share", (pair["gained"] + pair["lost"]) / pair["n"], pair["a"], pair["b"])


def _judges(summary: Mapping[str, Any]) -> Iterator[Number]:
    """What all judges of a scorer did together, and the chance that a rating's lead stands for."""
    for entry in summary.get("judges") or ():
        for count in ("jobs", "reasked"):
            yield _number("count", sum(judge[count] for judge in entry["judges"]))
        calibration = entry.get("calibration") or {}
        yield _number("count", sum(map(sum, (calibration.get("confusion") or {}).get("counts") or ())))
    for found in summary.get("ratings") or ():
        ordered = sorted((one["rating"] for one in found["ratings"] if one["rating"] is not None), reverse=True)
        for lead in (one - other for one, other in pairwise(ordered)):
            yield _number("number", lead)
            yield _number("share", 1 / (1 + exp(-lead)))
