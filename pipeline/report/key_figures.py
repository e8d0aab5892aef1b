"""The key figures at the top of a run's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.names import number_of
from pipeline.report import numbers, tables
from pipeline.report.cells import Summary, answered, ranked, unfinished
from pipeline.report.judge_costs import judge_cost
from pipeline.report.measures import Measure, measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One key figure: its name, the number, and what qualifies it."""

    name: str
    value: str
    note: str


def overview_figures(summary: Summary, metrics: list[str]) -> list[Figure]:
    """Return the key figures of `index.html`: quality, answers, cost, latency."""
    spent = summary["cost"]
    figures = []
    if metrics and (order := ranked(summary, metrics[0])):
        best = order[0]["metrics"][metrics[0]]
        found = measure(summary, metrics[0])
        interval = f"95\N{NO-BREAK SPACE}% interval {found.interval(best['ci95'])}" if best["ci95"] else ""
        figures.append(Figure(name=_best(found), value=found.value(best["mean"]), note=interval))
    figures.append(_answered_figure(summary))
    figures.append(Figure(name="Cost", value=numbers.usd(spent["total_usd"]), note=_cost_note(spent)))
    medians = [
        cell["latency_ms"]["p50"] for cell in summary["cells"] if (cell.get("latency_ms") or {}).get("p50") is not None
    ]
    if medians:
        spread = numbers.milliseconds(min(medians))
        if max(medians) > min(medians):
            spread += f" – {numbers.milliseconds(max(medians))}"
        note = "fastest to slowest cell" if len(medians) > 1 else "of the answered jobs"
        figures.append(Figure(name="Median latency", value=spread, note=note))
    return figures


def _best(found: Measure) -> str:
    return f"Highest {found.noun}" if found.better == "neither" else f"Best {found.noun}"


def _answered_figure(summary: Summary) -> Figure:
    jobs, open_run = summary["jobs"], unfinished(summary)
    if open_run:
        value = f"{numbers.count(answered(jobs))} of {numbers.count(open_run[1])}"
        return Figure(name="Answered", value=value, note="this run is not finished")
    reused = f"{numbers.count(jobs['reused'])} reused from earlier runs" if jobs["reused"] else "complete answers"
    value = f"{numbers.count(jobs['ok'])} of {numbers.count(jobs['total'])}"
    return Figure(name="Answered", value=value, note=reused)


def cost_figures(summary: Summary) -> list[Figure]:
    """Return the totals of `cost.html`: money, tokens, retries, what reuse saved."""
    spent, totals = summary["cost"], tables.token_totals(summary)
    retries = sum(cell["retries"] for cell in summary["cells"])
    saved = numbers.usd(spent["reused_saved_usd"])
    cached = [
        f"{numbers.tokens(totals[name])} {words}"
        for name, words in (("cache_read", "read from"), ("cache_write", "written to"))
        if totals[name]
    ]
    judges = judge_cost(summary)
    return [
        Figure(name="Total", value=numbers.usd(spent["total_usd"]), note=_cost_note(spent)),
        *([] if judges is None else [Figure(name="Judges", value=judges, note="part of the total")]),
        Figure(
            name="Fresh input tokens" if cached else "Input tokens",
            value=numbers.tokens(totals["input"]),
            note=_input_note(summary, cached),
        ),
        Figure(
            name="Output tokens",
            value=numbers.tokens(totals["output"]),
            note=f"of them {numbers.tokens(totals['thinking'])} thinking" if totals["thinking"] else "",
        ),
        Figure(name="Retries", value=numbers.count(retries), note="requests sent again"),
        Figure(name="Saved by reuse", value=saved, note="answers taken from earlier runs"),
    ]


def _input_note(summary: Summary, cached: Sequence[str]) -> str:
    told = [f"and {' and '.join(cached)} a cache"] if cached else []
    return ", ".join([*told, *(["with those of reused answers"] if summary["jobs"]["reused"] else [])])


def _cost_note(spent: Mapping[str, Any]) -> str:
    unpriced = spent["unpriced_jobs"]
    if spent["total_usd"] is None:
        return "no job has a known cost" if unpriced else "nothing was bought"
    if unpriced:
        return f"lower bound: {number_of(unpriced, 'job')} of unknown cost"
    return (
        f"of a budget of {numbers.usd(spent['budget_usd'])}" if spent["budget_usd"] is not None else "no budget was set"
    )
