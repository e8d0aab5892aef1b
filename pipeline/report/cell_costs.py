"""What each cell cost: in all, for 1,000 jobs and for a passed answer, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, key, label
from pipeline.report.grid import Column, Entry, Grid
from pipeline.report.tables import has_params
from pipeline.report.visible import one_line


def name_heads(summary: Summary) -> tuple[Column, ...]:
    """The heads of the columns that name a cell."""
    return (Column("Model"), Column("Prompt"), *([Column("Parameters")] if has_params(summary) else []))


def names_of(summary: Summary, cell: Cell) -> list[Entry]:
    """The entries that name a cell."""
    model, prompt, params = key(cell)
    return [Entry(model, kind="head"), Entry(prompt, kind="name"), *([Entry(params)] if has_params(summary) else [])]


def cell_grid(summary: Summary) -> Grid:
    """One line for each cell; intervals stand below their figures."""
    unpriced = any(cell["unpriced_jobs"] for cell in summary["cells"])
    heads = ["Jobs", "Cost", "per 1,000 jobs", "per passed answer", "Retries", "Wasted"]
    return Grid(
        caption="Money in US dollars, with 95\N{NO-BREAK SPACE}% intervals; a dash is unknown, not zero",
        columns=(
            *name_heads(summary),
            *(Column(head, True) for head in [*heads, *(["Jobs of unknown cost"] if unpriced else [])]),
        ),
        rows=tuple(_row(summary, cell, unpriced) for cell in summary["cells"]),
    )


def pass_line(summary: Summary) -> str:
    """One sentence on what a passed answer costs, cheapest and dearest; empty where no cell tells it."""
    known = [cell for cell in summary["cells"] if cell["cost_per_pass_usd"] is not None]
    if not known:
        return ""
    order = sorted(known, key=lambda cell: Decimal(cell["cost_per_pass_usd"]))
    if len(order) == 1:
        return f"A passed answer costs {_per_pass(order[0])}."
    return f"A passed answer costs from {_per_pass(order[0])} to {_per_pass(order[-1])}."


def usd_interval(ends: Sequence[str] | None) -> str:
    """Write the interval of an amount; nothing where there is none."""
    return "" if ends is None else f"{numbers.usd(ends[0])}–{numbers.usd(ends[1])}"


def _per_pass(cell: Cell) -> str:
    interval = usd_interval(cell.get("cost_per_pass_ci95_usd"))
    return f"{numbers.usd(cell['cost_per_pass_usd'])} ({one_line(label(cell))}{f', {interval}' if interval else ''})"


def _row(summary: Summary, cell: Cell, unpriced: bool) -> tuple[Entry, ...]:
    return (
        *names_of(summary, cell),
        Entry(numbers.count(cell["n"]), kind="number"),
        Entry(numbers.usd(cell["cost_usd"]), kind="strong"),
        _with_interval(cell["cost_per_1k_jobs_usd"], cell.get("cost_per_1k_jobs_ci95_usd")),
        _with_interval(cell["cost_per_pass_usd"], cell.get("cost_per_pass_ci95_usd")),
        Entry(numbers.count(cell["retries"]), kind="number"),
        _wasted(cell),
        *([Entry(numbers.count(cell["unpriced_jobs"]), kind="number")] if unpriced else []),
    )


def _wasted(cell: Cell) -> Entry:
    more = cell.get("possibly_paid_usd")
    return Entry(numbers.usd(cell["wasted_usd"]), "" if more is None else f"up to {numbers.usd(more)} more", "number")


def _with_interval(usd: str | None, ends: Sequence[str] | None) -> Entry:
    return Entry(numbers.usd(usd), usd_interval(ends), "number")
