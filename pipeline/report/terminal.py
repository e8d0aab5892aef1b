"""Shows a summary as a table in the terminal; no name in it can move the cursor or set a colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from pipeline.core.names import printable_line
from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, measured, metric_names, params_text, unfinished
from pipeline.report.measures import Measure, measure

_UNBOUNDED = 1_000_000
_NO_INTERVALS = "intervals do not fit here; the pages show them"


def summary_table(summary: Summary) -> Table:
    """Return one line per cell: model, prompt, each metric with its interval, answered jobs, cost, median latency.

    Where that is wider than the console, intervals move under their values, then are left out, then each metric gets a
    table of its own; names and figures are never cut. Its measured width is that of the widest form.
    """
    metrics = metric_names(summary)
    whole = _SummaryTable(title=_title(summary))
    _fill(whole, summary, metrics, joint=" ")
    stacked = Table(title=_title(summary))
    _fill(stacked, summary, metrics, joint="\n")
    short = Table(title=_title(summary), caption=_NO_INTERVALS)
    _fill(short, summary, metrics, joint=None)
    whole.narrower = ((stacked,), (short,), _single_tables(summary, metrics))
    return whole


class _SummaryTable(Table):
    """A table that gives way to narrower ones where it does not fit."""

    narrower: Sequence[tuple[Table, ...]] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if _width(console, self) <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        fitting = (form for form in self.narrower if all(_width(console, one) <= options.max_width for one in form))
        yield from next(fitting, _folded(self.narrower[-1]))


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(max_width=_UNBOUNDED)).maximum


def _folded(tables: tuple[Table, ...]) -> tuple[Table, ...]:
    """Let the names go over several lines, where even one metric does not fit beside them."""
    for table in tables:
        for column in table.columns:
            column.no_wrap, column.overflow = False, "fold"
    return tables


def _single_tables(summary: Summary, metrics: Sequence[str]) -> tuple[Table, ...]:
    jobs = Table(title=_title(summary))
    _fill(jobs, summary, (), joint=" ")
    singles = []
    for metric in metrics:
        table = Table()
        _fill(table, summary, (metric,), joint=" ", jobs=False)
        singles.append(table)
    return (jobs, *singles)


def _title(summary: Summary) -> str | None:
    simulated = "simulated run" if summary["simulated"] else None
    open_run = unfinished(summary)
    progress = f"incomplete: {numbers.count(open_run[0])} of {numbers.count(open_run[1])} jobs" if open_run else None
    return ", ".join(words for words in (simulated, progress) if words) or None


def _fill(table: Table, summary: Summary, metrics: Sequence[str], *, joint: str | None, jobs: bool = True) -> None:
    """Add columns and lines; `joint` stands between a value and its interval, None leaves the interval out."""
    grid = any(params_text(cell.get("params")) for cell in summary["cells"])
    for name in ("model", "prompt", *(["params"] if grid else [])):
        table.add_column(name, no_wrap=True)
    for name in (*metrics, *(["ok/jobs", "cost", "p50"] if jobs else [])):
        table.add_column(plain_text(name), justify="right", no_wrap=True)
    for cell in summary["cells"]:
        names = [cell["model"], cell["prompt"], *([params_text(cell.get("params"))] if grid else [])]
        figures = [_metric(cell, measure(summary, metric), joint) for metric in metrics]
        ends = [_answered(cell), numbers.usd(cell["cost_usd"]), _median(cell)] if jobs else []
        table.add_row(*map(plain_text, names), *figures, *map(plain_text, ends))


def _metric(cell: Cell, of: Measure, joint: str | None) -> Text:
    found: Any = measured(cell, of.name)
    if found is None or found["mean"] is None:
        return Text(numbers.UNKNOWN)
    value = of.value(found["mean"])
    if found["ci95"] is None or joint is None:
        return Text(value)
    return Text(f"{value}{joint}({of.interval(found['ci95'])})")


def _answered(cell: Cell) -> str:
    return f"{numbers.count(cell['statuses']['ok'])}/{numbers.count(cell['n'])}"


def _median(cell: Cell) -> str:
    return numbers.milliseconds((cell.get("latency_ms") or {}).get("p50"))


def plain_text(words: str) -> Text:
    """Wrap plain words, so that rich reads no markup in them; lone surrogates would not survive printing."""
    encodable = words.encode("utf-8", "backslashreplace").decode()
    return Text(printable_line(encodable))
