"""Shows sums of spending as a table in the terminal; no name in it can move the cursor or set a colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from pipeline.cost.spending import Dimension, Group, Spend
from pipeline.report import numbers
from pipeline.report.costs_words import signed_usd
from pipeline.report.terminal import plain_text

_Column = tuple[str, Callable[[Spend], str]]
_USED: tuple[_Column, ...] = (
    ("jobs", lambda spend: numbers.count(spend.jobs)),
    ("fresh input", lambda spend: numbers.tokens(spend.input_tokens)),
    ("cache read", lambda spend: numbers.tokens(spend.cache_read_tokens)),
    ("cache write", lambda spend: numbers.tokens(spend.cache_write_tokens)),
    ("output", lambda spend: numbers.tokens(spend.output_tokens)),
    ("thinking", lambda spend: numbers.tokens(spend.thinking_tokens)),
    ("cost", lambda spend: numbers.usd(spend.cost_usd)),
    ("wasted", lambda spend: numbers.usd(spend.wasted_usd)),
)
_SPARED = (
    "thinking", "cache write", "cache read", "saved by reuse", "wasted", "output", "fresh input", "unknown cost",
    "unpriced before", "jobs",
)  # fmt: skip
"""What goes first where there is little room."""
_STYLE: dict[str, Any] = {"box": None, "pad_edge": False, "header_style": "bold"}
_UNBOUNDED = 1_000_000
_ALWAYS, _NOTHING = ("jobs", "cost"), (numbers.UNKNOWN, "0", "$0")
_MISSING: _Column = ("unknown cost", lambda spend: numbers.count(spend.unpriced_jobs))
_SAVED: _Column = ("saved by reuse", lambda spend: numbers.usd(spend.saved_usd))
_REPRICED: tuple[_Column, ...] = (
    ("jobs", lambda spend: numbers.count(spend.jobs)),
    ("recorded", lambda spend: numbers.usd(spend.cost_usd)),
    ("this table", lambda spend: numbers.usd(spend.table_usd)),
    ("change", lambda spend: signed_usd(spend.change_usd)),
    ("unpriced before", lambda spend: numbers.count(spend.unpriced_jobs)),
    ("unpriced now", lambda spend: numbers.count(spend.table_unpriced_jobs)),
)


def costs_table(groups: Sequence[Group], by: Sequence[Dimension], total: Spend, *, repriced: bool = False) -> Table:
    """Return a line for each group and one for all; classes of tokens that nobody used are left out.

    Where it is wider than the console, columns are left out and named, the least telling first; no figure is cut.
    """
    columns = list(_REPRICED if repriced else _shown(total))
    table = _CostsTable(**_STYLE)
    _fill(table, groups, by, total, columns)
    left_out: list[str] = []
    for name in _SPARED:
        kept = [column for column in columns if column[0] not in (*left_out, name)]
        if len(kept) == len(columns) - len(left_out):
            continue
        left_out.append(name)
        narrower = Table(**_STYLE, caption=f"left out for want of room: {', '.join(left_out)}", caption_justify="left")
        _fill(narrower, groups, by, total, kept)
        table.narrower.append(narrower)
    return table


class _CostsTable(Table):
    """A table that gives way to narrower ones where it does not fit."""

    def __init__(self, **style: Any) -> None:
        super().__init__(**style)
        self.narrower: list[Table] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if _width(console, self) <= options.max_width or not self.narrower:
            yield from super().__rich_console__(console, options)
            return
        fitting = (form for form in self.narrower if _width(console, form) <= options.max_width)
        yield from next(fitting, self.narrower[-1]).__rich_console__(console, options)


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(max_width=_UNBOUNDED)).maximum


def _fill(
    table: Table, groups: Sequence[Group], by: Sequence[Dimension], total: Spend, columns: Sequence[_Column]
) -> None:
    table.show_footer = len(groups) > 1
    for position, dimension in enumerate(by):
        table.add_column(dimension, footer="all" if position == 0 else "", overflow="fold")
    for name, write in columns:
        table.add_column(name, footer=write(total), justify="right", no_wrap=True)
    for group in groups:
        table.add_row(*map(plain_text, group.key), *(write(group.spend) for _, write in columns))


def _shown(total: Spend) -> tuple[_Column, ...]:
    used = [(name, write) for name, write in _USED if name in _ALWAYS or write(total) not in _NOTHING]
    return (*used, *([_MISSING] if total.unpriced_jobs else []), *([_SAVED] if total.reused_jobs else []))
