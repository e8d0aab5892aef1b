"""An outage of a minute at 64 in flight: what is sent during it, which jobs fail, how soon the pace is back."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.support.child import EVALMILL, BenchmarkFailed, measure, python
from benchmarks.support.figures import Figure
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.serve import serving
from benchmarks.support.work import cached_rows, evaluation, work_folder
from benchmarks.support.workload import Setup

IN_FLIGHT = 64
KINDS = {"answers 503": (), "refuses connections": ("--refuses",)}
FULL_PACE = 0.9
"""The pace is back when a second brings this share of what it brought before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How long, and enough rows for a while after it."""

    before_seconds: int = 15
    outage_seconds: int = 60
    rows: int = 7_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt."""

    started_at: float
    ended_at: float
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one client did about one outage."""

    sent_during: int
    failed_jobs: int
    first_answer_seconds: float | None
    full_pace_seconds: float | None


Client = Callable[[Path, str, Path], tuple[list[Sent], int]]
"""Sends rows to an address, in a folder; gives its attempts, and how many jobs failed."""


def run(*, quick: bool) -> Measurement:
    """Measure outages; both kinds and both clients at once, since all mostly wait."""
    sizes = Sizes(before_seconds=4, outage_seconds=6, rows=1_500) if quick else Sizes()
    return take("outage", f"an outage of {sizes.outage_seconds} s", quick=quick, figures=lambda: _figures(sizes))


def _figures(sizes: Sizes) -> list[Figure]:
    rows = cached_rows(sizes.rows)
    cases = [(kind, client) for kind in KINDS for client in (_evalmill, _sdk_like)]
    with work_folder() as folder, ThreadPoolExecutor(len(cases)) as threads:
        outcomes = list(threads.map(lambda case: _case(folder, sizes, rows, *case), cases))
    by_case = dict(zip(cases, outcomes, strict=True))
    return [figure for kind in KINDS for figure in _of_kind(kind, by_case[kind, _evalmill], by_case[kind, _sdk_like])]


def _of_kind(kind: str, ours: Outcome, sdk: Outcome) -> list[Figure]:
    beside = "retries like the SDKs"
    return [
        Figure(
            what=f"server {kind}: requests sent during it", value=ours.sent_during, beside=beside,
            beside_value=sdk.sent_during, at_most=100,
        ),
        Figure(
            what=f"server {kind}: jobs failed", value=ours.failed_jobs, beside=beside, beside_value=sdk.failed_jobs,
            at_most=0,
        ),
        Figure(
            what=f"server {kind}: first answer after its end", value=ours.first_answer_seconds, unit="s",
            beside=beside, beside_value=sdk.first_answer_seconds,
        ),
        Figure(
            what=f"server {kind}: full pace after its end", value=ours.full_pace_seconds, unit="s", beside=beside,
            beside_value=sdk.full_pace_seconds,
            note="not before the rows ended" if ours.full_pace_seconds is None else "",
        ),
    ]  # fmt: skip


def _case(folder: Path, sizes: Sizes, rows: Path, kind: str, client: Client) -> Outcome:
    own = folder / f"{client.__name__}-{kind.replace(' ', '-')}"
    own.mkdir()
    options = [f"--before-seconds={sizes.before_seconds}", f"--outage-seconds={sizes.outage_seconds}", *KINDS[kind]]
    with serving("benchmarks.support.outage_server", own, *options) as server:
        attempts, failed_jobs = client(own, server.url, rows)
    began_at, ended_at = server.saw["began_at"], server.saw["ended_at"]
    if ended_at is None:
        raise BenchmarkFailed(f"{client.__name__} was done before the outage ended")
    return Outcome(
        sent_during=sum(began_at <= sent.started_at < ended_at for sent in attempts),
        failed_jobs=failed_jobs,
        first_answer_seconds=first_answer_seconds(attempts, ended_at),
        full_pace_seconds=full_pace_seconds(attempts, began_at, ended_at),
    )


def first_answer_seconds(attempts: list[Sent], ended_at: float) -> float | None:
    """From the end of the outage to the first answer to a request sent after it."""
    return min((sent.ended_at - ended_at for sent in attempts if sent.ok and sent.started_at >= ended_at), default=None)


def full_pace_seconds(attempts: list[Sent], began_at: float, ended_at: float) -> float | None:
    """From the end of the outage to the end of the first second at the pace of the seconds before it."""
    answered = [sent.ended_at for sent in attempts if sent.ok]
    before = [at for at in answered if at < began_at]
    if not before or began_at - before[0] < 1:
        return None
    steady_from = min(before) + (began_at - min(before)) / 2
    pace = sum(at >= steady_from for at in before) / (began_at - steady_from)
    for tenths in range(int((max(answered) - ended_at) * 10) - 9):
        start = ended_at + tenths / 10
        if sum(start <= at < start + 1 for at in answered) >= FULL_PACE * pace:
            return tenths / 10 + 1
    return None


def _evalmill(folder: Path, url: str, rows: Path) -> tuple[list[Sent], int]:
    settings = evaluation(folder, rows, Setup(base_url=url, concurrency=IN_FLIGHT))
    measure([EVALMILL, "run", "--yes", str(settings), "--out", str(folder / "out")]).require(0, 2)
    results = pl.read_parquet(folder / "out" / "results" / "*.parquet", columns=["status", "attempts"])
    attempts = results.select(pl.col("attempts").explode()).unnest("attempts")
    started_at = pl.col("started_at").dt.epoch("us") / 1e6
    sent = attempts.select(started_at, ended_at=started_at + pl.col("latency_ms") / 1e3, ok=pl.col("error").is_null())
    return [Sent(*row) for row in sent.iter_rows()], int((results["status"] == "error").sum())


def _sdk_like(folder: Path, url: str, rows: Path) -> tuple[list[Sent], int]:
    out = folder / "attempts.jsonl"
    options = [f"--in-flight={IN_FLIGHT}"]
    measure(python("-m", "benchmarks.sdk_like", str(rows), url, str(out), *options)).require()
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    failed = sum(line["last"] and not line["ok"] for line in lines)
    return [Sent(line["started_at"], line["ended_at"], line["ok"]) for line in lines], failed


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
