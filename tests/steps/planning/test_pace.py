"""How long a run takes by each thing that can hold it up."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.settings import Limits, RunSettings
from pipeline.stats.predict import Range
from pipeline.steps.planning.pace import Duration, Load, lane_seconds, one_after_another, together

SPANS = np.random.default_rng(1).lognormal(0, 0.2, 50)
RUN = RunSettings(concurrency=64, first_in_flight=64)


def load(jobs: int = 600, **changes: object) -> Load:
    fields: dict[str, object] = {
        "jobs": jobs,
        "requests": float(jobs),
        "input": Range(100.0 * jobs, 100.0 * jobs, 100.0 * jobs),
        "output": Range(50.0 * jobs, 50.0 * jobs, 50.0 * jobs),
        "busy_seconds": Range(0.95 * jobs, 1.0 * jobs, 1.05 * jobs),
        "spans": SPANS,
        "refused_pace": None,
    }
    return Load(**(fields | changes))  # type: ignore[arg-type]


def seconds(limits: Limits, *, run: RunSettings = RUN, **changes: object) -> Duration:
    one = load(**changes)  # type: ignore[arg-type]
    return lane_seconds(one, [one], limits, "anthropic", run)


def test_without_limits_the_work_is_shared_by_what_is_in_flight() -> None:
    found = seconds(Limits(), run=RunSettings(concurrency=6, first_in_flight=6))
    assert found.limited_by == "concurrency 6 × latency"
    assert found.likely == pytest.approx(600 / 6, rel=0.03)
    assert found.low <= 100 <= (found.high or 0)


def test_an_unknown_limit_costs_a_slow_start() -> None:
    wide = seconds(Limits(), jobs=400)
    narrow = seconds(Limits(), jobs=400, run=RunSettings(concurrency=64, first_in_flight=8))
    assert wide.likely is not None
    assert narrow.likely is not None
    # 8, 9, 10 .. 64 in flight, one more with each answer: ln(64 / 8) round trips for 56 answers
    assert narrow.likely - wide.likely == pytest.approx(np.log(8) - 56 / 64)


@pytest.mark.parametrize(
    ("limits", "said", "pace"),
    [
        (Limits(requests_per_minute=60), "60 requests/min", 600 - 6),
        (Limits(input_tokens_per_minute=6_000), "6,000 input tokens/min", 600 - 6),
        (Limits(output_tokens_per_minute=3_000, requests_per_minute=6_000), "3,000 output tokens/min", 600 - 6),
        (Limits(requests_in_flight=2), "requests_in_flight 2 × latency", 300),
    ],
)
def test_the_tightest_limit_is_named_and_its_burst_is_free(limits: Limits, said: str, pace: float) -> None:
    found = seconds(limits)
    assert found.limited_by == said
    assert found.likely == pytest.approx(pace, rel=0.01)
    assert found.low <= pace <= (found.high or 0)


def test_lanes_of_one_account_share_its_limits() -> None:
    alone = lane_seconds(load(), [load()], Limits(requests_per_minute=60), "anthropic", RUN)
    beside = lane_seconds(load(), [load(), load()], Limits(requests_per_minute=60), "anthropic", RUN)
    assert beside.likely is not None
    assert alone.likely is not None
    assert beside.likely - alone.likely == pytest.approx(600)


def test_a_limit_that_was_only_seen_through_refusals_is_said_to_be_unknown() -> None:
    found = seconds(Limits(), refused_pace=60.0)
    assert found.limited_by == "refusals (429)"
    assert found.likely == pytest.approx(600, rel=0.01)
    assert found.low == pytest.approx(400)


def test_without_latencies_only_the_least_time_is_known() -> None:
    found = seconds(Limits(requests_per_minute=60), busy_seconds=None, spans=np.zeros(0))
    assert (found.low, found.likely, found.high) == (pytest.approx(594), None, None)
    assert seconds(Limits(), busy_seconds=None, spans=np.zeros(0)).low == 0


def test_lanes_end_with_the_last_and_judges_come_after() -> None:
    short = Duration(low=1, likely=2, high=3, limited_by="a")
    long = Duration(low=4, likely=5, high=9, limited_by="b")
    unknown = Duration(low=6, likely=None, high=None, limited_by=None)
    assert together([short, long]) == long
    assert together([short, unknown]) == Duration(low=6, likely=None, high=None, limited_by=None)
    assert one_after_another([short, long]) == Duration(low=5, likely=7, high=12, limited_by="b")
    assert together([]).high == 0
