"""Adding a row to a finished evaluation: how many requests that sends."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.support.child import EVALMILL, measure
from benchmarks.support.figures import Figure
from benchmarks.support.nginx import nginx
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.work import cached_rows, evaluation, work_folder
from benchmarks.support.workload import Setup

ROWS = 500


def run(*, quick: bool) -> Measurement:
    """Measure reuse; it is as quick as it can be."""
    return take("reuse", "reuse of answers", quick=quick, figures=_figures)


def _figures() -> list[Figure]:
    with nginx() as server, work_folder() as folder:
        for rows in (ROWS, ROWS + 1):
            settings = evaluation(folder, cached_rows(rows), Setup(base_url=server.url))
            measure([EVALMILL, "run", "--yes", str(settings), "--reports", str(folder / "reports")]).require()
        newest = max((folder / "reports").glob("*/*"))
        return [
            Figure(
                what=f"1 row added to {ROWS} finished ones: requests sent", value=_requests(newest), beside="all again",
                beside_value=ROWS + 1, at_most=1,
            )
        ]  # fmt: skip


def _requests(run_folder: Path) -> int:
    """Attempts of jobs that were called, not reused."""
    results = pl.read_parquet(run_folder / "results" / "*.parquet", columns=["source", "attempts"])
    called = results.filter(pl.col("source") == "called")
    return int(called["attempts"].list.len().sum())


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
