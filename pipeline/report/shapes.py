"""How tokens, times and scores are distributed: charts with their tables, from a summary's distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, label, ranked
from pipeline.report.chart_parts import short_names
from pipeline.report.charts import Chart
from pipeline.report.grid import Column, Entry, Grid
from pipeline.report.measures import measure
from pipeline.report.shape_charts import Ridge, ridge

_FEW = 5
"""Fewer known values than this in every cell make no picture."""
_MOST_CELLS = 60
"""More have no picture and no table of bins: nobody would find anything in them, and the page is to stay small."""
_IN_SECONDS = " in seconds"
_QUANTILES = {"p5": "p5", "p25": "p25", "p50": "Median", "p75": "p75", "p95": "p95", "p99": "p99", "max": "Largest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One quantity's distributions as a page shows them."""

    name: str
    """For the page's ids."""
    title: str
    chart: Chart | None
    """None where there are too few values for a picture."""
    has_median: bool
    """Whether median and p95 are drawn."""
    grids: tuple[Grid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantity:
    name: str
    title: str
    axis: str
    write: Callable[[float], str]
    span: Callable[[float, float], str]
    scale: float = 1.0


def _tokens(value: float) -> str:
    return numbers.count(round(value))


def _token_span(low: float, high: float) -> str:
    """Whole numbers from `low` to below `high`."""
    first, last = round(low), round(high) - 1
    return f"{first:,}–{last:,}" if last > first else f"{first:,}"


def _time_span(low: float, high: float) -> str:
    return f"{numbers.milliseconds(low) if low else '0'} – {numbers.milliseconds(high)}"


_TOKENS = (
    _Quantity(name="input_tokens", title="Input of a request", axis="input tokens", write=_tokens, span=_token_span),
    _Quantity(name="output_tokens", title="Output of an answer", axis="output tokens", write=_tokens, span=_token_span),
)
_TIMES = tuple(
    _Quantity(
        name=name, title=title, axis=f"{axis}{_IN_SECONDS}", write=numbers.milliseconds, span=_time_span, scale=0.001
    )
    for name, title, axis in (
        ("latency_ms", "Whole answer", "latency"),
        ("first_token_ms", "First token", "time to the first token"),
    )
)


def token_shapes(summary: Summary) -> list[Shape]:
    """Input and output tokens, each where any is known."""
    return [shape for quantity in _TOKENS if (shape := _quantity(summary, quantity))]


def time_shapes(summary: Summary) -> list[Shape]:
    """Latency and time to the first token, each where any is known."""
    return [shape for quantity in _TIMES if (shape := _quantity(summary, quantity))]


def score_shape(summary: Summary, metric: str) -> Shape | None:
    """The scores of a graded metric, or how many of its repeated answers each row passes; None where all are alike."""
    cells = [cell for cell in ranked(summary, metric) if cell["metrics"][metric].get("distribution")]
    entries = [cell["metrics"][metric]["distribution"] for cell in cells]
    if len({place for entry in entries for place, count in enumerate(entry["counts"]) if count}) < 2:
        return None
    found = measure(summary, metric)
    if "of" in entries[0]:
        return _passes(cells, entries)
    if "edges" in entries[0]:
        axis = f"{found.name} of an answer{f' in {found.unit}' if found.unit else ''}"
        form = ".0%" if found.share else ",~r"
        quantity = _Quantity(
            name="score",
            title="Scores of single answers",
            axis=axis,
            write=found.value,
            span=lambda low, high: found.interval((low, high)),
        )
        return _binned(cells, entries, quantity, form)
    drawn = _ridge(cells, entries, axis=f"{found.name} of an answer", bins=[_mark(v) for v in entries[0]["values"]])
    most = [f"{drawn.bins[_highest(entry)]} of {name}" for name, entry in zip(drawn.labels, entries, strict=True)]
    return _shape("score", "Scores of single answers", drawn, f"Most frequent score: {', '.join(most)}.")


def _quantity(summary: Summary, quantity: _Quantity) -> Shape | None:
    cells = [cell for cell in summary["cells"] if (cell.get("distributions") or {}).get(quantity.name)]
    entries = [cell["distributions"][quantity.name] for cell in cells]
    return _binned(cells, entries, quantity) if entries else None


def _binned(
    cells: Sequence[Cell], entries: Sequence[Mapping[str, Any]], quantity: _Quantity, form: str = ",~r"
) -> Shape:
    edges = entries[0]["edges"]
    bins = [quantity.span(low, high) for low, high in pairwise(edges)]
    if quantity.span is _token_span:
        bins[-1] = _token_span(edges[-2], edges[-1] + 1)
    drawn = replace(
        _ridge(cells, entries, axis=quantity.axis, bins=bins), scale=quantity.scale, form=form, write=quantity.write
    )
    known = [(entry["p50"], name) for name, entry in zip(drawn.labels, entries, strict=True) if sum(entry["counts"])]
    (low, first), (high, last) = min(known), max(known)
    told = f"Medians lie between {quantity.write(low)} ({first}) and {quantity.write(high)} ({last})."
    alternative = told if len(known) > 1 else f"The median is {quantity.write(low)}."
    return _shape(quantity.name, quantity.title, drawn, alternative, _quantile_grid(drawn, quantity.title))


def _passes(cells: Sequence[Cell], entries: Sequence[Mapping[str, Any]]) -> Shape:
    k = entries[0]["of"]
    bins = [f"{passed} of {k}" for passed in range(k + 1)]
    drawn = replace(_ridge(cells, entries, axis=f"how many of the {k} answers to a row pass", bins=bins), unit="rows")
    whole = [
        f"{numbers.count(entry['counts'][-1])} of {name}" for name, entry in zip(drawn.labels, entries, strict=True)
    ]
    return _shape("score", "Passes of each row", drawn, f"Rows that pass all {k} times: {', '.join(whole)}.")


def _ridge(cells: Sequence[Cell], entries: Sequence[Mapping[str, Any]], *, axis: str, bins: Sequence[str]) -> Ridge:
    return Ridge(
        names=short_names(cells), labels=[label(cell) for cell in cells], entries=entries, title=axis, bins=bins
    )


def _shape(name: str, title: str, drawn: Ridge, alternative: str, *grids: Grid) -> Shape:
    is_small = len(drawn.names) <= _MOST_CELLS
    is_drawn = is_small and max(sum(entry["counts"]) for entry in drawn.entries) >= _FEW
    alternative = f"{title}, distribution in {len(drawn.names)} cells. {alternative}"
    return Shape(
        name=name,
        title=title,
        chart=Chart(alternative=alternative, spec=ridge(drawn)) if is_drawn else None,
        has_median="p50" in drawn.entries[0],
        grids=(*grids, *([_bin_grid(drawn, title)] if is_small or not grids else [])),
    )


def _quantile_grid(drawn: Ridge, title: str) -> Grid:
    """Where the values of each cell lie; the unknown ones beside them."""
    return Grid(
        caption=f"{title}: quantiles",
        columns=(Column("Cell"), *(Column(head, number=True) for head in ("Known", "Unknown", *_QUANTILES.values()))),
        rows=tuple(
            (
                Entry(name, kind="head"),
                Entry(numbers.count(sum(entry["counts"])), kind="number"),
                Entry(numbers.count(entry["unknown"]), kind="number"),
                *(
                    Entry(numbers.UNKNOWN if entry[key] is None else drawn.write(entry[key]), kind="number")
                    for key in _QUANTILES
                ),
            )
            for name, entry in zip(drawn.labels, drawn.entries, strict=True)
        ),
    )


def _bin_grid(drawn: Ridge, title: str) -> Grid:
    """The bars as numbers, those of all cells side by side."""
    counted = zip(drawn.bins, *(entry["counts"] for entry in drawn.entries), strict=True)
    unknown = ("unknown", *(entry["unknown"] for entry in drawn.entries))
    return Grid(
        caption=f"{title}: {drawn.unit} by value",
        columns=(Column(drawn.title.removesuffix(_IN_SECONDS)), *(Column(name, number=True) for name in drawn.names)),
        rows=tuple(
            (Entry(str(name), kind="head"), *(Entry(numbers.count(count), kind="number") for count in counts))
            for name, *counts in (*counted, unknown)
        ),
    )


def _highest(entry: Mapping[str, Any]) -> int:
    counts: list[int] = entry["counts"]
    return counts.index(max(counts))


def _mark(value: float) -> str:
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
