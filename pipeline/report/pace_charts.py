"""Draws what an account sent over the time of a run, without its pauses, with its limits as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.report import numbers
from pipeline.report.chart_parts import SERIES_COLOURS, Spec, tooltip

_HEIGHT, _LOW_HEIGHT = 190, 120
_UNITS = (("hours", 3_600.0, 3 * 3_600.0), ("minutes", 60.0, 180.0), ("seconds", 1.0, 0.0))
"""Unit of the axis, its seconds, and from how many seconds on it is taken."""
REFUSED = "refused (429)"
_MOST_LIMITS = 2.0
"""A burst that is higher than so many times the limit is cut, or all else would lie flat on the ground."""
_TITLE: Spec = {"anchor": "start", "fontSize": 13, "fontWeight": "normal", "color": "var(--quiet)", "offset": 10}


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of a session, on an axis on which sessions follow each other without pauses."""

    session: int
    start: float
    """Seconds."""
    seconds: float
    clock: str
    """When it began, for readers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What one chart of an account shows."""

    bins: Sequence[Bin]
    series: Mapping[str, Sequence[int]]
    """Counts in each bin, by model, or under the name of what is counted."""
    refused: Sequence[int] = ()
    title: str
    limits: Sequence[tuple[int, float]]
    """Sessions in which a limit held, with that limit per minute."""
    waits: Sequence[tuple[float, str]] = ()
    """Seconds on the axis, and what was said."""
    low: bool = False
    is_last: bool = False
    """Whether the axis of time is named; charts below each other share it."""


def pace_chart(drawn: Drawing) -> Spec:
    """Draw rates per minute as steps, one series on the other."""
    unit, scale = _unit(drawn.bins)
    pauses = ", pauses left out" if drawn.bins[-1].session else ""
    stacked = _stacked(drawn, scale)
    highest = cut_at(drawn) or _highest(drawn)
    names = [*drawn.series, *([REFUSED] if any(drawn.refused) else [])]
    colours = [*SERIES_COLOURS[: len(drawn.series)], *(["var(--bad)"] if any(drawn.refused) else [])]
    x = {
        "field": "from",
        "type": "quantitative",
        "title": f"{unit} since the start{pauses}" if drawn.is_last else None,
        "axis": {"format": ",~r", "tickCount": 8, "grid": False},
        "scale": {"domain": [0, _end(drawn.bins) / scale], "nice": False},
    }
    y = {
        "field": "bottom",
        "type": "quantitative",
        "title": None,
        "axis": {"labelExpr": "format(datum.value, '~s')", "tickCount": 3 if drawn.low else 5, "minExtent": 40},
        "scale": {"domain": [0, highest * 1.08], "nice": False},
    }
    series: Spec = {
        "field": "series",
        "type": "nominal",
        "title": None,
        "sort": None,
        "scale": {"domain": names, "range": colours},
        **({} if len(names) > 1 else {"legend": None}),
    }
    bars = {
        "data": {"values": stacked},
        "mark": {"type": "rect", "opacity": 0.85, "clip": True},
        "encoding": {
            "x": x,
            "x2": {"field": "to"},
            "y": y,
            "y2": {"field": "top"},
            "color": series,
            "tooltip": tooltip("at", "series", "per minute"),
        },
    }
    return {
        "title": {"text": drawn.title, **_TITLE},
        "width": "container",
        "height": _LOW_HEIGHT if drawn.low else _HEIGHT,
        "layer": [bars, *_limit_layers(drawn, scale), *_pause_layer(drawn, scale), *_wait_layer(drawn, scale, highest)],
    }


def cut_at(drawn: Drawing) -> float | None:
    """The rate above which bars are cut; None where none is so high, or no limit is drawn."""
    most = max((limit for _, limit in drawn.limits), default=0.0) * _MOST_LIMITS
    return most if 0 < most < _highest(drawn) else None


def _highest(drawn: Drawing) -> float:
    totals = zip(*drawn.series.values(), strict=True)
    rates = [sum(counts) * 60 / one.seconds for counts, one in zip(totals, drawn.bins, strict=True)]
    return float(max([*rates, *(limit for _, limit in drawn.limits), 1.0]))


def _unit(bins: Sequence[Bin]) -> tuple[str, float]:
    return next((name, seconds) for name, seconds, least in _UNITS if _end(bins) >= least)


def _end(bins: Sequence[Bin]) -> float:
    return bins[-1].start + bins[-1].seconds


def _stacked(drawn: Drawing, scale: float) -> list[Spec]:
    """A rectangle for each bin and series; what was refused lies over the lowest, of which it is a part."""
    rows = []
    for number, one in enumerate(drawn.bins):
        place = {"at": one.clock, "from": one.start / scale, "to": (one.start + one.seconds) / scale}
        below = 0.0
        for name, counts in drawn.series.items():
            if rate := counts[number] * 60 / one.seconds:
                shown = {"series": name, "bottom": below, "top": below + rate, "per minute": _rate(rate)}
                rows.append({**place, **shown})
                below += rate
        if drawn.refused and (rate := drawn.refused[number] * 60 / one.seconds):
            rows.append({**place, "series": REFUSED, "bottom": 0.0, "top": rate, "per minute": _rate(rate)})
    return rows


def _rate(value: float) -> str:
    return numbers.tokens(round(value))


def _limit_layers(drawn: Drawing, scale: float) -> list[Spec]:
    """The limit as a line over the sessions in which it held, and its number at the right end."""
    rows = []
    for session, limit in drawn.limits:
        mine = [one for one in drawn.bins if one.session == session]
        ends = {"from": mine[0].start / scale, "to": _end(mine) / scale}
        rows.append({**ends, "limit": limit, "value": f"{limit:,.0f} per minute"})
    if not rows:
        return []
    line = {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": "var(--ink)", "strokeWidth": 1.5, "strokeDash": [5, 4]},
        "encoding": {
            "x": {"field": "from", "type": "quantitative"},
            "x2": {"field": "to"},
            "y": {"field": "limit", "type": "quantitative"},
            "tooltip": tooltip("value"),
        },
    }
    name = {
        "data": {"values": [{**rows[-1], "said": f"limit {drawn.limits[-1][1]:,.0f}"}]},
        "mark": {"type": "text", "align": "right", "baseline": "bottom", "dy": -4},
        "encoding": {
            "x": {"field": "to", "type": "quantitative"},
            "y": {"field": "limit", "type": "quantitative"},
            "text": {"field": "said", "type": "nominal"},
            "color": {"value": "var(--quiet)"},
        },
    }
    return [line, name]


def _pause_layer(drawn: Drawing, scale: float) -> list[Spec]:
    """A line where a pause was left out."""
    pairs = pairwise(drawn.bins)
    rows = [
        {"from": two.start / scale, "pause": f"until {two.clock}"} for one, two in pairs if one.session != two.session
    ]
    if not rows:
        return []
    mark = {"type": "rule", "color": "var(--line-strong)", "strokeWidth": 1.5}
    encoding = {"x": {"field": "from", "type": "quantitative"}, "tooltip": tooltip("pause")}
    return [{"data": {"values": rows}, "mark": mark, "encoding": encoding}]


def _wait_layer(drawn: Drawing, scale: float, highest: float) -> list[Spec]:
    rows = [{"from": seconds / scale, "height": highest * 1.05, "event": said} for seconds, said in drawn.waits]
    if not rows:
        return []
    mark = {"type": "point", "shape": "triangle-down", "filled": True, "size": 70, "opacity": 1, "color": "var(--warm)"}
    encoding = {
        "x": {"field": "from", "type": "quantitative"},
        "y": {"field": "height", "type": "quantitative"},
        "tooltip": tooltip("event"),
    }
    return [{"data": {"values": rows}, "mark": mark, "encoding": encoding}]
