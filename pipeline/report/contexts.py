"""Gathers what each page's template needs from a run view."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.names import number_of
from pipeline.report import charts, embed, numbers, tables
from pipeline.report.cautions import SIMULATED, cautions
from pipeline.report.cells import Summary, answered, label, metric_names, ranked, unfinished
from pipeline.report.equivalence import equivalence_grid, equivalence_sentences
from pipeline.report.judge_costs import judge_cost, judge_rows
from pipeline.report.judging import judge_sections
from pipeline.report.leader import capital, lead_line, standing
from pipeline.report.matrix import matrix
from pipeline.report.measures import Measure, measure
from pipeline.report.methods import interval_words, method_words
from pipeline.report.money import money
from pipeline.report.pace import pace_section
from pipeline.report.pair_grid import disagreements, pair_grids
from pipeline.report.policies import COUNTED_BY_DEFAULT, counted_words
from pipeline.report.repeats import REPEATS_EXPLAINED, macro_grid, macro_words, repeats_grid, repeats_words
from pipeline.report.shapes import score_shape, time_shapes, token_shapes
from pipeline.report.slices import slice_sections
from pipeline.report.view import RunView
from pipeline.report.words import gate_figures, progress, verdict

_ABOUT_MONEY = ("unanswered", "unpriced", "possibly paid", "estimated")
_STATUSES = ("ok", "truncated", "refused", "empty", "error", "blocked", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One key figure: its name, the number, and what qualifies it."""

    name: str
    value: str
    note: str


def overview(view: RunView) -> dict[str, Any]:
    """Return the context of `index.html`: the verdict, key figures, cautions, gates."""
    summary = view.summary
    metrics = metric_names(summary)
    return {
        **_frame(view, "index.html"),
        "verdict": verdict(summary),
        "figures": _overview_figures(summary, metrics),
        "cautions": [caution for caution in cautions(summary) if caution.kind != "simulated"],
        "ranking": tables.ranking(summary, metrics[0]) if metrics else [],
        "figure": capital(measure(summary, metrics[0]).figure) if metrics else "",
        "counted": (counted_words(summary, metrics[0]) if metrics else "") or COUNTED_BY_DEFAULT,
        "whisker_ends": tables.whisker_ends(summary, metrics[0]) if metrics else ("", ""),
        "gates": [_gate_row(summary, gate) for gate in summary["gates"]],
        "statuses": _status_rows(summary),
        "notes": view.notes,
    }


def quality(view: RunView) -> dict[str, Any]:
    """Return the context of `quality.html`: one section per metric, comparisons, stop reasons, samples."""
    summary = view.summary
    packed = embed.pack(view.samples)
    stops = charts.stop_reasons(summary)
    comparisons = tables.comparisons(summary)
    return {
        **_frame(view, "quality.html"),
        "metrics": [_metric_section(summary, metric) for metric in metric_names(summary)],
        "equivalences": equivalence_sentences(summary),
        "equivalence_grid": equivalence_grid(summary),
        "slices": slice_sections(summary),
        "judges": judge_sections(summary),
        "repeats_explained": REPEATS_EXPLAINED,
        "tests": method_words(summary),
        "comparisons": comparisons,
        "pair_grids": pair_grids(summary),
        "disagreements": disagreements(summary),
        "several_metrics": len({row.metric for row in comparisons}) > 1,
        "gained_lost": tables.gained_lost(summary),
        "stops": stops,
        "stop_table": _stop_table(summary),
        "explorer": explorer(packed.samples, view.total_jobs, view.folder),
        "sample_data": packed.data,
    }


def explorer(shown: int, total: int, folder: str) -> dict[str, Any]:
    """Return what the samples section says of itself: how many of the jobs it holds, and how to see the others."""
    return {
        "link": "",
        "shown": numbers.count(shown),
        "total": numbers.count(total),
        "any": shown > 0,
        "cut": shown < total,
        "command": f"evalmill view {shlex.quote(folder)}" if folder else "evalmill view",
    }


def cost(view: RunView) -> dict[str, Any]:
    """Return the context of `cost.html`: totals, where the money went, cost against quality, tokens, latency."""
    summary = view.summary
    return {
        **_frame(view, "cost.html"),
        "figures": _cost_figures(summary),
        "cautions": [caution for caution in cautions(summary) if caution.kind in _ABOUT_MONEY],
        "rows": tables.uses(summary),
        "reused": summary["jobs"]["reused"] > 0,
        **money(summary),
        "latency": charts.latency(summary),
        "token_shapes": token_shapes(summary),
        "time_shapes": time_shapes(summary),
        "pace": pace_section(summary),
        "judges": judge_rows(summary),
    }


def _frame(view: RunView, page: str) -> dict[str, Any]:
    summary = view.summary
    return {
        "page": page,
        "eval_name": summary["eval"],
        "run_id": summary["run_id"],
        "simulated": SIMULATED if summary["simulated"] else "",
        "progress": progress(summary) or "",
        "description": view.description,
        "created_at": numbers.moment(view.created_at),
        "dataset": {
            "name": view.dataset.get("name") or numbers.UNKNOWN,
            "rows": numbers.count(view.dataset.get("rows")),
            "sha256": (view.dataset.get("sha256") or "")[:12],
        },
        "version": view.version,
        "has_params": tables.has_params(summary),
        "whisker_width": tables.WHISKER_WIDTH,
    }


def _metric_section(summary: Summary, metric: str) -> dict[str, Any]:
    ranking, found = tables.ranking(summary, metric), measure(summary, metric)
    return {
        "name": metric,
        "verdict": standing(summary, metric),
        "line": lead_line(summary, metric),
        "figure": found.figure,
        "noun": capital(found.noun),
        "order": "highest first" if found.better == "neither" else "best first",
        "ranking": ranking,
        "any_answered": any(row.answered for row in ranking),
        "chart": charts.quality(summary, metric),
        "share": found.pass_fail,
        "basis": " ".join(filter(None, (interval_words(summary, metric), counted_words(summary, metric)))),
        "matrix": matrix(summary, metric),
        "repeats": repeats_grid(summary, metric),
        "repeats_words": repeats_words(summary, metric),
        "macro": macro_grid(summary, metric),
        "macro_words": macro_words(summary, metric),
        "shape": score_shape(summary, metric),
    }


def _overview_figures(summary: Summary, metrics: list[str]) -> list[Figure]:
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


def _cost_figures(summary: Summary) -> list[Figure]:
    spent, totals = summary["cost"], tables.token_totals(summary)
    retries = sum(cell["retries"] for cell in summary["cells"])
    saved = numbers.usd(spent["reused_saved_usd"])
    cached = totals["cache_read"]
    judges = judge_cost(summary)
    return [
        Figure(name="Total", value=numbers.usd(spent["total_usd"]), note=_cost_note(spent)),
        *([] if judges is None else [Figure(name="Judges", value=judges, note="part of the total")]),
        Figure(
            name="Input tokens",
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


def _input_note(summary: Summary, cached: int | None) -> str:
    told = [f"and {numbers.tokens(cached)} read from a cache"] if cached else []
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


def _gate_row(summary: Summary, gate: Mapping[str, Any]) -> dict[str, Any]:
    metric = str(gate.get("metric") or "")
    value, bound = gate_figures(gate, share=measure(summary, metric).pass_fail)
    result, kind = ("passed", "better") if gate["passed"] else ("failed", "worse")
    if unfinished(summary):
        result, kind = "not decided", "unclear"
    where = [str(gate[name]) for name in ("model", "prompt") if gate.get(name)]
    return {
        "metric": metric,
        "cell": label(gate["cell"]) if isinstance(gate.get("cell"), Mapping) else " · ".join(where) or "every cell",
        "bound": bound,
        "value": value,
        "result": result,
        "kind": kind,
        "note": str(gate.get("note") or ""),
    }


def _status_rows(summary: Summary) -> list[dict[str, str]]:
    jobs = summary["jobs"]
    return [
        {"name": name, "jobs": numbers.count(jobs[name]), "share": numbers.share_of(jobs[name], jobs["total"])}
        for name in _STATUSES
        if jobs[name]
    ]


def _stop_table(summary: Summary) -> dict[str, Any]:
    names = charts.stop_names(summary)
    rows = [
        [label(cell), *(numbers.count(cell["stop_reasons"].get(name, 0)) for name in names)]
        for cell in summary["cells"]
    ]
    return {"names": names, "rows": rows}
