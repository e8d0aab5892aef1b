"""Numbers that pages compute from a summary: sums, shares, means of cells; computed here once more, by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import groupby, pairwise
from math import exp, sqrt
from statistics import fmean
from typing import Any

from tests.support.page_figures import Kind, Number, Owner, params_words

ANSWERED = ("ok", "truncated", "refused", "empty")
MARKDOWN_ROWS = 30
"""Lines of a table in report.md; the others are counted."""


def derived(summary: Mapping[str, Any]) -> Iterator[Number]:
    """Every number of a run's pages that does not stand in its summary."""
    for part in (_counts, _shares, _tokens, _margins, _spending, _classes, _projections, _bins, _pace, _pairs, _judges):
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


def _number(kind: Kind, value: float | Decimal, *cells: Mapping[str, Any]) -> Number:
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


def _spending(summary: Mapping[str, Any]) -> Iterator[Number]:
    """Jobs, dollars, retries and waste by model, by prompt, by grid cell, and their part of the total."""
    total = summary["cost"]["total_usd"]
    for ways in ((0,), (1,), (2,), (0, 1), ()):
        for same in _together(summary["cells"], ways):
            known = [Decimal(cell["cost_usd"]) for cell in same if cell["cost_usd"] is not None]
            yield _number("money", sum(known, Decimal(0)), *same)
            yield _number("money", sum((Decimal(cell["wasted_usd"]) for cell in same), Decimal(0)), *same)
            yield from (_number("count", sum(cell[name] for cell in same), *same) for name in ("n", "retries"))
            yield _number("count", sum(cell["unpriced_jobs"] for cell in same), *same)
            for whole in (total, sum((Decimal(cell["cost_usd"] or 0) for cell in summary["cells"]), Decimal(0))):
                if whole and Decimal(whole):
                    yield _number("share", sum(known, Decimal(0)) / Decimal(whole), *same)


def _classes(summary: Mapping[str, Any]) -> Iterator[Number]:
    """What each class of tokens, and all else, is of the dollars that it stands among."""
    for entry in (summary["cost"], *summary["cells"]):
        owners = (entry,) if "model" in entry else ()
        classes = [Decimal(usd) for usd in (entry.get("classes_usd") or {}).values() if usd is not None]
        whole = Decimal(entry.get("total_usd") or entry.get("cost_usd") or 0)
        for usd in (*classes, *(Decimal(entry[name]) for name in ("other_usd", "judges_usd") if entry.get(name))):
            if whole:
                yield _number("share", usd / whole, *owners)


def _projections(summary: Mapping[str, Any]) -> Iterator[Number]:
    """What so many rows more would cost, with the prediction interval of their sum (Hahn and Meeker 1991, 4.7)."""
    for cell in summary["cells"]:
        row = cell.get("row_cost")
        for rows in (1_000, 10_000, 100_000, 1_000_000) if row else ():
            yield _number("count", rows)
            usd, margin = (float(row[name] or 0) * rows for name in ("usd", "margin95_usd"))
            reach = margin * sqrt(1 + row["rows"] / rows)
            yield from (_number("money", value, cell) for value in (usd, max(0.0, usd - reach), usd + reach))


def _together(cells: Iterable[Mapping[str, Any]], ways: tuple[int, ...]) -> Iterator[list[Mapping[str, Any]]]:
    """The cells that are alike in some of model, prompt and parameters: all together for none."""

    def alike(cell: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(owner(cell)[way] for way in ways)

    return (list(same) for _, same in groupby(sorted(cells, key=alike), key=alike))


def _bins(summary: Mapping[str, Any]) -> Iterator[Number]:
    """The last whole number of each bin of a distribution, where bins hold whole numbers; each bin's part of all."""
    for cell in summary["cells"]:
        shapes = [*(cell.get("distributions") or {}).values()]
        shapes += [figures.get("distribution") for figures in cell["metrics"].values()]
        for shape in filter(None, shapes):
            yield from (_number("count", edge - 1) for edge in shape.get("edges") or ())
            counts = shape["counts"]
            yield from (_number("share", count / sum(counts), cell) for count in counts if sum(counts))


def _pace(summary: Mapping[str, Any]) -> Iterator[Number]:
    """What all models did together in each bin of a session, and how long the bin is."""
    pace = summary.get("pace") or {"bins": (), "sessions": ()}
    for place, session in enumerate(pace["sessions"]):
        mine = [entry for entry in pace["bins"] if entry["session"] == place]
        for name in ("requests", "refused", "input_tokens", "output_tokens"):
            for together in zip(*(entry[name] for entry in mine), strict=True):
                yield _number("count", sum(together))
        yield _number("number", session["seconds"] - pace["step_seconds"] * (session["bins"] - 1))


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
