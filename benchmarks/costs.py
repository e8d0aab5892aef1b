"""Costs: what all runs of a folder spent, over a million answers in five runs, and the same at other prices."""

from __future__ import annotations

from pathlib import Path

from benchmarks.support.child import EVALMILL, Measured, measure
from benchmarks.support.figures import Figure
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.spent_runs import write_runs
from benchmarks.support.work import work_folder

RUNS = 5


def run(*, quick: bool) -> Measurement:
    """Measure `evalmill costs`."""
    rows = 20_000 if quick else 1_000_000
    return take("costs", "costs of all runs", quick=quick, figures=lambda: _figures(rows))


def _figures(rows: int) -> list[Figure]:
    with work_folder() as folder:
        write_runs(folder / "many", runs=RUNS, rows=rows)
        write_runs(folder / "few", runs=RUNS, rows=rows // 10)
        many, few = _costs(folder / "many"), _costs(folder / "few")
        repriced = _costs(folder / "many", "--reprice")
    return [
        Figure(what=f"`evalmill costs` with its page, {rows:,} rows, CPU", value=many.cpu_seconds, unit="s"),
        Figure(
            what="peak memory", value=many.peak_mb, unit="MB", beside=f"{rows // 10:,} rows", beside_value=few.peak_mb,
        ),
        Figure(what="with `--reprice`, CPU", value=repriced.cpu_seconds, unit="s"),
    ]  # fmt: skip


def _costs(folder: Path, *more: str) -> Measured:
    return measure([EVALMILL, "costs", str(folder), "--html", str(folder / "costs.html"), *more]).require()


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
