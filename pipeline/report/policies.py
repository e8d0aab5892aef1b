"""What answers that are not whole count as, and whether it matters for what a reader takes away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.report.cells import Cell, Summary, label, measured, metric_names, ranked
from pipeline.report.leader import capital, listed
from pipeline.report.measures import Measure, measure
from pipeline.report.visible import one_line

_POINTS_WORTH_A_WORD = 0.01
_DEFAULTS = {"truncated": "wrong", "refused": "wrong", "empty": "wrong"}
COUNTED_BY_DEFAULT = "Truncated, refused and empty answers count as wrong; the other failures are left out of the means"
_WORDS = {"wrong": "counted as wrong", "scored": "scored by what they say", "left_out": "left out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """One reason for care: a short name to ask for, and the sentence."""

    kind: str
    text: str


def treatment(summary: Summary, status: str) -> str:
    """Begin a sentence on jobs of a status: what they count as, by which metric where metrics differ."""
    names: dict[str, list[str]] = {}
    for metric in metric_names(summary):
        names.setdefault(_counts(summary, metric).get(status, _DEFAULTS.get(status, "left_out")), []).append(metric)
    if len(names) <= 1:
        way = next(iter(names), _DEFAULTS.get(status, "left_out"))
        return "Left out of every mean" if way == "left_out" else capital(_WORDS[way])
    return capital("; ".join(f"{_WORDS[way]} by {listed([*map(one_line, found)])}" for way, found in names.items()))


def counted_words(summary: Summary, metric: str) -> str:
    """Say what each status counts as by a metric; empty for summaries that do not tell."""
    ways: dict[str, list[str]] = {}
    for status, way in _counts(summary, metric).items():
        ways.setdefault(way, []).append(status)
    return " ".join(f"{capital(_WORDS[way])}: {', '.join(statuses)}." for way, statuses in ways.items())


def policies(summary: Summary) -> list[Caution]:
    """Warn where the headline and the figure over complete answers differ, metric by metric."""
    return [Caution(kind="policy", text=text) for metric in metric_names(summary) if (text := _policy(summary, metric))]


def _policy(summary: Summary, metric: str) -> str:
    found = measure(summary, metric)
    gaps = [(gap, cell) for cell in summary["cells"] if (gap := _gap(cell, metric)) is not None]
    worst = max(gaps, key=lambda pair: pair[0], default=None)
    if worst is None or not _matters(worst[0], worst[1], found):
        return ""
    figures = measured(worst[1], metric) or {}
    text = (
        f"What counts makes a difference: by {one_line(metric)}, {one_line(label(worst[1]))} has "
        f"{found.value(figures['mean'])}, over complete answers alone {found.value(figures['answered']['mean'])}."
    )
    leader, other = ranked(summary, metric)[0], _leader_of_complete(summary, found)
    if found.better != "neither" and other is not leader and other is not None:
        text += f" Over complete answers alone, {one_line(label(other))} would come first."
    return text


def _gap(cell: Cell, metric: str) -> float | None:
    figures = measured(cell, metric)
    complete = None if figures is None else figures.get("answered")
    if figures is None or complete is None or complete["mean"] is None or figures["mean"] is None:
        return None
    return abs(float(complete["mean"] - figures["mean"]))


def _matters(gap: float, cell: Cell, found: Measure) -> bool:
    scale = 1.0 if found.share else abs(cell["metrics"][found.name]["mean"])
    return gap >= _POINTS_WORTH_A_WORD * scale and gap > 0


def _leader_of_complete(summary: Summary, found: Measure) -> Cell | None:
    """The cell that would lead by the figure over complete answers."""
    known = [
        (value, cell) for cell in ranked(summary, found.name) if (value := _complete(cell, found.name)) is not None
    ]
    pick = min if found.better == "lower" else max
    return pick(known, key=lambda pair: pair[0])[1] if known else None


def _complete(cell: Cell, metric: str) -> float | None:
    figures = measured(cell, metric) or {}
    complete = figures.get("answered")
    value: float | None = complete["mean"] if complete else figures.get("mean")
    return value


def _counts(summary: Summary, metric: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (summary.get("metrics") or {}).get(metric, {}).get("counts") or {}
    return found
