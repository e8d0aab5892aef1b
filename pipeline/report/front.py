"""Quality against cost: who nobody beats in both, how sure that is, and what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pipeline.report import numbers
from pipeline.report.cell_costs import name_heads, names_of, usd_interval
from pipeline.report.cells import Cell, Summary, key, label, metric_names, ranked, short_parts
from pipeline.report.chart_parts import LINE_JOINT
from pipeline.report.grid import Column, Entry, Grid
from pipeline.report.leader import listed
from pipeline.report.measures import Measure, measure
from pipeline.report.visible import one_line

SURE = 0.95
Place = Literal["on", "off", "open"]
Key = tuple[str, str, str]
_WORDS: Mapping[Place, tuple[str, str]] = {
    "on": ("on the front", "better"),
    "off": ("off the front", "moved"),
    "open": ("cannot tell", "unclear"),
}
_MOST_NAMED = 6
MOST_POINTS_NAMED = 8
"""With more cells, their names would cover each other in the chart: then only the front has names."""


def front_of(summary: Summary) -> dict[Key, Mapping[str, Any]]:
    """The entries of the front by cell; empty where the summary has none."""
    found = summary.get("frontier") or {}
    return {key(cell): cell for cell in found.get("cells") or ()}


def place(entry: Mapping[str, Any]) -> Place:
    """Where a cell stands, as far as that is sure: in 95 of 100 draws; without draws, by its figures."""
    chance = entry["probability"]
    if chance is None:
        return "open"
    return "on" if chance >= SURE else "off" if chance <= 1 - SURE else "open"


def front_words(summary: Summary) -> list[str]:
    """Say who is on the front, how sure that is, and what cannot be told."""
    front = front_of(summary)
    if not front:
        return []
    names = _names(summary)
    missing = [names[key(cell)] for cell in summary["cells"] if key(cell) not in front]
    told = [_alone(names[next(iter(front))])] if len(front) == 1 else _told(front, names)
    if missing:
        told.append(f"Not compared, since a figure of it is not known: {_few(missing)}.")
    return told


def axes_words(summary: Summary) -> str:
    """Say which way is better in the chart of quality against cost."""
    metrics = metric_names(summary)
    better = measure(summary, metrics[0]).better if metrics else "higher"
    way = {"higher": "Up is better", "lower": "Down is better", "neither": "Neither up nor down is better"}[better]
    told = [f"{way}, left is cheaper; the bars are 95\N{NO-BREAK SPACE}% intervals in both directions."]
    if len(front := front_of(summary)) > 1:
        alone = " and have no name" if len(front) > MOST_POINTS_NAMED else ""
        told.append(f"The line joins the cells of the front; the others are drawn quieter{alone}.")
        if any(entry["probability"] is not None for entry in front.values()):
            draws = numbers.count(summary["frontier"]["draws"])
            told.append(f"How sure it is comes from {draws} draws of all means as other rows could have given them.")
    return " ".join(told)


def front_line(summary: Summary) -> str:
    """One sentence for a summary in words: who is on the front; empty with fewer than two cells on a scale."""
    front = front_of(summary)
    if len(front) < 2:
        return ""
    names = _names(summary)
    on = [
        names[cell] if place(entry) == "on" else _sure(names[cell], entry)
        for cell, entry in front.items()
        if entry["on_front"]
    ]
    return f"On the front of quality and cost: {_few(on)}."


def front_grid(summary: Summary) -> Grid | None:
    """One line for each cell with its figures and how sure its place is; None without a front."""
    front, metrics = front_of(summary), metric_names(summary)
    if not front:
        return None
    found, names = measure(summary, metrics[0]), _names(summary)
    heads = (
        Column(found.figure, True),
        Column("per 1,000 jobs", True),
        Column("Standing"),
        Column("On the front", True),
    )
    order = [cell for cell in ranked(summary, metrics[0]) if key(cell) in front]
    return Grid(
        caption="On the front: the share of draws in which no other cell is as good and as cheap, and one more so",
        columns=(*name_heads(summary), *heads, Column("Beaten most often by")),
        rows=tuple(
            (*names_of(summary, cell), *_figures(cell, found), *_place(front[key(cell)], names)) for cell in order
        ),
    )


def _figures(cell: Cell, found: Measure) -> list[Entry]:
    figures = cell["metrics"][found.name]
    interval = found.interval(figures["ci95"]) if figures["ci95"] else ""
    usd, ends = numbers.usd(cell["cost_per_1k_jobs_usd"]), usd_interval(cell.get("cost_per_1k_jobs_ci95_usd"))
    return [Entry(found.value(figures["mean"]), interval, "number"), Entry(usd, ends, "number")]


def _place(entry: Mapping[str, Any], names: Mapping[Key, str]) -> list[Entry]:
    word, tone = _WORDS[place(entry)]
    by = entry["dominated_by"]
    return [
        Entry(word, kind="judged", tone=tone),
        Entry(chance(entry["probability"]), kind="number"),
        Entry("" if by is None else names[key(by)]),
    ]


def chance(probability: float | None) -> str:
    """Write a probability from draws, which never shows that a thing is certain."""
    if probability is None:
        return numbers.UNKNOWN
    if probability > 0.999:
        return f">{_NB}99.9{_NB}%"
    if probability < 0.001:
        return f"<{_NB}0.1{_NB}%"
    return numbers.metric(probability, share=True)


_NB = "\N{NO-BREAK SPACE}"


def _told(front: Mapping[Key, Mapping[str, Any]], names: Mapping[Key, str]) -> list[str]:
    on = [cell for cell, entry in front.items() if entry["on_front"]]
    there = (
        f"On the front {'is' if len(on) == 1 else 'are'} {_few([names[cell] for cell in on])}: "
        "no other cell is as good and cheaper, or better and no dearer."
    )
    if any(entry["probability"] is None for entry in front.values()):
        return [there, "How sure that is cannot be told: a cell has a single row."]
    found: dict[Place, list[Key]] = {"on": [], "off": [], "open": []}
    for cell, entry in front.items():
        found[place(entry)].append(cell)
    sure, first, others = found["on"], found["open"][:1], found["open"][1:]
    unclear = [_sure(names[cell], front[cell]) for cell in first]
    unclear += [f"{names[cell]} ({chance(front[cell]['probability'])})" for cell in others]
    if sure == on:
        there += " This holds in at least 95 of 100 draws."
    elif sure:
        there += f" For {_few([names[cell] for cell in sure])} this holds in at least 95 of 100 draws."
    if unclear:
        there += f" It cannot be told of {_few(unclear)}."
    off = [_beaten(cell, front, names) for cell in found["off"]]
    return [there, *([f"Off the front, in at least 95 of 100 draws: {_few(off)}."] if off else [])]


def _beaten(cell: Key, front: Mapping[Key, Mapping[str, Any]], names: Mapping[Key, str]) -> str:
    by = front[cell]["dominated_by"]
    return names[cell] if by is None else f"{names[cell]} (beaten most often by {names[key(by)]})"


def _alone(name: str) -> str:
    return f"Only {name} has both a quality and a cost, so there is nothing to hold it against."


def _sure(name: str, entry: Mapping[str, Any]) -> str:
    """Name a cell with the share of draws in which it is on the front."""
    return name if entry["probability"] is None else f"{name} ({chance(entry['probability'])} of the draws)"


def _few(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return listed(names)
    return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"


def _names(summary: Summary) -> dict[Key, str]:
    """Each cell by what differs between all of them."""
    cells = summary["cells"]
    short = (one_line(LINE_JOINT.join(parts)) for parts in short_parts(cells))
    return {key(cell): name or one_line(label(cell)) for cell, name in zip(cells, short, strict=True)}
