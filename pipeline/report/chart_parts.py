"""Parts that the charts share: layers over one table, colours and shapes by series, axes, names of points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import labels

Spec = dict[str, Any]

_SERIES_COLOURS = ["var(--accent)", "var(--series-2)", "var(--series-3)", "var(--series-4)", "var(--series-5)"]
_SERIES_SHAPES = ["circle", "diamond", "square", "triangle-up", "triangle-down"]
_LOG_FROM_RATIO = 20
_FEW_TICKS_FROM_RATIO = 100


def layered(rows: Sequence[Mapping[str, Any]], layers: list[Spec]) -> Spec:
    """Lay several marks over one table, as wide as the place that the page gives."""
    return {
        "data": {"values": list(rows)},
        "width": "container",
        "layer": layers,
    }


def mean_layers(channel: str, axis: Spec) -> list[Spec]:
    """Return the marks of means with their intervals, which lie along `channel` (x or y)."""
    return [
        {
            "mark": {"type": "rule", "strokeWidth": 2.5, "strokeOpacity": 0.5},
            "encoding": {channel: {**axis, "field": "low"}, f"{channel}2": {"field": "high"}, **by_series(shape=False)},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 95, "opacity": 1},
            "encoding": {channel: {**axis, "field": "mean"}, **by_series(shape=True)},
        },
    ]


def by_series(*, shape: bool) -> Spec:
    """Encode the series by colour, and by shape too, for those who do not tell the colours apart."""
    encoding: Spec = {
        "color": {
            "field": "series",
            "type": "nominal",
            "title": None,
            "sort": None,
            "scale": {"range": _SERIES_COLOURS},
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
            "scale": {"zero": True, "padding": 24},
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
        "mark": {"type": "text", "align": align, "baseline": "middle", "dx": dx, "dy": dy, "limit": 130},
        "encoding": {
            "y": {**y, "field": "mean"},
            "text": {"field": side, "type": "nominal"},
            "color": {"value": "var(--quiet)"},
        },
    }


def name_points(rows: list[Spec]) -> None:
    """Put each row's model into the field of the side on which its name has room."""
    costs, means = [math.log(max(row["cost"], 1e-9)) for row in rows], [row["mean"] for row in rows]
    points = list(zip(_parts(costs), _parts(means), strict=True))
    for row, side in zip(rows, labels.place(points, [row["model"] for row in rows]), strict=True):
        row.update(dict.fromkeys(labels.SIDES, ""))
        row[side] = row["model"]


def _parts(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]
