"""Live progress of a run: a table that updates on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.core.clock import Clock
from pipeline.core.names import printable_line
from pipeline.core.records import Result

PLAIN_SECONDS = 5.0
_INPUT = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


@dataclass(slots=True)
class LaneProgress:
    """One model's counters."""

    total: int
    done_before: int
    done: int = 0
    in_flight: int = 0
    failed: int = 0
    tokens: int = 0
    cost_usd: Decimal = field(default_factory=Decimal)
    unpriced: int = 0
    called: int = 0
    has_said_finished: bool = False


class Progress:
    """Counts what is acknowledged and shows it."""

    def __init__(self, clock: Clock, console: Console | None = None) -> None:
        """Show on standard error, as a live table if that is a terminal."""
        self._clock = clock
        self._console = console or Console(stderr=True)
        self._lanes: dict[str, LaneProgress] = {}
        self._live: Live | None = None
        self._started = clock.monotonic()
        self._printed = self._started

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the table while the run lasts."""
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._table, console=self._console, refresh_per_second=5, transient=True) as live:
            self._live = live
            yield

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leave the terminal to a question."""
        if self._live is not None:
            self._live.stop()
        try:
            yield
        finally:
            if self._live is not None:
                self._live.start()

    def lane(self, model: str, *, total: int, done: int) -> None:
        """A lane begins."""
        self._lanes[model] = LaneProgress(total=total, done_before=done)
        if done and not self._console.is_terminal:
            self._line(f"{model}: continuing, {done:,} of {total:,} were answered before")

    def in_flight(self, model: str, change: int) -> None:
        """A request left or came back."""
        self._lanes[model].in_flight += change

    def event(self, model: str, said: str) -> None:
        """A lane waits, or goes on: said at once, above the table where there is one."""
        if self._live is not None:
            self._live.console.print(Text(printable_line(f"{model}: {said}"), style="yellow"))
        else:
            self._line(f"{model}: {said}")

    def acknowledged(self, results: Sequence[Result], /) -> None:
        """Count results that are safe on disk."""
        for result in results:
            lane = self._lanes[result.model]
            lane.failed += result.status in ("error", "skipped")
            self._count(lane, result)
        self._print_if_due()

    def kept(self, result: Result, /) -> None:
        """Count a job that was asked again and keeps the row that it has."""
        self._count(self._lanes[result.model], result)
        self._print_if_due()

    def _print_if_due(self) -> None:
        now = self._clock.monotonic()
        if not self._console.is_terminal and (now - self._printed >= PLAIN_SECONDS or self._all_done()):
            self._printed = now
            self._print_lines()

    def _count(self, lane: LaneProgress, result: Result) -> None:
        lane.done += 1
        lane.called += bool(result.attempts)
        lane.tokens += sum(getattr(result, name) or 0 for name in _INPUT) + (result.output_tokens or 0)
        if result.cost_usd is None:
            lane.unpriced += result.status not in ("error", "skipped") or any(a.possibly_paid for a in result.attempts)
        else:
            lane.cost_usd += result.cost_usd

    def _all_done(self) -> bool:
        return all(lane.done_before + lane.done >= lane.total for lane in self._lanes.values())

    def _print_lines(self) -> None:
        for model, lane in self._lanes.items():
            if lane.has_said_finished:
                continue
            cells = self._cells(lane)
            lane.has_said_finished = cells["eta"] == "finished"
            failed = f", {lane.failed:,} failed" if lane.failed else ""
            self._line(
                f"{model}: {cells['done']} done{failed}, {lane.in_flight} in flight, "
                f"{cells['tokens']} tokens, {cells['cost']}, {cells['eta']}"
            )

    def _line(self, text: str) -> None:
        print(printable_line(text), file=sys.stderr, flush=True)

    def _cells(self, lane: LaneProgress) -> dict[str, str]:
        finished = lane.done_before + lane.done
        return {
            "done": f"{finished:,}/{lane.total:,}",
            "failed": f"{lane.failed:,}" if lane.failed else "–",
            "in_flight": str(lane.in_flight),
            "tokens": f"{lane.tokens:,}",
            "cost": self._cost(lane),
            "eta": self._eta(lane, finished),
        }

    def _cost(self, lane: LaneProgress) -> str:
        if not lane.called:
            return "no calls"
        if lane.unpriced and lane.unpriced == lane.done:
            return "cost unknown"
        unknown = f" (+{lane.unpriced:,} unknown)" if lane.unpriced else ""
        return f"${lane.cost_usd:.4f}{unknown}"

    def _eta(self, lane: LaneProgress, finished: int) -> str:
        elapsed = self._clock.monotonic() - self._started
        if finished >= lane.total:
            return "finished"
        if not lane.done or elapsed <= 0:
            return "estimating"
        return duration((lane.total - finished) * elapsed / lane.done) + " left"

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("model", "done", "failed", "in flight", "tokens", "cost", "time"):
            table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
        for model, lane in self._lanes.items():
            cells = self._cells(lane)
            table.add_row(Text(printable_line(model)), *cells.values())
        return table


def duration(seconds: float) -> str:
    """Seconds as `1:02:03` or `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
