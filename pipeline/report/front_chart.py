"""Draws quality against cost: each cell with its intervals in both directions, and the line that nobody is above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import labels, numbers
from pipeline.report.cell_costs import usd_interval
from pipeline.report.cells import Cell, Summary, key, ranked
from pipeline.report.chart_parts import (
    Spec,
    by_series,
    layered,
    mean_scale,
    name_layer,
    name_points,
    one_colour,
    share_axis,
    short_names,
    spread_axis,
    tooltip,
)
from pipeline.report.charts import Chart, mean_row
from pipeline.report.front import MOST_POINTS_NAMED, chance, front_of
from pipeline.report.measures import Measure, measure

_LABELLED_POINTS = 12
_QUIET = 0.42
_ABOVE_BARS = -10
_PLAIN: Spec = {"color": {"value": "var(--accent)"}}


def cost_against_quality(summary: Summary, metric: str) -> Chart | None:
    """Draw cost per 1,000 jobs against the mean; None where no cell has both."""
    found = measure(summary, metric)
    order = [cell for cell in ranked(summary, metric) if cell["cost_per_1k_jobs_usd"] is not None]
    if not order:
        return None
    front = front_of(summary)
    rows = [{**mean_row(cell, found), **_cost_fields(cell), **_front_fields(front, cell)} for cell in order]
    ends = [row[name] for row in rows for name in ("cost low", "cost", "cost high") if row[name] is not None]
    x = spread_axis("cost", "dollars per 1,000 jobs", ends, "$,~r")
    x["axis"] |= {"labelOverlap": True, "labelSeparation": 8}
    y = _upwards(found, rows)
    plain = one_colour(order)
    names = _names(rows, short_names(order) if plain else [cell["model"] for cell in order])
    if names:
        name_points(rows, names, x, y)
    spec = layered(
        rows,
        [
            *([_line(x, y)] if sum(row["front"] for row in rows) > 1 and front else []),
            *_intervals(rows, x, y, plain=plain),
            _points(x, y, plain=plain, told=bool(front)),
            *(_beside(x, name_layer(side, y)) for side in labels.SIDES if names),
        ],
    )
    spec["height"] = 340
    return Chart(alternative=_alternative(rows, found), spec=spec)


def _names(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """What stands beside each point; among many only those of the front have a name, and none where these are many."""
    shown = [
        name if len(rows) <= MOST_POINTS_NAMED or row["front"] else "" for row, name in zip(rows, names, strict=True)
    ]
    return shown if len(list(filter(None, shown))) <= _LABELLED_POINTS else []


def _upwards(found: Measure, rows: Sequence[Mapping[str, Any]]) -> Spec:
    return {
        "type": "quantitative",
        "title": found.figure,
        "axis": share_axis() if found.share else {"format": ",~r", "tickCount": 6},
        "scale": mean_scale(rows, share=found.share),
    }


def _line(x: Spec, y: Spec) -> Spec:
    """From each cell of the front rightwards to the next: the best that so much money buys."""
    return {
        "transform": [{"filter": {"field": "front", "equal": True}}],
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.5, "color": "var(--line-strong)"},
        "encoding": {"x": x, "y": {**y, "field": "mean"}, "order": {"field": "cost", "type": "quantitative"}},
    }


def _intervals(rows: Sequence[Mapping[str, Any]], x: Spec, y: Spec, *, plain: bool) -> list[Spec]:
    """The bars in both directions; none where no cell has them, since an empty layer has no scale."""
    colour = {**(_PLAIN if plain else by_series(shape=False)), "strokeOpacity": _quieter(0.5, 0.5 * _QUIET)}
    upwards = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    sideways = {"x": {**x, "field": "cost low"}, "x2": {"field": "cost high"}, "y": {**y, "field": "mean"}}
    return [
        {
            "transform": [{"filter": {"field": end, "valid": True}}],
            "mark": {"type": "rule", "strokeWidth": 2.5},
            "encoding": {**ways, **colour},
        }
        for end, ways in (("low", upwards), ("cost low", sideways))
        if any(row[end] is not None for row in rows)
    ]


def _points(x: Spec, y: Spec, *, plain: bool, told: bool) -> Spec:
    names = ("name", "mean", "interval", "cost", "cost interval", *(["on the front"] if told else []))
    return {
        "mark": {"type": "point", "filled": True, "size": 95},
        "encoding": {
            "x": x,
            "y": {**y, "field": "mean"},
            **(_PLAIN if plain else by_series(shape=True)),
            "opacity": _quieter(1, _QUIET),
            "tooltip": tooltip(*names),
        },
    }


def _beside(x: Spec, layer: Spec) -> Spec:
    """A layer of names, which stand above the bars that reach sideways."""
    mark = layer["mark"]
    return {"mark": {**mark, "dy": mark["dy"] or _ABOVE_BARS}, "encoding": {"x": x, **layer["encoding"]}}


def _quieter(on: float, off: float) -> Spec:
    return {"field": "front", "type": "ordinal", "legend": None, "scale": {"domain": [True, False], "range": [on, off]}}


def _cost_fields(cell: Cell) -> Spec:
    cost, ends = cell["cost_per_1k_jobs_usd"], cell.get("cost_per_1k_jobs_ci95_usd")
    low, high = (None, None) if ends is None else map(float, ends)
    return {
        "cost": float(cost),
        "cost low": low,
        "cost high": high,
        "cost text": numbers.usd(cost),
        "cost interval": usd_interval(ends) or numbers.UNKNOWN,
    }


def _front_fields(front: Mapping[Any, Mapping[str, Any]], cell: Cell) -> Spec:
    entry = front.get(key(cell))
    if entry is None:
        return {"front": not front, "on the front": numbers.UNKNOWN}
    return {"front": entry["on_front"], "on the front": chance(entry["probability"])}


def _alternative(rows: Sequence[Mapping[str, Any]], found: Measure) -> str:
    cheapest, best = min(rows, key=lambda row: row["cost"]), rows[0]
    return (
        f"Cost per 1,000 jobs against {found.figure} for {len(rows)} cells. "
        f"Cheapest: {cheapest['name']}, {cheapest['cost text']}; best: {best['name']}, {best['cost text']}."
    )
