"""Acknowledge latency at 1,000 rows a second through the run store, beside a bare append and fdatasync."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.support.child import measure, python
from benchmarks.support.figures import Figure, percentile
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.work import work_folder

ROWS_PER_SECOND = 1_000


def run(*, quick: bool) -> Measurement:
    """Measure how long a result waits until it is safe."""
    seconds = 2 if quick else 15
    return take("latency", "acknowledge latency", quick=quick, figures=lambda: _figures(seconds))


def _figures(seconds: int) -> list[Figure]:
    with work_folder() as folder:
        store = _waits_ms("store", folder, seconds)
        bare = _waits_ms("bare", folder, seconds)
    return [
        Figure(
            what=f"{name} at {ROWS_PER_SECOND:,} rows/s", value=percentile(store, share), unit="ms",
            beside="bare append + fdatasync", beside_value=percentile(bare, share), at_most=at_most,
        )
        for name, share, at_most in (("p50", 0.5, None), ("p99", 0.99, 25), ("longest", 1.0, None))
    ]  # fmt: skip


def _waits_ms(subject: str, folder: Path, seconds: int) -> list[float]:
    options = [subject, str(folder / subject), str(ROWS_PER_SECOND), str(seconds)]
    waits: list[float] = json.loads(measure(python("-m", "benchmarks.support.ack_subject", *options)).require().stdout)
    return waits


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
