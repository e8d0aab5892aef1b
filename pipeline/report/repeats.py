"""Rows that were asked several times, and groups of the same weight: tables, and what they say in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, label, measured, ranked, short_parts
from pipeline.report.grid import Column, Entry, Grid
from pipeline.report.leader import capital
from pipeline.report.measures import Measure, measure
from pipeline.report.visible import one_line

_KINDS = (("pass_at", "pass@{k}"), ("majority_at", "majority@{k}"), ("pass_all", "pass^{k}"))
REPEATS_EXPLAINED = (
    "pass@k: at least one of k answers passes. majority@k: the most frequent of k answers passes. pass^k: all k "
    "answers pass. Consistency: how often two answers to the same row say the same."
)


def repeats_words(summary: Summary, metric: str) -> str:
    """What repeats say of the leader; empty where no row was repeated."""
    cells = [(cell, figures) for cell in ranked(summary, metric) if (figures := _repeats(cell, metric))]
    if not cells:
        return ""
    best, figures = cells[0]
    k = max(figures["pass_at"], key=int)
    found = measure(summary, metric)
    any_of, all_of = found.value(figures["pass_at"][k]["mean"]), found.value(figures["pass_all"][k]["mean"])
    alike = numbers.metric(figures["consistency"], share=True)
    return (
        f"Asked {figures['repeats']} times, {one_line(_name(summary, best))} passes at least one of {k} answers on "
        f"{any_of} of the rows and all {k} on {all_of}; two of its answers to the same row agree {alike} of the time."
    )


def repeats_grid(summary: Summary, metric: str) -> Grid | None:
    """Consistency and figures by k of each cell; None where no row was repeated."""
    cells = [(cell, figures) for cell in ranked(summary, metric) if (figures := _repeats(cell, metric))]
    if not cells:
        return None
    found = measure(summary, metric)
    ks = list(dict.fromkeys(k for _, figures in cells for k in figures["pass_at"]))
    heads = [name.format(k=k) for _, name in _KINDS for k in ks]
    return Grid(
        caption=f"Repeated answers by {metric}, with 95 % intervals over rows",
        columns=(Column("Cell"), *(Column(head, number=True) for head in ("Repeats", "Consistency", *heads))),
        rows=tuple(
            (
                Entry(_name(summary, cell), kind="head"),
                Entry(numbers.count(figures["repeats"]), kind="number"),
                Entry(numbers.metric(figures["consistency"], share=True), kind="number"),
                *(_at(figures[kind].get(k), found) for kind, _ in _KINDS for k in ks),
            )
            for cell, figures in cells
        ),
    )


def macro_words(summary: Summary, metric: str) -> str:
    """Whether groups of the same weight lead to another leader; empty without a macro average."""
    order = ranked(summary, metric)
    cells = [(cell, macro) for cell in order if (macro := _macro(cell, metric))]
    if not cells:
        return ""
    found = measure(summary, metric)
    known = [(macro["mean"], cell) for cell, macro in cells if macro["mean"] is not None]
    if not known:
        return ""
    pick = min if found.better == "lower" else max
    best_mean, best = pick(known, key=lambda pair: pair[0])
    column, groups = one_line(cells[0][1]["column"]), numbers.count(cells[0][1]["groups"])
    start = f"With the same weight for each of {groups} values of {column}"
    name, value = one_line(_name(summary, best)), found.value(best_mean)
    if found.better == "neither":
        return f"{start}, {name} is highest with {value}."
    return f"{start}, {name} {'still ' if best is order[0] else ''}comes first with {value}."


def macro_grid(summary: Summary, metric: str) -> Grid | None:
    """Macro averages beside the plain figures; None without any."""
    cells = [(cell, macro) for cell in ranked(summary, metric) if (macro := _macro(cell, metric))]
    if not cells:
        return None
    found = measure(summary, metric)
    column = cells[0][1]["column"]
    heads = ("Over all rows", f"Macro average over {column}", "95 % interval", "Groups")
    return Grid(
        caption=f"{capital(found.figure)} with the same weight for each value of {column}",
        columns=(Column("Cell"), *(Column(head, number=True) for head in heads)),
        rows=tuple(
            (
                Entry(_name(summary, cell), kind="head"),
                Entry(found.value(cell["metrics"][metric]["mean"]), kind="number"),
                Entry(found.value(macro["mean"]), kind="strong"),
                Entry(found.interval(macro["ci95"]), kind="number"),
                Entry(numbers.count(macro["groups"]), kind="number"),
            )
            for cell, macro in cells
        ),
    )


def _repeats(cell: Cell, metric: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = (measured(cell, metric) or {}).get("repeats")
    return found


def _macro(cell: Cell, metric: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = (measured(cell, metric) or {}).get("macro")
    return found


def _at(figures: Mapping[str, Any] | None, found: Measure) -> Entry:
    if figures is None or figures["mean"] is None:
        return Entry(numbers.UNKNOWN, kind="number")
    return Entry(
        found.value(figures["mean"]),
        below=found.interval(figures["ci95"]) if figures["ci95"] else "",
        kind="strong",
    )


def _name(summary: Summary, cell: Cell) -> str:
    """Name a cell by what differs between those of the run."""
    cells = list(summary["cells"])
    place = next((place for place, one in enumerate(cells) if one is cell), None)
    return label(cell) if place is None else " · ".join(short_parts(cells)[place])
