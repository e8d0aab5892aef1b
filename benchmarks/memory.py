"""Peak memory of runs of growing size, and of continuing a million finished jobs."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from benchmarks.support.child import EVALMILL, Measured, high_water_mb, measure
from benchmarks.support.figures import Figure
from benchmarks.support.nginx import NginxServer, nginx
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.work import cached_rows, evaluation, work_folder
from benchmarks.support.workload import Setup

ROWS_PER_PART = 20_000
RUN_TIMEOUT_SECONDS = 1200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Rows of each run, and the most memory each may use; the last one is continued."""

    runs: tuple[tuple[int, float | None], ...] = ((20_000, 150), (200_000, 190), (1_000_000, 250))
    resume_to_reach_seconds: float | None = 5


@dataclass(slots=True)
class RunWatch:
    """Watches a run from outside: the memory that sending took, before scores and pages."""

    folder: Path
    kill_after_parts: int | None = None
    sending_mb: float = 0.0
    killed: bool = False
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self, pid: int) -> None:
        """Look once."""
        if not is_complete(self.folder):
            self.sending_mb = max(self.sending_mb, high_water_mb(pid))
        if self._is_time():
            self.killed = True
            os.kill(pid, signal.SIGKILL)

    def _is_time(self) -> bool:
        if self.kill_after_parts is None or self.killed:
            return False
        return sum(1 for _ in (self.folder / "results").glob("*.parquet")) >= self.kill_after_parts


def is_complete(run_folder: Path) -> bool:
    """Whether the newest manifest says that everything is answered and stored."""
    newest = max((run_folder / "manifest").glob("*.json"), default=None)
    try:
        return newest is not None and json.loads(newest.read_bytes())["state"] == "complete"
    except (OSError, ValueError, KeyError):
        return False


def run(*, quick: bool) -> Measurement:
    """Measure memory and resuming."""
    small = Sizes(runs=((2_000, None), (60_000, None)), resume_to_reach_seconds=None)
    sizes = small if quick else Sizes()
    return take("memory", "memory and resuming", quick=quick, figures=lambda: _figures(sizes))


def _figures(sizes: Sizes) -> list[Figure]:
    *smaller, (rows, most_mb) = sizes.runs
    with nginx() as server, work_folder() as folder:
        figures = [_complete_run(server, folder / str(count), count, most) for count, most in smaller]
        return [*figures, *_killed_run(server, folder / str(rows), rows, most_mb, sizes)]


def _complete_run(server: NginxServer, folder: Path, rows: int, most_mb: float | None) -> Figure:
    watch = RunWatch(folder / "out")
    measured = _send(server, folder, rows, watch).require()
    return _sending(rows, watch, most_mb, note=f"{measured.peak_mb:.0f} MB with scores and pages")


def _killed_run(server: NginxServer, folder: Path, rows: int, most_mb: float | None, sizes: Sizes) -> list[Figure]:
    """A run killed shortly before its end, and continued."""
    first = RunWatch(folder / "out", kill_after_parts=max(1, rows // ROWS_PER_PART - 3))
    _send(server, folder, rows, first).require(-signal.SIGKILL)
    done = pl.scan_parquet(folder / "out" / "results" / "*.parquet").select(pl.len()).collect().item()
    second = RunWatch(folder / "out")
    continued = _send(server, folder, rows, second).require()
    resumed = f"continuing {done:,} finished jobs"
    return [
        _sending(rows, first, most_mb, note="killed shortly before its end"),
        Figure(
            what=f"{resumed}: first new request after", value=_first_new_request(folder / "out", second.started_at),
            unit="s", at_most=sizes.resume_to_reach_seconds,
        ),
        Figure(
            what=f"{resumed}: peak memory", value=second.sending_mb, unit="MB", at_most=500,
            note=f"{continued.peak_mb:.0f} MB with scores and pages",
        ),
    ]  # fmt: skip


def _sending(rows: int, watch: RunWatch, most_mb: float | None, *, note: str) -> Figure:
    return Figure(
        what=f"peak memory of sending {rows:,} rows", value=watch.sending_mb, unit="MB", at_most=most_mb, note=note
    )


def _send(server: NginxServer, folder: Path, rows: int, watch: RunWatch) -> Measured:
    settings = evaluation(folder, cached_rows(rows), Setup(base_url=server.url))
    command = [EVALMILL, "run", "--yes", str(settings), "--out", str(folder / "out")]
    return measure(command, watch=watch, timeout_seconds=RUN_TIMEOUT_SECONDS)


def _first_new_request(run_folder: Path, since: datetime) -> float:
    started = pl.scan_parquet(run_folder / "results" / "*.parquet").select("started_at")
    first = started.filter(pl.col("started_at") >= since).min().collect().item()
    return float((first - since).total_seconds())


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
