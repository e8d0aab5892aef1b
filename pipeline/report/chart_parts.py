"""Parts that the charts share: layers over one table, colours and shapes by series, axes, names of points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import labels
from pipeline.report.cells import Cell, series, short_parts
from pipeline.report.spans import span

Spec = dict[str, Any]

SERIES_COLOURS = ["var(--accent)", "var(--series-2)", "var(--series-3)", "var(--series-4)", "var(--series-5)"]
_ONE_COLOUR: Spec = {"color": {"value": SERIES_COLOURS[0]}}
_SERIES_SHAPES = ["circle", "diamond", "square", "triangle-up", "triangle-down"]
LINE_JOINT = " · "
_LOG_FROM_RATIO = 20
_FEW_TICKS_FROM_RATIO = 100


def layered(rows: Sequence[Mapping[str, Any]], layers: list[Spec]) -> Spec:
    """Lay several marks over one table, as wide as the place that the page gives."""
    return {
        "data": {"values": list(rows)},
        "width": "container",
        "layer": layers,
    }


def one_colour(cells: Sequence[Cell]) -> bool:
    """Say whether colours cannot tell the series: there is but one model, or there are more series than colours.

    Then each cell is named by what differs, in one colour.
    """
    models, names = len({cell["model"] for cell in cells}), len({series(cell) for cell in cells})
    return models == 1 or names > len(SERIES_COLOURS)


def short_names(cells: Sequence[Cell]) -> list[str]:
    """Name each cell by what differs between them."""
    return [LINE_JOINT.join(parts) for parts in short_parts(cells)]


def named_rows(names: Sequence[str]) -> Spec:
    """Return what the page's script needs to break long names into lines where the chart is narrow."""
    return {"rows": len(set(names)), "lines": max(name.count(LINE_JOINT) + 1 for name in names)}


def mean_layers(channel: str, axis: Spec, *, plain: bool) -> list[Spec]:
    """Return the marks of means with their intervals along `channel` (x or y), in one colour where `plain`."""
    colour, both = (_ONE_COLOUR, _ONE_COLOUR) if plain else (by_series(shape=False), by_series(shape=True))
    return [
        {
            "transform": [{"filter": {"field": "low", "valid": True}}],
            "mark": {"type": "rule", "strokeWidth": 2.5, "strokeOpacity": 0.5},
            "encoding": {channel: {**axis, "field": "low"}, f"{channel}2": {"field": "high"}, **colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 95, "opacity": 1},
            "encoding": {channel: {**axis, "field": "mean"}, **both},
        },
    ]


def mean_scale(rows: Sequence[Mapping[str, Any]], *, share: bool) -> Spec:
    """Return the scale of means and their intervals: it does not start at zero, and never collapses."""
    ends = [row[name] for row in rows for name in ("low", "mean", "high") if row[name] is not None]
    return {"domain": list(span(ends, share=share)), "padding": 12}


def by_series(*, shape: bool) -> Spec:
    """Encode the series by colour, and by shape too, for those who do not tell the colours apart."""
    encoding: Spec = {
        "color": {
            "field": "series",
            "type": "nominal",
            "title": None,
            "sort": None,
            "scale": {"range": SERIES_COLOURS},
        }
    }
    if shape:
        encoding["shape"] = {**encoding["color"], "scale": {"range": _SERIES_SHAPES}}
    return encoding


def tooltip(*names: str) -> list[Spec]:
    """Name the fields of a tooltip; a number is told by its readable text (`mean text`) where the row has one."""
    readable = {"mean": "mean text", "cost": "cost text", "time": "time text", "share": "share text"}
    return [{"field": readable.get(name, name), "type": "nominal", "title": name} for name in names]


def spread_axis(field: str, title: str, values: Sequence[float], form: str) -> Spec:
    """Return an x axis from zero, or a logarithmic one where the values lie far apart."""
    low, high = min(values), max(values)
    if low <= 0 or high / low < _LOG_FROM_RATIO:
        axis = {"format": form, "tickCount": 6}
        return {
            "field": field,
            "type": "quantitative",
            "title": title,
            "axis": axis,
            "scale": {"domain": [0, high if high > 0 else 1], "padding": 24},
        }
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < _FEW_TICKS_FROM_RATIO else (1, 3)
    ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
    axis = {"format": form, "values": [tick for tick in ticks if low * 0.8 <= tick <= high * 1.25]}
    scale = {"type": "log", "nice": False, "padding": 24}
    return {"field": field, "type": "quantitative", "title": f"{title} (log scale)", "axis": axis, "scale": scale}


def share_axis() -> Spec:
    """Return an axis in per cent."""
    return {"format": ".0%", "tickCount": 6}


def name_layer(side: str, y: Spec) -> Spec:
    """Return the layer that writes the names standing on one side of their points."""
    align, dx, dy = {
        "right": ("left", 9, 0),
        "left": ("right", -9, 0),
        "above": ("center", 0, -14),
        "below": ("center", 0, 14),
    }[side]
    return {
        "mark": {"type": "text", "align": align, "baseline": "middle", "dx": dx, "dy": dy, "limit": labels.LIMIT},
        "encoding": {
            "y": {**y, "field": "mean"},
            "text": {"field": side, "type": "nominal"},
            "color": {"value": "var(--quiet)"},
        },
    }


def name_points(rows: list[Spec], names: Sequence[str], x: Spec, y: Spec) -> None:
    """Put each row's name into the field of the side on which it has room, on the axes `x` and `y`."""
    costs = [row["cost"] for row in rows]
    if x["scale"].get("type") == "log":
        costs = [math.log(cost) for cost in costs]
        across = _parts(costs, min(costs), max(costs))
    else:
        across = _parts(costs, *x["scale"]["domain"])
    upwards = _parts([row["mean"] for row in rows], *y["scale"]["domain"])
    sides = labels.place(list(zip(across, upwards, strict=True)), names)
    for row, name, side in zip(rows, names, sides, strict=True):
        row.update(dict.fromkeys(labels.SIDES, ""))
        row[side] = name


def _parts(values: Sequence[float], low: float, high: float) -> list[float]:
    return [(value - low) / (high - low) for value in values]
