"""What more rows would cost: each cell's cost of a row, from which the page computes that of any number of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.report import numbers
from pipeline.report.cell_costs import usd_interval
from pipeline.report.cells import Cell, Summary, key

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_ASKED = 50_000
_MUCH = 1.001


@dataclass(frozen=True, slots=True)
class Line:
    """One cell's projections, as text: figure and interval for each of `SIZES`."""

    names: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]


def projection(summary: Summary, grid: bool) -> dict[str, Any] | None:
    """What the page needs: a table for `SIZES`, and the numbers for any other size; None where no cost is known."""
    cells = [(cell, cell["row_cost"]) for cell in summary["cells"] if cell.get("row_cost")]
    if not cells:
        return None
    repeats = max(row["jobs"] for _, row in cells)
    return {
        "sizes": [numbers.count(size) for size in SIZES],
        "lines": [_line(cell, row, grid) for cell, row in cells],
        "asked": _ASKED,
        "data": [{name: _number(row[name]) for name in ("rows", "usd", "margin95_usd")} for _, row in cells],
        "each": f", each asked {repeats:.3g} times as here" if repeats > _MUCH else "",
    }


def projected(row: Mapping[str, Any], size: int) -> tuple[Decimal, tuple[str, str] | None]:
    """The cost of `size` rows more, and its 95 % interval; None where nothing tells it.

    The interval holds both: that the mean of a row is known from `rows` rows alone, and that `size` rows are not all
    like the mean. The variance of the sum is size² s²/rows + size s², so its half is that of the mean times size
    √(1 + rows/size). Source: the prediction interval of a mean, Hahn and Meeker 1991, section 4.7.
    """
    usd = Decimal(row["usd"]) * size
    if row["margin95_usd"] is None:
        return usd, None
    half = Decimal(row["margin95_usd"]) * size * (1 + Decimal(row["rows"]) / size).sqrt()
    return usd, (str(max(Decimal(0), usd - half)), str(usd + half))


def _line(cell: Cell, row: Mapping[str, Any], grid: bool) -> Line:
    found = (projected(row, size) for size in SIZES)
    figures = tuple((numbers.usd(usd), usd_interval(ends)) for usd, ends in found)
    return Line(names=key(cell)[: 3 if grid else 2], figures=figures)


def _number(value: Any) -> float | int | None:
    return None if value is None else value if isinstance(value, int) else float(value)
