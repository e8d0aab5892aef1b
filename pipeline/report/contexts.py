"""Gathers what each page's template needs from a run view."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from pipeline.report import charts, embed, numbers, tables
from pipeline.report.cautions import SIMULATED, cautions
from pipeline.report.cells import Summary, label, metric_names, unfinished
from pipeline.report.contents import cost_contents, quality_contents
from pipeline.report.equivalence import equivalence_grid, equivalence_sentences
from pipeline.report.judge_costs import judge_rows
from pipeline.report.judging import judge_sections
from pipeline.report.key_figures import cost_figures, overview_figures
from pipeline.report.leader import capital, lead_line, standing
from pipeline.report.matrix import matrix
from pipeline.report.measures import Measure, measure
from pipeline.report.methods import interval_words, method_words
from pipeline.report.money import money
from pipeline.report.pace import pace_section
from pipeline.report.pair_grid import disagreements, pair_grids
from pipeline.report.policies import COUNTED_BY_DEFAULT, Caution, counted_words
from pipeline.report.repeats import REPEATS_EXPLAINED, macro_grid, macro_words, repeats_grid, repeats_words
from pipeline.report.shapes import score_shape, time_shapes, token_shapes
from pipeline.report.slices import slice_sections
from pipeline.report.view import RunView
from pipeline.report.words import gate_figures, progress, verdict

_ABOUT_MONEY = ("unanswered", "unpriced", "possibly paid", "estimated")
_STATUSES = ("ok", "truncated", "refused", "empty", "error", "blocked", "skipped")


def overview(view: RunView) -> dict[str, Any]:
    """Return the context of `index.html`: the verdict, key figures, cautions, gates."""
    summary = view.summary
    metrics = metric_names(summary)
    return {
        **_frame(view, "index.html"),
        "verdict": verdict(summary),
        "figures": overview_figures(summary, metrics),
        "cautions": [caution for caution in cautions(summary) if caution.kind != "simulated"],
        "ranking": tables.ranking(summary, metrics[0]) if metrics else [],
        **(_headings(measure(summary, metrics[0])) if metrics else {}),
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
    comparisons, grids = tables.comparisons(summary), pair_grids(summary)
    page = {
        **_frame(view, "quality.html"),
        "cautions": _quality_cautions(summary),
        "metrics": [_metric_section(summary, metric) for metric in metric_names(summary)],
        "equivalences": equivalence_sentences(summary),
        "equivalence_grid": equivalence_grid(summary),
        "slices": slice_sections(summary),
        "judges": judge_sections(summary),
        "repeats_explained": REPEATS_EXPLAINED,
        "tests": method_words(summary),
        "comparisons": comparisons,
        "pair_grids": grids,
        "leading": [] if grids else tables.leading(summary),
        "disagreements": disagreements(summary),
        "several_metrics": len({row.metric for row in comparisons}) > 1,
        "gained_lost": tables.gained_lost(summary),
        "stops": stops,
        "stop_table": _stop_table(summary),
        "explorer": explorer(packed.samples, view.total_jobs, view.folder),
        "sample_data": packed.data,
    }
    return {**page, "contents": quality_contents(page)}


def _quality_cautions(summary: Summary) -> list[Caution]:
    """What weakens the figures, without what the banners say already, and what gates and money are about."""
    elsewhere = {*_ABOUT_MONEY, "simulated", "gate", *(["incomplete"] if progress(summary) else [])}
    return [caution for caution in cautions(summary) if caution.kind not in elsewhere]


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
    page = {
        **_frame(view, "cost.html"),
        "figures": cost_figures(summary),
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
    return {**page, "contents": cost_contents(page)}


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
        **_headings(found),
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


def _headings(found: Measure) -> dict[str, str]:
    """What the heads of a ranking by this metric say."""
    return {
        "figure": capital(found.figure),
        "noun": capital(found.noun),
        "order": "highest first" if found.better == "neither" else "best first",
    }


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
