"""The pace of a run: what left and came back in each bin, sessions without pauses, and the use of limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stats.pace import PaceBuilder
from tests.support.stats import attempt, result, results_batch

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
LIMITS = {
    "provider": "lab", "models": ["m"], "requests_per_minute": 60.0, "input_tokens_per_minute": None,
    "output_tokens_per_minute": None, "requests_in_flight": None, "burst_seconds": 6.0, "concurrency": 4,
}  # fmt: skip
Jobs = Sequence[dict[str, Any]]


def sent(at: float, *, seconds: float = 1.0, status: int = 200) -> dict[str, Any]:
    started = {"started_at": START + timedelta(seconds=at), "latency_ms": seconds * 1000, "http_status": status}
    return {**attempt(), **started}


def job(name: str, *attempts: dict[str, Any], model: str = "m", **columns: Any) -> dict[str, Any]:
    return result(name, model, **{"input_tokens": 10, "output_tokens": 4, "attempts": list(attempts), **columns})


def table(jobs: Jobs) -> pa.Table:
    return pa.Table.from_batches([results_batch(list(jobs))])


def pace_of(jobs: Jobs, *, limits: Any = (), cut: int | None = None, **events: Any) -> dict[str, Any]:
    builder = PaceBuilder()
    for part in (jobs[:cut], jobs[cut:]) if cut else (jobs,):
        builder.add(table(part))
    found = builder.finish(limits, **events)
    assert found is not None
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def totals(pace: dict[str, Any], name: str) -> int:
    return sum(sum(entry[name]) for entry in pace["bins"])


def test_requests_count_when_they_leave_and_output_when_it_comes_back() -> None:
    pace = pace_of([job("a", sent(0.0, seconds=2.5)), job("b", sent(1.2, seconds=0.1))])
    assert pace["step_seconds"] == 1
    (entry,) = pace["bins"]
    assert entry == {
        "session": 0, "model": "m", "requests": [1, 1, 0], "refused": [0, 0, 0], "input_tokens": [10, 10, 0],
        "output_tokens": [0, 4, 4],
    }  # fmt: skip


def test_a_refused_request_left_too_and_its_tokens_count_once() -> None:
    pace = pace_of([job("a", sent(0, status=429, seconds=0.1), sent(5, seconds=0.1))])
    (entry,) = pace["bins"]
    assert entry["requests"] == [1, 0, 0, 0, 0, 1]
    assert entry["refused"] == [1, 0, 0, 0, 0, 0]
    assert entry["input_tokens"] == [0, 0, 0, 0, 0, 10]


def test_reused_and_recorded_jobs_sent_nothing() -> None:
    builder = PaceBuilder()
    builder.add(table([job("a", sent(0), source="reused"), job("b")]))
    assert builder.finish(()) is None


def test_a_run_without_a_job_has_no_pace() -> None:
    builder = PaceBuilder()
    builder.add(table([]))
    assert builder.finish(()) is None


def test_input_from_a_cache_counts_against_no_limit() -> None:
    pace = pace_of([job("a", sent(0), cache_read_tokens=500, cache_write_5m_tokens=7)])
    assert totals(pace, "input_tokens") == 17


def test_answers_that_do_not_tell_their_tokens_are_counted() -> None:
    jobs = [
        job("a", sent(0), output_tokens=None),
        job("b", sent(0)),
        job("c", sent(0), status="error", input_tokens=None),
    ]
    pace = pace_of(jobs)
    assert pace["answers_without_tokens"] == 1
    assert totals(pace, "requests") == 3


def test_a_pause_parts_sessions_and_does_not_stretch_the_axis() -> None:
    pace = pace_of([job("a", sent(0)), job("b", sent(4)), job("c", sent(40_000)), job("d", sent(40_002))])
    assert [session["bins"] for session in pace["sessions"]] == [6, 4]
    assert [session["started_at"] for session in pace["sessions"]] == [
        "2026-11-22T09:00:00+00:00", "2026-11-22T20:06:40+00:00",
    ]  # fmt: skip
    assert [sum(entry["requests"]) for entry in pace["bins"]] == [2, 2]


def test_a_long_request_is_no_pause() -> None:
    assert len(pace_of([job("a", sent(0, seconds=900)), job("b", sent(900))])["sessions"]) == 1


def test_a_slow_run_is_not_a_session_for_each_of_its_requests() -> None:
    assert len(pace_of([job(str(n), sent(n * 100)) for n in range(200)])["sessions"]) == 1


@pytest.mark.parametrize(
    ("seconds", "step"), [(1, 1), (100, 1), (170, 2), (1_300, 15), (86_000, 900), (50 * 86_400, 43_200)]
)
def test_bins_have_a_round_step_and_are_at_most_120(seconds: int, step: int) -> None:
    pace = pace_of([job("long", sent(0, seconds=seconds - 0.5)), job("a", sent(0))])
    assert pace["step_seconds"] == step
    assert pace["sessions"][0]["bins"] <= 120


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 3e5), st.floats(0, 100), st.sampled_from("ab")), min_size=1, max_size=40),
    st.integers(1, 40),
)
def test_every_request_is_in_one_bin_however_batches_are_cut(found: list[tuple[float, float, str]], cut: int) -> None:
    jobs = [job(str(n), sent(at, seconds=seconds), model=model) for n, (at, seconds, model) in enumerate(found)]
    pace = pace_of(jobs, cut=cut)
    assert totals(pace, "requests") == len(jobs)
    assert totals(pace, "output_tokens") == 4 * len(jobs)
    assert {(len(entry["requests"])) for entry in pace["bins"]} <= {session["bins"] for session in pace["sessions"]}
    assert pace == pace_of(jobs)


def test_a_long_run_is_kept_in_coarser_ticks() -> None:
    one = table([job("a", sent(0, seconds=0.0))])
    size, first = 120_000, int(START.timestamp() * 1e6)
    started = pa.array(first + np.arange(size) * 7_000_000, pa.timestamp("us", "UTC"))
    attempts = pa.StructArray.from_arrays(
        [started, *(pa.repeat(one["attempts"][0][0][name], size) for name in ("http_status", "latency_ms"))],
        names=["started_at", "http_status", "latency_ms"],
    )
    lists = pa.ListArray.from_arrays(pa.array(np.arange(size + 1, dtype=np.int32)), attempts)
    columns = {name: lists if name == "attempts" else pa.repeat(one[name][0], size) for name in one.column_names}
    builder = PaceBuilder()
    builder.add(pa.table(columns))
    pace = builder.finish(())
    assert pace is not None
    assert totals(pace, "requests") == size
    assert pace["step_seconds"] == 7_200
    assert max(pace["bins"][0]["requests"]) == pytest.approx(7_200 / 7, abs=2)


def test_a_lane_that_follows_its_limit_used_all_of_it() -> None:
    jobs = [job(str(n), sent(max(0, n - 5), seconds=0.2)) for n in range(66)]  # six at once, then one a second
    (use,) = pace_of(jobs, limits=[LIMITS])["use"]
    assert use["shares"]["requests"] == pytest.approx(1.0, abs=0.01)
    assert use["shares"]["input_tokens"] is None
    assert (use["requests"], use["refused"], use["provider"]) == (66, 0, "lab")


def test_a_pause_allows_nothing() -> None:
    burst = [job(f"{start}-{n}", sent(start + max(0, n - 5), seconds=0.2)) for start in (0, 9_000) for n in range(36)]
    (use,) = pace_of(burst, limits=[LIMITS])["use"]
    assert use["shares"]["requests"] == pytest.approx(1.0, abs=0.01)
    assert use["seconds"] == pytest.approx(60.6, abs=0.3)


def test_requests_in_flight_are_set_against_the_concurrency_of_each_lane() -> None:
    jobs = [job(f"{lane}-{n}", sent(n, seconds=1.0)) for lane in range(2) for n in range(30)]
    (use,) = pace_of(jobs, limits=[LIMITS])["use"]
    assert use["in_flight"] == pytest.approx(2, rel=0.02)
    assert use["shares"]["in_flight"] == pytest.approx(0.5, rel=0.02)
    (use,) = pace_of(jobs, limits=[{**LIMITS, "requests_in_flight": 2}])["use"]
    assert use["shares"]["in_flight"] == pytest.approx(1.0, rel=0.02)


def test_models_that_share_an_account_are_counted_together_and_others_apart() -> None:
    jobs = [job("a", sent(0), model="m"), job("b", sent(0), model="n"), job("c", sent(0), model="o")]
    pace = pace_of(jobs, limits=[{**LIMITS, "models": ["m", "o"]}])
    assert [(use["provider"], use["models"], use["requests"]) for use in pace["use"]] == [
        ("lab", ["m", "o"], 2), (None, ["n"], 1),
    ]  # fmt: skip
    assert set(pace["use"][1]["shares"].values()) == {None}


def test_limits_that_nobody_noted_are_unknown_and_not_none() -> None:
    pace = pace_of([job("a", sent(0))], limits=None)
    assert (pace["limits_known"], pace["limits"]) == (False, [])
    assert pace["use"][0]["shares"]["requests"] is None


def test_a_session_ran_under_the_limits_that_were_noted_last() -> None:
    jobs = [job("a", sent(0)), job("b", sent(5_000)), job("c", sent(9_000))]
    changed = [
        {"at": (START + timedelta(seconds=4_000)).isoformat(), "limits": [{**LIMITS, "requests_per_minute": 5.0}]}
    ]
    pace = pace_of(jobs, limits=[LIMITS], changed_limits=changed)
    assert [(one["requests_per_minute"], one["sessions"]) for one in pace["limits"]] == [(60.0, [0]), (5.0, [1, 2])]
    assert pace["use"][0]["requests"] == 3


def test_waits_are_told_as_far_as_there_is_room() -> None:
    wait = {"at": START.isoformat(), "model": "m", "event": "the provider fails"}
    pace = pace_of([job("a", sent(0))], waits=[wait] * 103)
    assert pace["waits"] == [wait] * 100
    assert pace["waits_left_out"] == 3
