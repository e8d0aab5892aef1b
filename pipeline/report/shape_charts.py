"""Draws how values are distributed: a row of bars for each cell, over one axis that all cells share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pipeline.report import numbers
from pipeline.report.chart_parts import Spec, named_rows, tooltip

_ROW_HEIGHT, _LOW_ROW_HEIGHT = 46, 30
_MANY_ROWS = 16
_FEW_DECADES, _MOST_DECADES = 3, 8
_HIGHEST = 0.88
"""Of a row's height; the rest keeps it apart from the row above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """What a chart of distributions shows."""

    names: Sequence[str]
    """Of the cells, short."""
    labels: Sequence[str]
    """Of the cells, in full."""
    entries: Sequence[Mapping[str, Any]]
    """Of the cells: counts with the same edges, values or number of repeats."""
    title: str
    """Of the axis."""
    bins: Sequence[str]
    """What each bin is called."""
    scale: float = 1.0
    """From stored to drawn numbers."""
    form: str = ",~r"
    write: Callable[[float], str] = str
    """Writes a quantile."""
    unit: str = "answers"
    """What is counted."""


def ridge(drawn: Ridge) -> Spec:
    """Draw every cell's counts as a row of bars, scaled to the row's own highest one."""
    is_binned = "edges" in drawn.entries[0]
    bars = {
        "data": {"values": _bars(drawn)},
        "mark": {"type": "rect", "color": "var(--accent)", "opacity": 0.8, "stroke": "var(--paper)", "strokeWidth": 1},
        "encoding": {
            **(_binned_x(drawn) if is_binned else _ordinal_x(drawn)),
            **_heights(len(drawn.names)),
            "tooltip": tooltip("cell", "value", drawn.unit),
        },
    }
    names = {
        "data": {"values": [{"short": name} for name in drawn.names]},
        "mark": {"type": "rule", "color": "var(--line)", "opacity": 0},
        "encoding": {},
    }
    height = _ROW_HEIGHT if len(drawn.names) <= _MANY_ROWS else _LOW_ROW_HEIGHT
    return {
        "width": "container",
        "height": height * len(drawn.names),
        "encoding": {
            "y": {
                "field": "short",
                "type": "nominal",
                "title": None,
                "sort": None,
                "scale": {"paddingInner": 0, "paddingOuter": 0},
            }
        },
        "layer": [names, bars, *([_quantile(drawn, "p50"), _quantile(drawn, "p95")] if is_binned else [])],
        "resolve": {"scale": {"y": "independent"}},
        "usermeta": named_rows(drawn.names),
    }


def _bars(drawn: Ridge) -> list[Spec]:
    rows = []
    for place, (cell, entry) in enumerate(zip(drawn.labels, drawn.entries, strict=True)):
        highest = max(entry["counts"], default=0)
        known = sum(entry["counts"])
        ends = _ends(entry, drawn.scale)
        for number, count in enumerate(entry["counts"]):
            if count:
                text = f"{numbers.count(count)} ({numbers.share_of(count, known)})"
                row = {"cell": cell, "value": drawn.bins[number], drawn.unit: text}
                low, high = ends[number] if ends else (None, None)
                top = round(place + 1 - _HIGHEST * count / highest, 3)
                rows.append({**row, "low": low, "high": high, "top": top, "bottom": place + 1})
    return rows


def _ends(entry: Mapping[str, Any], scale: float) -> list[tuple[float, float]]:
    """Where each bin begins and ends as it is drawn; on a log scale, 0 is drawn one bin before the next edge."""
    edges = [float(f"{edge * scale:.9g}") for edge in entry.get("edges", ())]
    if entry.get("log") and edges[0] == 0:
        edges[0] = edges[1] ** 2 / edges[2] if len(edges) > 2 else edges[1] / 2
    return list(pairwise(edges))


def _binned_x(drawn: Ridge) -> Spec:
    entry = drawn.entries[0]
    ends = _ends(entry, drawn.scale)
    domain = [ends[0][0], ends[-1][1]]
    log = bool(entry.get("log"))
    axis: Spec = {"format": drawn.form, "labelFlush": True}
    axis |= {"values": _log_ticks(*domain)} if log else {"tickCount": 6}
    title = f"{drawn.title} (log scale)" if log else drawn.title
    scale = {"domain": domain, "nice": False, **({"type": "log"} if log else {"zero": False})}
    x = {"field": "low", "type": "quantitative", "title": title, "axis": axis, "scale": scale}
    return {"x": x, "x2": {"field": "high"}}


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between these, and over few decades 2 and 5 times these."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(1, (last - first) // _MOST_DECADES)
    steps = (1, 2, 5) if last - first <= _FEW_DECADES else (1,)
    ticks = [float(f"{step}e{decade}") for decade in range(first, last + 1, stride) for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def _ordinal_x(drawn: Ridge) -> Spec:
    return {
        "x": {
            "field": "value",
            "type": "ordinal",
            "title": drawn.title,
            "sort": None,
            "axis": {"labelAngle": 0},
            "scale": {"domain": list(drawn.bins), "paddingInner": 0.25},
        }
    }


def _heights(rows: int) -> Spec:
    scale = {"domain": [rows, 0], "nice": False, "zero": False}
    return {
        "y": {"field": "top", "type": "quantitative", "axis": None, "scale": scale},
        "y2": {"field": "bottom"},
    }


def _quantile(drawn: Ridge, name: str) -> Spec:
    """A line at one quantile of each row."""
    rows = [
        {
            "cell": cell,
            "low": max(entry[name] * drawn.scale, _ends(entry, drawn.scale)[0][0]),
            "top": place + 1 - _HIGHEST,
            "bottom": place + 1,
            "value": f"{'median' if name == 'p50' else '95 % below'} {drawn.write(entry[name])}",
        }
        for place, (cell, entry) in enumerate(zip(drawn.labels, drawn.entries, strict=True))
        if entry[name] is not None
    ]
    is_median = name == "p50"
    return {
        "data": {"values": rows},
        "mark": {
            "type": "rule",
            "color": "var(--ink)" if is_median else "var(--quiet)",
            "strokeWidth": 2 if is_median else 1.5,
            "strokeDash": [1, 0] if is_median else [3, 3],
        },
        "encoding": {
            "x": {"field": "low", "type": "quantitative"},
            **_heights(len(drawn.names)),
            "tooltip": tooltip("cell", "value"),
        },
    }
