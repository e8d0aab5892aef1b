"""Use of a provider's limits, known and unknown: makespan against the optimum, and refusals per request."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.child import EVALMILL, measure, python
from benchmarks.support.figures import Figure
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.serve import serving
from benchmarks.support.work import WORK, evaluation, work_folder
from benchmarks.support.workload import Setup, write_rows

REQUESTS_PER_MINUTE = 3_000
INPUT_TOKENS_PER_MINUTE = 600_000
IN_FLIGHT = 64
CONFIGURED = f"requests_per_minute = {REQUESTS_PER_MINUTE}\ninput_tokens_per_minute = {INPUT_TOKENS_PER_MINUTE}\n"
SERVER_LIMITS = (
    f"--requests-per-minute={REQUESTS_PER_MINUTE}",
    f"--input-tokens-per-minute={INPUT_TOKENS_PER_MINUTE}",
)

Client = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Use:
    """What came of one client's run against the limits."""

    saw: dict[str, Any]

    @property
    def makespan(self) -> float:
        """As a multiple of the optimum."""
        return float(self.saw["makespan_seconds"]) / float(self.saw["optimum_seconds"])

    @property
    def refusals_percent(self) -> float:
        """429 answers per hundred requests."""
        return 100 * float(self.saw["refused"]) / float(max(1, self.saw["admitted"] + self.saw["refused"]))


def run(*, quick: bool) -> Measurement:
    """Measure the use of limits; the optimum takes a minute (quick: six seconds)."""
    rows = 600 if quick else 3_300
    return take("limits", "use of a limit", quick=quick, figures=lambda: _figures(rows))


def copies(number: int) -> int:
    """Requests of about 100 tokens, some of 300, a few of 1,600: 200 on average, so that both limits bind in turn."""
    if number % 20 == 7:
        return 16
    return 3 if number % 5 == 3 else 1


def _figures(rows_count: int) -> list[Figure]:
    with work_folder() as folder:
        rows = write_rows(WORK / f"mixed-{rows_count}.parquet", rows_count, copies=copies)
        known, unknown, paced = _all_at_once(
            folder,
            [
                _evalmill(folder / "known", rows, CONFIGURED),
                _evalmill(folder / "unknown", rows, ""),
                _paced(rows),
            ],
        )
    beside = "bare loop with buckets"
    return [
        Figure(
            what="known limit: makespan / optimum", value=known.makespan, beside=beside, beside_value=paced.makespan,
            at_most=1.02, note=f"optimum {known.saw['optimum_seconds']:.1f} s",
        ),
        Figure(
            what="known limit: 429s per request", value=known.refusals_percent, unit="%", beside=beside,
            beside_value=paced.refusals_percent, at_most=0.5,
        ),
        Figure(what="unknown limit: share of the optimum", value=100 / unknown.makespan, unit="%", at_least=95),
        Figure(what="unknown limit: 429s per request", value=unknown.refusals_percent, unit="%", at_most=3),
    ]  # fmt: skip


def _all_at_once(folder: Path, clients: list[Client]) -> list[Use]:
    """Each client against a server of its own; they mostly wait, so they can do so together."""
    with ThreadPoolExecutor(len(clients)) as threads:
        return list(threads.map(lambda client: _use(folder, client), clients))


def _use(folder: Path, client: Client) -> Use:
    with serving("benchmarks.support.limit_server", folder, *SERVER_LIMITS) as server:
        client(server.url)
    return Use(server.saw)


def _evalmill(folder: Path, rows: Path, limits: str) -> Client:
    def send(url: str) -> None:
        settings = evaluation(folder, rows, Setup(base_url=url, concurrency=IN_FLIGHT, limits=limits))
        measure([EVALMILL, "run", "--yes", str(settings), "--out", str(folder / "out")]).require(0, 2)

    return send


def _paced(rows: Path) -> Client:
    def send(url: str) -> None:
        options = [f"--in-flight={IN_FLIGHT}", *SERVER_LIMITS]
        measure(python("-m", "benchmarks.paced", str(rows), url, *options)).require()

    return send


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
