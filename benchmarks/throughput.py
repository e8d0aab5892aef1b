"""CPU per job and jobs per second, whole process, beside a bare aiohttp loop against the same server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.support.child import EVALMILL, Measured, measure, python
from benchmarks.support.figures import Figure, median
from benchmarks.support.nginx import NginxServer, nginx
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.work import cached_rows, evaluation, fresh, work_folder
from benchmarks.support.workload import Setup

CPU_TO_REACH_MS = {64: 0.25, 512: 0.30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    rows: int = 20_000
    short_rows: int = 2_000
    rounds: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A server, rows and a place to work in."""

    server: NginxServer
    folder: Path
    sizes: Sizes

    def evalmill(self, rows: int, in_flight: int, *, url: str | None = None, limit: int | None = None) -> Measured:
        """One run of evalmill, pages included."""
        setup = Setup(base_url=url or self.server.url, concurrency=in_flight)
        settings = evaluation(self.folder, cached_rows(rows), setup)
        limited = [] if limit is None else ["--limit", str(limit)]
        return measure([EVALMILL, "run", "--yes", str(settings), "--out", str(fresh(self.out)), *limited]).require()

    def floor(self, rows: int, in_flight: int, *, url: str | None = None, limit: int | None = None) -> Measured:
        """One run of the bare loop."""
        lines = str(self.folder / "floor.jsonl")
        limited = [] if limit is None else ["--limit", str(limit)]
        arguments = [str(cached_rows(rows)), url or self.server.url, lines, "--in-flight", str(in_flight), *limited]
        return measure(python("-m", "benchmarks.floor", *arguments)).require()

    @property
    def out(self) -> Path:
        """The run folder."""
        return self.folder / "out"


def run(*, quick: bool) -> Measurement:
    """Measure throughput."""
    sizes = Sizes(rows=2_000, rounds=1) if quick else Sizes()
    return take("throughput", "CPU per job and jobs per second", quick=quick, figures=lambda: _figures(sizes))


def _figures(sizes: Sizes) -> list[Figure]:
    with nginx() as server, work_folder() as folder:
        bench = Bench(server=server, folder=folder, sizes=sizes)
        cpu = [_cpu_per_job(bench, in_flight) for in_flight in (64, 512)]
        return [*cpu, _whole_process(bench), _steady(bench)]


def _cpu_per_job(bench: Bench, in_flight: int) -> Figure:
    """Rounds alternate, so that both meet the same neighbours; start-up is that of a run of one row."""
    rows = bench.sizes.rows
    ours, floors = [], []
    for _ in range(bench.sizes.rounds):
        start, full = bench.evalmill(rows, in_flight, limit=1), bench.evalmill(rows, in_flight)
        ours.append(cpu_ms_per_job(start, full, rows))
        start, full = bench.floor(rows, in_flight, limit=1), bench.floor(rows, in_flight)
        floors.append(cpu_ms_per_job(start, full, rows))
    return Figure(
        what=f"CPU per job, {rows:,} rows, {in_flight} in flight, no latency",
        value=median(ours),
        unit="ms",
        beside="bare loop",
        beside_value=median(floors),
        at_most=CPU_TO_REACH_MS[in_flight],
    )


def cpu_ms_per_job(start: Measured, full: Measured, rows: int) -> float:
    """CPU of a job, without that of starting and ending."""
    return (full.cpu_seconds - start.cpu_seconds) * 1000 / (rows - 1)


def _whole_process(bench: Bench) -> Figure:
    rows = bench.sizes.short_rows
    ours = [rows / bench.evalmill(rows, 64).wall_seconds for _ in range(bench.sizes.rounds)]
    floors = [rows / bench.floor(rows, 64).wall_seconds for _ in range(bench.sizes.rounds)]
    return Figure(
        what=f"whole process, {rows:,} rows, 64 in flight, no latency",
        value=median(ours),
        unit="jobs/s",
        beside="bare loop",
        beside_value=median(floors),
        at_least=1000,
    )


def _steady(bench: Bench) -> Figure:
    rows, url = bench.sizes.rows, bench.server.slow_url
    bench.evalmill(rows, 512, url=url)
    return Figure(
        what=f"from first request to last answer, {rows:,} rows, 512 in flight, 200 ms (ideal 2,560)",
        value=rows / answering_seconds(bench.out),
        unit="jobs/s",
        beside="bare loop",
        beside_value=rows / float(json.loads(bench.floor(rows, 512, url=url).stdout)["seconds"]),
        at_least=2200,
    )


def answering_seconds(run_folder: Path) -> float:
    """From the first request's start to the last answer's end, as the results say."""
    results = pl.scan_parquet(run_folder / "results" / "*.parquet")
    first, last = results.select(pl.col("started_at").min(), pl.col("finished_at").max()).collect().row(0)
    return float((last - first).total_seconds())


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
