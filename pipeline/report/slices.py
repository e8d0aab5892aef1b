"""The figures of parts of the dataset as tables, with what they say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import Summary, judge, key, label, short_parts
from pipeline.report.grid import Column, Entry, Grid
from pipeline.report.leader import capital
from pipeline.report.measures import Measure, measure
from pipeline.report.slice_words import Entries, slice_words, standing_of
from pipeline.report.visible import one_line

_LINES = 200
"""Comparisons of slices that a page lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceSection:
    """One column of the dataset: what stands out, and the figures."""

    column: str
    words: tuple[str, ...]
    grids: tuple[tuple[str, Grid], ...]
    """By metric."""
    comparisons: Grid | None
    left_out: str


def slice_sections(summary: Summary) -> list[SliceSection]:
    """One section for each sliced column, in the order of the summary."""
    slices = summary.get("slices") or ()
    columns = dict.fromkeys(entry["column"] for entry in slices)
    return [_section(summary, column) for column in columns]


def _section(summary: Summary, column: str) -> SliceSection:
    slices = [entry for entry in summary["slices"] if entry["column"] == column]
    pairs = [entry for entry in summary.get("slice_comparisons") or () if entry["column"] == column]
    return SliceSection(
        column=column,
        words=slice_words(summary, column, slices, pairs),
        grids=tuple(
            (metric, _grid(summary, measure(summary, metric), column, slices))
            for metric in dict.fromkeys(entry["metric"] for entry in slices)
        ),
        comparisons=_comparison_grid(summary, pairs),
        left_out=_left_out(summary, column),
    )


def _grid(summary: Summary, found: Measure, column: str, slices: Entries) -> Grid:
    """Values as rows, cells as columns."""
    mine = [entry for entry in slices if entry["metric"] == found.name]
    cells = [cell for cell in summary["cells"] if any(key(entry) == key(cell) for entry in mine)]
    by_place = {(entry["value"], key(entry)): entry for entry in mine}
    names = [" · ".join(parts) for parts in short_parts(cells)]
    return Grid(
        caption=f"{capital(found.figure)} by {column}, with 95 % intervals; marked: what stands out",
        columns=(Column(column), Column("Rows", number=True), *(Column(name, number=True) for name in names)),
        rows=tuple(
            _line(value, [by_place.get((value, key(cell))) for cell in cells], found)
            for value in dict.fromkeys(entry["value"] for entry in mine)
        ),
    )


def _line(value: str, entries: Sequence[Mapping[str, Any] | None], found: Measure) -> tuple[Entry, ...]:
    counts = sorted({entry["n"] for entry in entries if entry is not None})
    rows = numbers.count(counts[0]) + (f"–{numbers.count(counts[-1])}" if len(counts) > 1 else "")
    return (Entry(value, kind="head"), Entry(rows, kind="number"), *(_figure(entry, found) for entry in entries))


def _figure(entry: Mapping[str, Any] | None, found: Measure) -> Entry:
    if entry is None:
        return Entry(numbers.UNKNOWN, kind="number")
    judged = standing_of(entry, found)
    sign = {"better": "stronger, ", "worse": "weaker, ", "higher": "higher, ", "lower": "lower, "}.get(judged, "")
    interval = found.interval(entry["ci95"]) if entry["ci95"] else ""
    tone = {"better": "better", "worse": "worse", "cannot tell": ""}.get(judged, "moved")
    return Entry(found.value(entry["mean"]), below=f"{sign}{interval}".rstrip(", "), kind="strong", tone=tone)


def _comparison_grid(summary: Summary, pairs: Entries) -> Grid | None:
    if not pairs:
        return None
    surest = sorted(pairs, key=lambda entry: 2.0 if entry["p"] is None else entry["p"])
    heads = ("Value", "Cell", "Verdict", "Compared with", "Difference", "95 % interval", "Adjusted p", "Rows")
    numeric = {"Difference", "95 % interval", "Adjusted p", "Rows"}
    several = len({entry["metric"] for entry in pairs}) > 1
    shown = "" if len(pairs) <= _LINES else f"; the {_LINES} surest of {numbers.count(len(pairs))}"
    columns = [Column(head, number=head in numeric) for head in heads]
    return Grid(
        caption=f"Two cells on the rows of one value, p values corrected for the number of slices{shown}",
        columns=(*([Column("Metric")] if several else []), *columns),
        rows=tuple(_comparison_line(summary, entry, several=several) for entry in surest[:_LINES]),
    )


def _comparison_line(summary: Summary, entry: Mapping[str, Any], *, several: bool) -> tuple[Entry, ...]:
    found = measure(summary, entry["metric"])
    judged = judge(entry, found.better)
    tone = {"better": "better", "worse": "worse", "cannot tell": "unclear"}.get(judged, "moved")
    return (
        *([Entry(entry["metric"])] if several else []),
        Entry(entry["value"], kind="head"),
        Entry(label(entry["b"]), kind="name"),
        Entry(judged, kind="judged", tone=tone),
        Entry(label(entry["a"]), kind="name"),
        Entry(found.difference(entry["difference"]), kind="strong"),
        Entry(found.difference_interval(entry["ci95"]), kind="number"),
        Entry(numbers.p_value(entry["p_adjusted"]), kind="number"),
        Entry(numbers.count(entry["n"]), kind="number"),
    )


def _left_out(summary: Summary, column: str) -> str:
    for entry in summary.get("slices_left_out") or ():
        if entry["column"] == column:
            values, rows = numbers.count(entry["values"]), numbers.count(entry["n"])
            return f"{values} smaller values of {one_line(column)}, with {rows} rows together, are not shown."
    return ""
