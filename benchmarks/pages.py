"""The pages of a million stored results: how long `evalmill report` takes, its memory, and the largest page."""

from __future__ import annotations

from pathlib import Path

from benchmarks.support.child import EVALMILL, measure
from benchmarks.support.figures import Figure
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.stored_run import write_stored_run
from benchmarks.support.work import work_folder

TIMEOUT_SECONDS = 600.0


def run(*, quick: bool) -> Measurement:
    """Measure the summary and pages of a stored run."""
    rows = 40_000 if quick else 1_000_000
    return take("pages", "pages", quick=quick, figures=lambda: _figures(rows, most_seconds=None if quick else 20))


def _figures(rows: int, *, most_seconds: float | None) -> list[Figure]:
    with work_folder() as home:
        folder = write_stored_run(home, rows)
        report = measure([EVALMILL, "report", str(folder)], timeout_seconds=TIMEOUT_SECONDS).require()
        what = f"report of {rows:,} results"
        return [
            Figure(what=what, value=report.wall_seconds, unit="s", at_most=most_seconds),
            Figure(what=f"{what}: CPU", value=report.cpu_seconds, unit="s"),
            Figure(what=f"{what}: peak memory", value=report.peak_mb, unit="MB", at_most=600),
            Figure(what="largest page", value=_largest_page_mb(folder), unit="MB", at_most=5),
        ]


def _largest_page_mb(folder: Path) -> float:
    return max(page.stat().st_size for page in folder.glob("*.html")) / 1e6


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
