"""A measured figure beside its floor, and how figures are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEADER = ("what", "evalmill", "beside it", "ratio", "to reach", "reached")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure. What could not be measured is None and says why in `note`."""

    what: str
    value: float | None
    unit: str = ""
    beside: str = ""
    """What was measured beside it in the same run: a floor or a peer."""
    beside_value: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the figure beside it."""
        if self.value is None or not self.beside_value:
            return None
        return self.value / self.beside_value

    @property
    def reached(self) -> bool | None:
        """Whether it is where it should be; None where nothing was asked or nothing measured."""
        if self.value is None or (self.at_most is None and self.at_least is None):
            return None
        high_enough = self.at_least is None or self.value >= self.at_least
        return high_enough and (self.at_most is None or self.value <= self.at_most)


def cells(figure: Figure) -> tuple[str, ...]:
    """A figure as the cells of a table."""
    beside = ""
    if figure.beside:
        beside = f"{figure.beside}: {with_unit(figure.beside_value, figure.unit)}"
    return (
        figure.what,
        with_unit(figure.value, figure.unit) + (f" ({figure.note})" if figure.note else ""),
        beside,
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        _to_reach(figure),
        "" if figure.reached is None else "yes" if figure.reached else "no",
    )


def wide_table(figures: Sequence[Figure]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table with a row per name and a column per unit; notes stand in the first column."""
    units = list(dict.fromkeys(figure.unit for figure in figures if figure.unit))
    by_name: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        by_name.setdefault(figure.what, {})[figure.unit] = figure
    rows = []
    for name, found in by_name.items():
        note = next((figure.note for figure in found.values() if figure.note), "")
        values = [_wide_cell(found.get(unit)) for unit in units]
        rows.append([f"{name} ({note})" if note else name, *values])
    return ["tool", *units], rows


def long_table(figures: Sequence[Figure]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table with a row per figure; columns with nothing in them are left out."""
    rows = [cells(figure) for figure in figures]
    used = [n for n in range(len(HEADER)) if n < 2 or any(row[n] for row in rows)]
    return [HEADER[n] for n in used], [[row[n] for n in used] for row in rows]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    lines = [_line(header), "|" + "---|" * len(header)]
    lines += [_line(row) for row in rows]
    return "\n".join(lines)


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for the terminal."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join(lines)


def with_unit(value: float | None, unit: str) -> str:
    """A number with its unit; unknown is a dash."""
    if value is None:
        return "–"
    return f"{number_text(value)} {unit}".rstrip()


def number_text(value: float) -> str:
    """Three significant digits, whole numbers with separators of thousands."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.3f}"


def median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the lower of the two in the middle."""
    return sorted(values)[(len(values) - 1) // 2]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are not above (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1_000_000) * len(ordered) // 1_000_000) - 1))]


def _to_reach(figure: Figure) -> str:
    if figure.at_most is not None:
        return f"≤ {with_unit(figure.at_most, figure.unit)}"
    if figure.at_least is not None:
        return f"≥ {with_unit(figure.at_least, figure.unit)}"
    return ""


def _wide_cell(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "–"
    times = "" if figure.ratio is None else f" (× {figure.ratio:.2f})"
    return number_text(figure.value) + times


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
