"""The status of a run: what its numbers mean while a process works on it, and when none does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import DataError, OutputError
from pipeline.core.names import slug
from pipeline.steps.status import RunStatus, StatusReader, find_run
from pipeline.store.folder import create_run
from pipeline.store.lock import Holder
from pipeline.store.run_store import RunStore
from tests.support.clock import START, ManualClock
from tests.support.store import COST, RUN, result, store_all

MODELS = {"small": 140, "Large one": 20}
PLANNED: dict[str, Any] = {
    **RUN,
    "eval": "sums",
    "created_at": "2026-11-22T10:00:00+00:00",
    "settings": {"models": [{"name": name} for name in MODELS]},
    "planned_jobs": 160,
    "planned_jobs_by_model": MODELS,
}


async def stored(folder: Path, run: dict[str, Any] = PLANNED, *, count: int = 20) -> Path:
    """A run with `count` answers of the small model, two seconds apart, the last just now; and three requests."""
    create_run(folder, run)
    with RunStore.open(folder) as store:
        await store_all(store, [answer(number, count) for number in range(count)], [], state=None)
        for number, model in enumerate(("small", "Large one", "Large one")):
            store.put_start(f"open {number}", COST, f"{slug(model)}/000000000")
    return folder


def answer(number: int, count: int) -> Any:
    moment = START - timedelta(seconds=2 * (count - 1 - number))
    return replace(result(number, shard="small/000000000", model="small"), finished_at=moment)


def status(folder: Path, *, pid: int | None = None, seconds: float = 600) -> RunStatus:
    """As seen at `START`, with process `pid` at work since `seconds`."""
    process = None if pid is None else Holder(pid=pid, since=START - timedelta(seconds=seconds))
    return StatusReader(folder, ManualClock(), lambda _: process).read()


async def test_a_running_run_has_a_rate_and_an_end(tmp_path: Path) -> None:
    seen = status(await stored(tmp_path / "run", count=100), pid=7)
    small, large = seen.models["small"], seen.models["Large one"]
    assert seen.state == "running"
    assert (small.done, small.planned, small.in_flight, small.unanswered) == (100, 140, 1, 0)
    assert small.jobs_per_minute == pytest.approx(31)
    assert (large.done, large.in_flight, large.jobs_per_minute, large.eta_seconds) == (0, 2, 0, None)
    assert (seen.total.in_flight, seen.total.eta_seconds) == (3, None)
    assert seen.at_stake_usd == 3 * COST


async def test_the_rate_of_a_young_session_is_that_of_its_own_seconds(tmp_path: Path) -> None:
    small = status(await stored(tmp_path / "run"), pid=7, seconds=10).models["small"]
    assert small.jobs_per_minute == pytest.approx(6 * 60 / 10)
    assert small.eta_seconds == pytest.approx(120 / 36 * 60)


async def test_all_models_are_done_when_the_slowest_is(tmp_path: Path) -> None:
    run = {**PLANNED, "settings": {"models": [{"name": "small"}]}, "planned_jobs_by_model": {"small": 40}}
    seen = status(await stored(tmp_path / "run", run), pid=7)
    assert seen.total.eta_seconds == seen.models["small"].eta_seconds == pytest.approx(60)


async def test_a_killed_run_has_unanswered_requests_and_no_rate(tmp_path: Path) -> None:
    seen = status(await stored(tmp_path / "run"))
    assert seen.state == "stopped"
    large = seen.models["Large one"]
    assert (large.in_flight, large.unanswered, large.jobs_per_minute, large.eta_seconds) == (0, 2, None, None)
    RunStore.open(tmp_path / "run").close()  # counts them for good
    seen = status(tmp_path / "run", pid=7)
    assert (seen.total.in_flight, seen.total.unanswered, seen.at_stake_usd) == (0, 3, 3 * COST)


async def test_a_finished_run_says_so(tmp_path: Path) -> None:
    with RunStore.open(await stored(tmp_path / "run")) as store:
        await store.finish("complete")
    assert status(tmp_path / "run").state == "finished"
    assert status(tmp_path / "run", pid=7).state == "running", "its pages are being made"


async def test_a_run_that_does_not_say_what_was_planned_by_model_is_shown_without(tmp_path: Path) -> None:
    run = {key: value for key, value in PLANNED.items() if not key.startswith("planned")}
    seen = status(await stored(tmp_path / "run", run), pid=7)
    assert seen.models["small"].planned is None
    assert seen.models["small"].eta_seconds is None
    assert seen.total.planned is None


async def test_the_newest_run_of_a_folder_is_found(tmp_path: Path) -> None:
    for name, day in (("z", 20), ("a", 23), ("m", 21)):
        create_run(tmp_path / "sums" / name, {**PLANNED, "created_at": f"2026-11-{day}T10:00:00+00:00"})
    (tmp_path / "sums" / "torn").mkdir()
    (tmp_path / "sums" / "torn" / "run.json").write_text("{")
    assert find_run(tmp_path) == find_run(tmp_path / "sums") == find_run(tmp_path / "sums" / "a")
    assert find_run(tmp_path / "sums" / "z").name == "z"


def test_a_folder_without_runs_and_a_damaged_run_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(OutputError, match="is no run folder and holds none"):
            find_run(path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        StatusReader(find_run(tmp_path), ManualClock())
