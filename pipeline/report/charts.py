"""Draws a summary as Vega-Lite specifications: plain dicts whose colours are the page's own CSS variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, label, mean, ranked, series
from pipeline.report.chart_parts import (
    Spec,
    layered,
    mean_layers,
    mean_scale,
    named_rows,
    one_colour,
    share_axis,
    short_names,
    spread_axis,
    tooltip,
)
from pipeline.report.leader import capital
from pipeline.report.measures import Measure, measure

_STOP_COLOURS = {
    "end_turn": "var(--stop-done)",
    "stop_sequence": "var(--stop-done-2)",
    "tool_use": "var(--stop-tool)",
    "max_tokens": "var(--stop-limit)",
    "model_context_window_exceeded": "var(--stop-limit-2)",
    "refusal": "var(--stop-refused)",
}
_OTHER_STOPS = ["var(--stop-other)", "var(--stop-other-2)"]
_QUANTILES = ("p50", "p95", "p99")
_ROW_HEIGHT = 30
"""Pixels; heights are numbers because Vega-Lite warns of steps beside a width from the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A specification with its text alternative."""

    alternative: str
    """One sentence for those who do not see the chart; the figures stand in a table beside it."""
    spec: Spec


def quality(summary: Summary, metric: str) -> Chart | None:
    """Draw each cell's mean with its 95 % interval, models as rows; None without any mean."""
    order = ranked(summary, metric)
    if not order:
        return None
    found = measure(summary, metric)
    share = found.share
    plain, names = one_colour(order), short_names(order)
    rows = [{**mean_row(cell, found), "short": name} for cell, name in zip(order, names, strict=True)]
    x = {
        "type": "quantitative",
        "title": f"{found.figure}, with 95\N{NO-BREAK SPACE}% interval",
        "axis": share_axis() if share else {"format": ",~r", "tickCount": 6},
        "scale": mean_scale(rows, share=share),
    }
    spec = layered(rows, mean_layers("x", x, plain=plain))
    spec["encoding"] = {"y": _names("short" if plain else "model"), "tooltip": _mean_tooltip()}
    if plain:
        spec["height"] = _ROW_HEIGHT * len(rows) + 20
        spec["usermeta"] = named_rows(names)
    else:
        spec["encoding"]["yOffset"] = {"field": "series", "type": "nominal", "sort": None}
        series_shown = len({row["series"] for row in rows})
        spec["height"] = len({row["model"] for row in rows}) * (24 + 20 * series_shown)
    best = rows[0]
    alternative = (
        f"{capital(found.figure)} with 95 % interval for {len(rows)} cells. "
        f"{'Lowest' if found.better == 'lower' else 'Highest'}: {best['name']}, {best['mean text']}."
    )
    return Chart(alternative=alternative, spec=spec)


def stop_reasons(summary: Summary) -> Chart | None:
    """Draw why answers ended, as shares of each cell's answers; None without any answer."""
    rows = [row for cell, name in _named(summary["cells"]) for row in _stop_rows(cell, name)]
    if not rows:
        return None
    reasons = stop_names(summary)
    spec = layered(
        rows,
        [
            {
                "mark": {"type": "bar", "height": {"band": 0.62}},
                "encoding": {
                    "x": {
                        "field": "share",
                        "type": "quantitative",
                        "stack": "zero",
                        "title": "share of answers",
                        "axis": share_axis(),
                        "scale": {"domain": [0, 1]},
                    },
                    "color": {
                        "field": "reason",
                        "type": "nominal",
                        "title": None,
                        "scale": {"domain": reasons, "range": _stop_palette(reasons)},
                    },
                    "order": {"field": "place", "type": "quantitative"},
                    "tooltip": tooltip("name", "reason", "answers", "share"),
                },
            }
        ],
    )
    _one_row_a_cell(spec, rows)
    alternative = f"Why answers ended, as shares, for {len(summary['cells'])} cells: {', '.join(reasons)}."
    return Chart(alternative=alternative, spec=spec)


def latency(summary: Summary) -> Chart | None:
    """Draw the p50, p95 and p99 of each cell's latency on one line; None where none is known."""
    rows = [row for cell, name in _named(summary["cells"]) for row in _latency_rows(cell, name)]
    if not rows:
        return None
    x = spread_axis("seconds", "latency in seconds", [row["seconds"] for row in rows], ",~r")
    colour = {
        "field": "percentile",
        "type": "nominal",
        "title": None,
        "sort": None,
        "scale": {"domain": list(_QUANTILES), "range": ["var(--accent)", "var(--series-2)", "var(--series-3)"]},
    }
    shape = {**colour, "scale": {"domain": list(_QUANTILES), "range": ["circle", "diamond", "square"]}}
    spec = layered(
        rows,
        [
            {
                "mark": {"type": "line", "strokeWidth": 2, "color": "var(--line-strong)"},
                "encoding": {"x": x, "detail": {"field": "short", "type": "nominal"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {
                    "x": x,
                    "color": colour,
                    "shape": shape,
                    "tooltip": tooltip("name", "percentile", "time"),
                },
            },
        ],
    )
    _one_row_a_cell(spec, rows)
    slowest = max((row for row in rows if row["percentile"] == "p50"), key=lambda row: row["seconds"], default=rows[0])
    told = f"{slowest['name']}, {slowest['time text']}"
    alternative = f"Latency percentiles for {len(summary['cells'])} cells. Slowest median: {told}."
    return Chart(alternative=alternative, spec=spec)


def stop_names(summary: Summary) -> list[str]:
    """Return the stop reasons that occur: the known ones in a fixed order, then the others as first seen."""
    seen = dict.fromkeys(reason for cell in summary["cells"] for reason, jobs in cell["stop_reasons"].items() if jobs)
    return [reason for reason in _STOP_COLOURS if reason in seen] + [name for name in seen if name not in _STOP_COLOURS]


def _named(cells: Sequence[Cell]) -> list[tuple[Cell, str]]:
    return list(zip(cells, short_names(cells), strict=True))


def _names(field: str) -> Spec:
    return {"field": field, "type": "nominal", "title": None, "sort": None}


def _one_row_a_cell(spec: Spec, rows: Sequence[Spec]) -> None:
    names = [row["short"] for row in rows]
    spec["encoding"] = {"y": _names("short")}
    spec["height"] = _ROW_HEIGHT * len(set(names))
    spec["usermeta"] = named_rows(names)


def _mean_tooltip() -> list[Spec]:
    return tooltip("name", "mean", "interval", "answers")


def mean_row(cell: Cell, found: Measure) -> Spec:
    """A row of a chart: one cell's mean with its interval, as numbers and as text."""
    figures = cell["metrics"][found.name]
    low, high = figures["ci95"] or (None, None)
    return {
        "model": cell["model"],
        "series": series(cell),
        "name": label(cell),
        "mean": mean(cell, found.name),
        "low": low,
        "high": high,
        "mean text": found.value(figures["mean"]),
        "interval": found.interval(figures["ci95"]),
        "answers": numbers.count(figures["n"]),
    }


def _stop_rows(cell: Cell, short: str) -> list[Spec]:
    total = sum(cell["stop_reasons"].values())
    order = list(_STOP_COLOURS)
    return [
        {
            "name": label(cell),
            "short": short,
            "reason": reason,
            "answers": numbers.count(jobs),
            "share": jobs / total,
            "share text": numbers.share_of(jobs, total),
            "place": order.index(reason) if reason in order else len(order),
        }
        for reason, jobs in cell["stop_reasons"].items()
        if jobs
    ]


def _stop_palette(reasons: Sequence[str]) -> list[str]:
    others = [reason for reason in reasons if reason not in _STOP_COLOURS]
    return [_STOP_COLOURS.get(reason) or _OTHER_STOPS[others.index(reason) % len(_OTHER_STOPS)] for reason in reasons]


def _latency_rows(cell: Cell, short: str) -> list[Spec]:
    percentiles = cell.get("latency_ms") or {}
    return [
        {
            "name": label(cell),
            "short": short,
            "percentile": name,
            "seconds": percentiles[name] / 1000,
            "time text": numbers.milliseconds(percentiles[name]),
        }
        for name in _QUANTILES
        if percentiles.get(name) is not None
    ]
