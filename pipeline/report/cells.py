"""Finds things in a summary: cells by rank, the comparison of two cells, how a cell is called."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from pipeline.core.records import Better
from pipeline.report.measures import measure

Summary = Mapping[str, Any]
Cell = Mapping[str, Any]
"""An entry of `summary["cells"]`, or one end (`a`, `b`) of a comparison."""

Judgement = Literal["better", "worse", "higher", "lower", "cannot tell"]
SIGNIFICANCE = 0.05
_ANSWERED = ("ok", "truncated", "refused", "empty")


def unfinished(summary: Summary) -> tuple[int, int] | None:
    """Return how many jobs are done and how many the whole run has; None where the run is whole or it is not known."""
    done, planned = summary["jobs"]["total"], summary["jobs"].get("planned")
    return (done, planned) if planned is not None and planned > done else None


def answered(counts: Mapping[str, int]) -> int:
    """Count the jobs that have an answer, of whatever kind."""
    return sum(counts[status] for status in _ANSWERED)


def key(cell: Cell) -> tuple[str, str, str]:
    """Return what tells a cell from every other: model, prompt, parameters."""
    return cell["model"], cell["prompt"], params_text(cell.get("params"))


def params_text(params: Any) -> str:
    """Write a grid cell for readers, `temperature 0.7`; empty without a grid."""
    if isinstance(params, str):
        return _stored_params_text(params)
    if not isinstance(params, Mapping):
        return "" if params is None else str(params)
    return ", ".join(f"{name} {value}" for name, value in params.items())


@lru_cache(maxsize=1024)
def _stored_params_text(params: str) -> str:
    """The same of JSON, as every job has it."""
    try:
        return params_text(json.loads(params or "{}"))
    except ValueError:
        return params


def series(cell: Cell) -> str:
    """Name what a cell is beside its model: the prompt, and the parameters where there is a grid."""
    return " · ".join(part for part in key(cell)[1:] if part)


def label(cell: Cell) -> str:
    """Name a cell in full: model, prompt, parameters."""
    return " · ".join(part for part in key(cell) if part)


def short_parts(cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    """Name each cell by what differs between them, part by part; in full where nothing does."""
    keys = [key(cell) for cell in cells]
    differing = [place for place in range(3) if len({name[place] for name in keys}) > 1]
    return [tuple(part for place in differing or range(3) if (part := name[place])) for name in keys]


def metric_names(summary: Summary) -> list[str]:
    """Return the scorers in the order of the evaluation; the first is the headline."""
    names: dict[str, None] = dict.fromkeys(summary.get("metrics") or ())
    for cell in summary["cells"]:
        names.update(dict.fromkeys(cell["metrics"]))
    return list(names)


def measured(cell: Cell, metric: str) -> Mapping[str, Any] | None:
    """Return a cell's figures for one metric, or None where it has none."""
    found: Mapping[str, Any] | None = cell["metrics"].get(metric)
    return found


def mean(cell: Cell, metric: str) -> float | None:
    """Return a cell's mean, or None where nothing was scored."""
    found = measured(cell, metric)
    return None if found is None else found["mean"]


def interval_or_mean(figures: Mapping[str, Any]) -> Sequence[float]:
    """Return the ends of a metric's interval, or its mean alone where it has none."""
    ends: Sequence[float] = figures["ci95"] or (figures["mean"],)
    return ends


def ranked(summary: Summary, metric: str) -> list[Cell]:
    """Return the cells that have a mean, best first (highest where neither is better), equal ones as they stand."""
    scored = [(value, cell) for cell in summary["cells"] if (value := mean(cell, metric)) is not None]
    sign = 1 if measure(summary, metric).better == "lower" else -1
    return [cell for _, cell in sorted(scored, key=lambda pair: sign * pair[0])]


def compare(summary: Summary, metric: str, base: Cell, other: Cell) -> Mapping[str, Any] | None:
    """Return the paired comparison turned so that `difference` is mean(other) - mean(base); None if there is none."""
    for found in summary["comparisons"]:
        if found["metric"] != metric:
            continue
        ends = key(found["a"]), key(found["b"])
        if ends == (key(base), key(other)):
            return dict(found)
        if ends == (key(other), key(base)):
            return _turned(found)
    return None


def judge(comparison: Mapping[str, Any], better: Better = "higher") -> Judgement:
    """Say whether `b` is better than `a`; unknown or wide intervals and p values of 5 % or more cannot tell.

    Where neither direction is better, say which way the figure went.
    """
    ends: Sequence[float] | None = comparison["ci95"]
    p = comparison["p_adjusted"]
    if ends is None or p is None or p >= SIGNIFICANCE or ends[0] <= 0 <= ends[1]:
        return "cannot tell"
    return direction(ends[0] > 0, better)


def direction(higher: bool, better: Better) -> Judgement:
    """Name a change of a figure: better or worse, or only higher or lower where neither direction is better."""
    if better == "neither":
        return "higher" if higher else "lower"
    return "better" if higher == (better == "higher") else "worse"


def _turned(found: Mapping[str, Any]) -> dict[str, Any]:
    ends, value = found["ci95"], found["difference"]
    return {
        **found,
        "a": found["b"],
        "b": found["a"],
        "difference": None if value is None else -value,
        "ci95": None if ends is None else [-ends[1], -ends[0]],
        "gained": found["lost"],
        "lost": found["gained"],
    }
