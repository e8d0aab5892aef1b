"""Planning: CPU per planned job over a million rows, beside rendering its template alone."""

from __future__ import annotations

import json

from benchmarks.support.child import measure, python
from benchmarks.support.figures import Figure
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.work import cached_rows, evaluation, work_folder
from benchmarks.support.workload import Setup


def run(*, quick: bool) -> Measurement:
    """Measure planning."""
    rows = 20_000 if quick else 1_000_000
    return take("planning", "planning", quick=quick, figures=lambda: _figures(rows))


def _figures(rows: int) -> list[Figure]:
    with work_folder() as folder:
        settings = evaluation(folder, cached_rows(rows), Setup(base_url="http://127.0.0.1:9"))
        process = measure(python("-m", "benchmarks.support.plan_subject", str(settings))).require()
    took = json.loads(process.stdout)
    return [
        Figure(
            what=f"CPU per planned job, {rows:,} rows", value=took["expand_us"], unit="µs", beside="render alone",
            beside_value=took["render_us"], at_most=60,
        ),
        Figure(what=f"settings and survey of {rows:,} rows, CPU", value=took["prepare_seconds"], unit="s"),
        Figure(what="peak memory while planning", value=took["expand_mb"], unit="MB"),
    ]  # fmt: skip


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
