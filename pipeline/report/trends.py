"""Draws how a metric went from run to run: the mean of each cell with its interval, over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.report.chart_parts import Spec, by_series, layered, mean_scale, share_axis, tooltip
from pipeline.report.charts import Chart

if TYPE_CHECKING:
    from pipeline.report.runs import RunEntry

_SERIES = 5
"""As many cells as there are colours; the best of the newest run come first."""
_FEWEST_RUNS = 2
_FORMS = ((timedelta(minutes=20), "%H:%M:%S"), (timedelta(days=2), "%-d %b %H:%M"))
"""How moments are written where all lie within so much time."""


def over_time(runs: Sequence[RunEntry], metric: str) -> Chart | None:
    """Draw the means of the runs, newest first, for up to five cells; None where fewer than two runs have any."""
    dated = [run for run in runs if _is_moment(run.created_at)]
    cells = list(dict.fromkeys(found.cell for run in dated for found in run.measured if found.metric == metric))
    shown = cells[:_SERIES]
    rows = [row for run in reversed(dated) for row in _rows(run, metric, shown)]
    if len({row["run"] for row in rows}) < _FEWEST_RUNS:
        return None
    share = bool(rows[0]["share"])
    y: Spec = {
        "type": "quantitative",
        "title": f"mean {metric}",
        "axis": share_axis() if share else {"format": ",~r"},
        "scale": mean_scale(rows, share=share),
    }
    colour, both = by_series(shape=False), by_series(shape=True)
    spec = layered(rows, [
        {
            "mark": {"type": "line", "strokeWidth": 1.5, "strokeOpacity": 0.6},
            "encoding": {"y": {**y, "field": "mean"}, **colour},
        },
        {
            "transform": [{"filter": {"field": "low", "valid": True}}],
            "mark": {"type": "rule", "strokeWidth": 2, "strokeOpacity": 0.45},
            "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}, **colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {"y": {**y, "field": "mean"}, **both},
        },
    ])  # fmt: skip
    left_out = len(cells) - len(shown)
    some = [f"the best {len(shown)} of {len(cells)} cells of the newest run"] if left_out else []
    spec["encoding"] = {
        "x": _time_axis([row["at"] for row in rows], ["when the runs began, UTC", *some]),
        "tooltip": tooltip("run", "series", "mean", "interval"),
    }
    spec["height"] = 220
    beyond = f"; {left_out} more cells are not drawn" if left_out else ""
    newest = rows[-1]
    alternative = (
        f"Mean {metric} of {len(shown)} cells over {len({row['run'] for row in rows})} runs{beyond}. "
        f"Newest: {newest['series']}, {newest['mean text']}."
    )
    return Chart(alternative=alternative, spec=spec)


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _time_axis(moments: Sequence[str], title: list[str]) -> Spec:
    """Days, or what tells them apart where all lies close together; in UTC, as runs are named."""
    first, last = (datetime.fromisoformat(moment) for moment in (min(moments), max(moments)))
    form = next((form for reach, form in _FORMS if last - first < reach), "%-d %b %Y")
    axis = {"format": form, "labelOverlap": True, "labelSeparation": 10, "tickCount": 5, "labelFlush": True}
    return {"field": "at", "type": "temporal", "title": title, "axis": axis, "scale": {"type": "utc", "padding": 12}}


def _rows(run: RunEntry, metric: str, cells: Sequence[str]) -> list[Spec]:
    return [
        {
            "run": run.run_id,
            "at": run.created_at,
            "series": found.cell,
            "share": found.share,
            "mean": found.mean,
            "low": None if found.ci95 is None else found.ci95[0],
            "high": None if found.ci95 is None else found.ci95[1],
            "mean text": found.mean_text,
            "interval": found.interval_text,
        }
        for found in run.measured
        if found.metric == metric and found.cell in cells
    ]
