"""evalmill status: live numbers from another terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import say, say_json, say_json_line

if TYPE_CHECKING:
    from pipeline.steps.status import Numbers, RunStatus, StatusReader

WATCH_SECONDS = 2.0
_COLUMNS = ("model", "done", "failed", "in flight", "unanswered", "tokens", "cost", "jobs/min", "time")


def command(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run folder, or a folder that holds runs: then the newest.")
    ],
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every 2 s until the run ends.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON; with --watch, a line each.")] = False,
) -> int:
    """Show how far a run is, without disturbing it: works while it runs, after its end, and after a crash."""
    from pipeline.core.clock import SystemClock
    from pipeline.steps.status import StatusReader, find_run

    reader = StatusReader(find_run(run), SystemClock())
    if not watch:
        show = say_as_json if json else say_status
        show(reader.read())
    elif json:
        _watch(reader, lambda status: say_json_line(as_json(status)))
    else:
        _watch_in_words(reader)
    return 0


def say_status(status: RunStatus) -> None:
    """Print where a run stands, and a table of its models."""
    from pipeline.cli.output import say_table

    say(heading(status))
    say_table(table(status))


def say_as_json(status: RunStatus) -> None:
    """Print where a run stands as JSON."""
    say_json(as_json(status))


def _watch(reader: StatusReader, show: Callable[[RunStatus], None]) -> None:
    """Show the run until no process works on it any more."""
    while True:
        status = reader.read()
        show(status)
        if status.process is None:
            return
        time.sleep(WATCH_SECONDS)


def _watch_in_words(reader: StatusReader) -> None:
    """A table that changes in place on a terminal, lines elsewhere."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        _watch(reader, _say_lines)
        return
    with Live(console=console, auto_refresh=False) as live:
        _watch(reader, lambda status: live.update(Group(Text(heading(status)), table(status)), refresh=True))


def _say_lines(status: RunStatus) -> None:
    say(heading(status))
    for model, numbers in _rows(status):
        say(f"{model}: {_in_words(numbers)}")
    sys.stdout.flush()


def _in_words(numbers: Numbers) -> str:
    cells = dict(zip(_COLUMNS[1:], _cells(numbers), strict=True))
    counts = [f"{cells[name]} {name}" for name in ("done", "failed", "in flight", "unanswered") if cells[name] != "–"]
    pace = f"{cells['jobs/min']} jobs/min, {cells['time']}"
    return ", ".join([*counts, f"{cells['tokens']} tokens", cells["cost"], pace])


def heading(status: RunStatus) -> str:
    """One line: which run, what it does, who does it, and when something last changed."""
    from pipeline.core.names import printable_line

    said = [f"{status.folder}: {status.state}"]
    if status.process is not None:
        since = "" if status.process.since is None else f" since {status.process.since:%Y-%m-%d %H:%M:%S} UTC"
        said.append(f"pid {status.process.pid}{since}")
    else:
        said.append("no process of this machine holds it")
    if status.last_activity is not None:
        ago = max(0.0, (status.now - status.last_activity).total_seconds())
        said.append(f"last activity {_ago(ago)} ago")
    if status.at_stake_usd:
        said.append(f"up to ${status.at_stake_usd:.4f} at stake for requests without an answer")
    return printable_line(", ".join(said))


def table(status: RunStatus) -> Any:
    """A rich table: a row for each model, and one for all where there are several."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="dim")
    for name in _COLUMNS:
        made.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    for model, numbers in _rows(status):
        made.add_row(Text(model), *_cells(numbers))
    return made


def as_json(status: RunStatus) -> dict[str, Any]:
    """The numbers as JSON carries them; money is a decimal string, unknown is null."""
    from pipeline.stats.accounts import dollars

    process = status.process
    return {
        "folder": str(status.folder),
        "run_id": status.run,
        "eval": status.evaluation,
        "state": status.state,
        "process": None if process is None else {"pid": process.pid, "since": _stamp(process.since)},
        "last_activity": _stamp(status.last_activity),
        "at_stake_usd": dollars(status.at_stake_usd),
        **_numbers_json(status.total),
        "models": [{"model": model, **_numbers_json(numbers)} for model, numbers in status.models.items()],
        "judges": [
            {"scorer": scorer, "judge": judge, **_numbers_json(numbers)}
            for scorer, judges in status.judges.items()
            for judge, numbers in judges.items()
        ],
    }


def _numbers_json(numbers: Numbers) -> dict[str, Any]:
    from dataclasses import asdict

    from pipeline.stats.accounts import dollars

    return {**asdict(numbers), "cost_usd": dollars(numbers.cost_usd)}


def _rows(status: RunStatus) -> list[tuple[str, Numbers]]:
    from pipeline.core.names import printable_line

    rows = [(printable_line(model), numbers) for model, numbers in status.models.items()]
    judges = [
        (printable_line(f"{scorer}: {judge}"), numbers)
        for scorer, by_judge in status.judges.items()
        for judge, numbers in by_judge.items()
    ]
    total = [] if len(rows) == 1 and not status.total.unanswered else [("all", status.total)]
    return [*rows, *total, *judges]


def _cells(numbers: Numbers) -> tuple[str, ...]:
    rate = numbers.jobs_per_minute
    return (
        f"{numbers.done:,}/{'?' if numbers.planned is None else format(numbers.planned, ',')}",
        *(f"{count:,}" if count else "–" for count in (numbers.failed, numbers.in_flight, numbers.unanswered)),
        f"{numbers.tokens:,}",
        _cost(numbers),
        "–" if rate is None else f"{rate:,.0f}",
        _time(numbers),
    )


def _cost(numbers: Numbers) -> str:
    if numbers.cost_usd is None:
        return "cost unknown" if numbers.unpriced else "–"
    unknown = f" (+{numbers.unpriced:,} unknown)" if numbers.unpriced else ""
    return f"${numbers.cost_usd:.4f}{unknown}"


def _time(numbers: Numbers) -> str:
    from pipeline.cli.progress import duration

    if numbers.planned is not None and numbers.done >= numbers.planned:
        return "finished"
    if numbers.jobs_per_minute is None:
        return "–"
    return "estimating" if numbers.eta_seconds is None else f"{duration(numbers.eta_seconds)} left"


def _ago(seconds: float) -> str:
    from pipeline.cli.progress import duration

    return f"{seconds:.0f} s" if seconds < 60 else duration(seconds)


def _stamp(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
