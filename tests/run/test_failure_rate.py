"""A run whose jobs fail too often stops, resumable, and says what failed."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Job, Result, Status
from pipeline.core.settings import RunSettings
from pipeline.run.failure_rate import FailureRate
from tests.support.lanes import Lane, job, message, problem, sent

AS_JSON = {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}


def ended(status: Status, kind: str | None = None) -> Result:
    return Result(
        job_id="1", fingerprint="1", run_id="r", eval="e", row_id="1", prompt="p", model="mine", provider="lab",
        model_requested="m", params="{}", repeat=0, status=status, error_kind=kind,
        error_message=None if kind is None else f"{kind} of some sort",
    )  # fmt: skip


def first_stop(rate: FailureRate, statuses: list[Status]) -> int | None:
    """How many jobs had ended when the run was to stop."""
    for position, status in enumerate(statuses):
        if rate.ended(ended(status, "request" if status == "error" else None), None) is not None:
            return position + 1
    return None


@pytest.mark.parametrize(
    ("most", "jobs", "expected"),
    [
        (0.1, 1000, 11),  # of the first hundred, more than ten
        (0.5, 1000, 51),
        (0.1, 30, 4),  # of all thirty, more than three
        (0.0, 1000, 1),
        (1.0, 1000, None),
        (None, 1000, None),
    ],
)
def test_a_run_in_which_everything_fails_stops_when_the_share_is_sure(
    most: float | None, jobs: int, expected: int | None
) -> None:
    assert first_stop(FailureRate(most, jobs), ["error"] * min(jobs, 200)) == expected


def test_the_share_is_of_the_jobs_that_ended() -> None:
    a_tenth: list[Status] = [*["ok"] * 9, "error"]
    assert first_stop(FailureRate(0.1, 10_000), a_tenth * 100) is None
    assert first_stop(FailureRate(0.1, 10_000), [*a_tenth * 100, "error"]) == 1001


def test_answers_that_are_short_or_refused_are_no_failures() -> None:
    assert first_stop(FailureRate(0.0, 100), ["truncated", "refused", "empty", "ok"]) is None


def test_the_reasons_are_named_the_most_frequent_first() -> None:
    rate = FailureRate(0.1, 40)
    assert rate.ended(ended("error", "request"), None) is None
    for _ in range(3):
        rate.ended(ended("ok"), "the answer is not JSON")
    stop = rate.ended(ended("error", "local"), None)
    assert isinstance(stop, StoppedResumable)
    assert "5 of the first 5 jobs failed, more than max_failure_rate = 0.1 allows" in str(stop)
    assert "(3 of 'mine': output: the answer is not JSON; 1 of 'mine': request: request of some sort; " in str(stop)
    assert "--max-failure-rate" in str(stop)
    assert "--retry error" in str(stop)


async def run(jobs: list[Job], answer: httpx.Response | None, **settings: float) -> Lane:
    """Every second job fails for good, or gets `answer`."""

    async def respond(request: httpx.Request) -> httpx.Response:
        await lane.clock.sleep(0.1)
        if int(sent(request).split()[1]) % 2 == 0:
            return message('{"n": 1}')
        return answer or problem(413, "request_too_large")

    lane = Lane(respond, jobs, run=RunSettings(concurrency=4, **settings))  # type: ignore[arg-type]
    await lane.run()
    return lane


async def test_a_run_that_fails_too_often_stops_early_and_keeps_what_it_has() -> None:
    lane = await run([job(number) for number in range(400)], None, max_failure_rate=0.2)
    assert isinstance(lane.control.reason, StoppedResumable)
    assert "of 'mine': request: HTTP 413" in str(lane.control.reason)
    counts = Counter(result.status for result in lane.kept.results)
    assert 21 <= counts["error"] <= 21 + 4, "no more than was in flight beside the one too many"
    assert len(lane.kept.results) < 60


async def test_answers_that_go_on_breaking_their_schema_count_as_failed() -> None:
    jobs = [job(number, **AS_JSON) for number in range(400)]
    lane = await run(jobs, message("no JSON"), max_failure_rate=0.2)
    assert "of 'mine': output: the answer is not JSON" in str(lane.control.reason)
    assert {result.status for result in lane.kept.results} == {"ok"}, "they are answers, and they are kept"


async def test_without_a_rate_a_run_goes_on_whatever_fails() -> None:
    lane = await run([job(number) for number in range(400)], None)
    assert lane.control.reason is None
    assert Counter(result.status for result in lane.kept.results) == {"ok": 200, "error": 200}


async def test_rows_without_a_request_count_too() -> None:
    rows = [Job(**{**{name: getattr(job(1), name) for name in Job.__slots__}, "job_id": str(n), "request": None})
            for n in range(400)]  # fmt: skip
    lane = await run(rows, None, max_failure_rate=0.1)
    assert "11 of the first 11 jobs failed" in str(lane.control.reason)
    assert "the row has no request" in str(lane.control.reason)
    assert len(lane.kept.results) == 11
