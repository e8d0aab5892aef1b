"""The figures of judges as tables: corrected means, confusion with people, ratings from pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import label
from pipeline.report.grid import Column, Entry, Grid
from pipeline.report.measures import Measure

Judged = Mapping[str, Any]
"""An entry of `summary["judges"]`."""


def corrected_grid(entry: Judged, of: Measure) -> Grid | None:
    """Each cell as the judges gave it beside the figure corrected by people's labels."""
    cells = (entry.get("calibration") or {}).get("cells") or ()
    if not cells:
        return None
    heads = ("By the judges", "Corrected by people", "95 % interval", "Labels", "Answers")
    return Grid(
        caption=f"{entry['scorer']} as the judges gave it, and as people would have, estimated from their labels",
        columns=(Column("Cell"), *(Column(head, number=True) for head in heads)),
        rows=tuple(
            (
                Entry(label(cell), kind="head"),
                Entry(of.value(cell["raw"]), kind="number"),
                Entry(of.value(cell["corrected"]), kind="strong"),
                Entry(of.interval(cell["ci95"]), kind="number"),
                Entry(numbers.count(cell["labels"]), kind="number"),
                Entry(numbers.count(cell["n"]), kind="number"),
            )
            for cell in cells
        ),
    )


def confusion_grid(entry: Judged) -> Grid | None:
    """How often judges said what, for each label by people."""
    found = ((entry.get("calibration") or {}).get("confusion")) or {}
    labels: Sequence[str] = found.get("labels") or ()
    if not labels:
        return None
    return Grid(
        caption="Labels by people (lines) and by judges (columns)",
        columns=(Column("People said"), *(Column(f"judges: {name}", number=True) for name in labels)),
        rows=tuple(
            (
                Entry(name, kind="head"),
                *(
                    Entry(numbers.count(number), kind="strong" if place == column else "number")
                    for column, number in enumerate(counts)
                ),
            )
            for place, (name, counts) in enumerate(zip(labels, found["counts"], strict=True))
        ),
    )


def rating_grid(found: Mapping[str, Any]) -> Grid:
    """The ratings of one prompt and grid cell, highest first."""
    ordered = sorted(found["ratings"], key=lambda one: (one["rating"] is None, -(one["rating"] or 0.0)))
    first = found["ratings"][0]["model"] if found["ratings"] else ""
    way = "Bradley-Terry with Davidson's ties" if found["method"] == "bradley_terry_davidson" else "Bradley-Terry"
    heads = ("Rating", "95 % interval", "Wins", "Ties", "Losses")
    return Grid(
        caption=f"Ratings by {way}, as log-odds against {first}, whose rating is 0",
        columns=(Column("Cell"), *(Column(head, number=True) for head in heads)),
        rows=tuple(
            (
                Entry(label(one), kind="head"),
                Entry(numbers.metric(one["rating"], share=False), kind="strong"),
                Entry(numbers.metric_interval(one["ci95"], share=False), kind="number"),
                *(Entry(numbers.count(one[name]), kind="number") for name in ("wins", "ties", "losses")),
            )
            for one in ordered
        ),
    )
