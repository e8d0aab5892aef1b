"""Start-up: the help page, and ten jobs from the shell's prompt to the pages, beside a bare loop."""

from __future__ import annotations

from benchmarks.support.child import EVALMILL, measure, python
from benchmarks.support.figures import Figure, median
from benchmarks.support.nginx import nginx
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.work import cached_rows, evaluation, fresh, work_folder
from benchmarks.support.workload import Setup

JOBS = 10


def run(*, quick: bool) -> Measurement:
    """Measure start-up."""
    rounds = 2 if quick else 9
    return take("startup", "start-up", quick=quick, figures=lambda: _figures(rounds))


def _figures(rounds: int) -> list[Figure]:
    with nginx() as server, work_folder() as folder:
        rows = cached_rows(JOBS)
        settings = evaluation(folder, rows, Setup(base_url=server.url))
        helped, ours, floors, bare = [], [], [], []
        for _ in range(rounds):
            bare.append(measure(python("-c", "pass")).require())
            helped.append(measure([EVALMILL, "--help"]).require())
            command = [EVALMILL, "run", "--yes", str(settings), "--out", str(fresh(folder / "out"))]
            ours.append(measure(command).require())
            lines = str(folder / "floor.jsonl")
            floors.append(measure(python("-m", "benchmarks.floor", str(rows), server.url, lines)).require())
    return [
        Figure(
            what="`evalmill --help`, CPU", value=median([m.cpu_seconds for m in helped]), unit="s",
            beside="`python -c pass`", beside_value=median([m.cpu_seconds for m in bare]), at_most=0.25,
        ),
        Figure(
            what=f"{JOBS} jobs end to end", value=median([m.wall_seconds for m in ours]), unit="s",
            beside="bare loop", beside_value=median([m.wall_seconds for m in floors]), at_most=0.8,
        ),
        Figure(
            what=f"{JOBS} jobs end to end, CPU", value=median([m.cpu_seconds for m in ours]), unit="s",
            beside="bare loop", beside_value=median([m.cpu_seconds for m in floors]),
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
