"""Requests that left and were never answered are counted for good, whatever happens in between."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from pipeline.store.disk import SYSTEM_DISK
from pipeline.store.folder import create_run, unanswered
from pipeline.store.journal import encode_record, encode_start
from pipeline.store.run_store import RunStore
from pipeline.store.segments import Entry, Journal, SegmentLimits
from pipeline.store.verify import verify
from tests.support.store import COST, RUN, FaultyDisk, result, store_all, stored_ids

ROOT = Path(__file__).resolve().parents[2]
CENT = Decimal("0.01")
DOLLAR = Decimal(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_run(tmp_path / "run", RUN)
    return tmp_path / "run"


async def finish(folder: Path) -> tuple[int, Decimal]:
    """Open and finish as a session without work of its own; what it knows to be unanswered."""
    with RunStore.open(folder) as store:
        await store.finish("complete")
        assert store.spent_usd() == store.unanswered()[1] + len(stored_ids(store)) * COST
        return store.unanswered()


def leave(folder: Path, **at_stake: Decimal | None) -> None:
    """A session that dies with these requests in flight."""
    with RunStore.open(folder) as store:
        for job_id, usd in at_stake.items():
            store.put_start(job_id, usd)


async def test_the_last_start_of_a_job_says_what_is_at_stake_and_its_result_clears_it(folder: Path) -> None:
    with RunStore.open(folder) as store:
        for usd in (CENT, 3 * CENT):
            store.put_start("twice", usd)
        store.put_start("unknown")
        store.put_start("taken back", CENT)
        store.put_start("taken back", Decimal(0))
        store.put_start(result(1).job_id, DOLLAR)
        await store.put(result(1))
        assert store.unanswered() == (0, 0)
    with RunStore.open(folder) as store:
        assert (store.recovered.unanswered_starts, store.recovered.unanswered_usd) == (2, 3 * CENT)
        assert store.unanswered() == (2, 3 * CENT)
        assert store.spent_usd() == COST + 3 * CENT
    assert unanswered(folder) == await finish(folder) == (2, 3 * CENT)


@pytest.mark.parametrize("state", ["running", "complete"])
async def test_what_is_in_flight_at_the_end_is_counted_by_finish(folder: Path, state: str) -> None:
    with RunStore.open(folder, segment_rows=5) as store:
        store.put_start("lost", CENT)
        await store_all(store, [result(number) for number in range(12)], [], state=state)  # type: ignore[arg-type]
        assert store.unanswered() == (1, CENT)
        assert store.spent_usd() == 12 * COST + CENT
    assert unanswered(folder) == (1, CENT)
    with RunStore.open(folder) as store:
        assert store.recovered.unanswered_starts == 0
    assert verify(folder) == []


async def test_sessions_add_up_and_an_answer_in_a_later_one_takes_nothing_back(folder: Path) -> None:
    leave(folder, a=CENT, b=None)
    with RunStore.open(folder) as store:
        assert store.recovered.unanswered_starts == 2
        await store_all(store, [result(1, job_id="a")], [], state=None)
    leave(folder, c=CENT)
    leave(folder)
    with RunStore.open(folder) as store:
        assert store.recovered.unanswered_starts == 0
    assert await finish(folder) == await finish(folder) == (3, 2 * CENT)


async def test_starts_of_a_later_session_are_not_taken_for_counted_ones(folder: Path) -> None:
    leave(folder, a=CENT)
    leave(folder)  # counts, and is gone before it compacts
    leave(folder, b=CENT)
    assert await finish(folder) == (2, 2 * CENT)


async def test_a_full_segment_is_kept_until_its_open_starts_stand_in_the_next(folder: Path) -> None:
    RunStore.open(folder).close()
    journal = Journal(folder, SYSTEM_DISK, SegmentLimits(rows=2, bytes=2**30), [], 1)
    answers = [Entry(encode_record(one), one.job_id, one) for one in map(result, range(3))]
    journal.append([Entry(encode_start("lost", CENT), "lost", None, CENT), *answers[:2]])
    assert [segment.number for segment in journal.sealed] == [1]
    assert journal.compactable() is None
    journal.append(answers[2:])
    assert journal.compactable() is journal.sealed[0]
    journal.close()
    journal.sealed[0].path.unlink()
    with RunStore.open(folder) as store:
        assert (store.recovered.unanswered_starts, store.recovered.unanswered_usd) == (1, CENT)


async def test_nothing_waits_for_a_next_segment_when_all_is_answered(folder: Path) -> None:
    RunStore.open(folder).close()
    journal = Journal(folder, SYSTEM_DISK, SegmentLimits(rows=1, bytes=2**30), [], 1)
    one = result(1)
    journal.append([Entry(encode_start(one.job_id, CENT), one.job_id, None, CENT)])
    assert journal.compactable() is None
    journal.append([Entry(encode_record(one), one.job_id, one)])
    assert journal.compactable() is journal.sealed[0]


async def test_damage_to_an_answer_leaves_its_request_unanswered(folder: Path) -> None:
    with RunStore.open(folder) as store:
        store.put_start(result(1).job_id, CENT)
        await store.put(result(1))
    segment = next((folder / "journal").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b"answer 1", b"answer 9"))
    assert await finish(folder) == (1, CENT)


_IN_FLIGHT = """
import sys, anyio
from decimal import Decimal
from functools import partial
from pathlib import Path
from pipeline.store.run_store import RunStore
async def main():
    store = RunStore.open(Path(sys.argv[1]))
    async with anyio.create_task_group() as tasks:
        await tasks.start(partial(store.commit_forever, on_acknowledged=print))
        store.put_start("a", Decimal("0.01"))
        store.put_start("b", None)
        await anyio.sleep_forever()
anyio.run(main)
"""


def test_requests_in_flight_are_known_after_a_kill_before_the_first_answer(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _IN_FLIGHT, str(folder)], cwd=ROOT) as process:
        end = time.monotonic() + 60
        while not _has_written(folder) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    with RunStore.open(folder) as store:
        assert (store.recovered.unanswered_starts, store.recovered.unanswered_usd) == (2, CENT)
    assert anyio.run(finish, folder) == (2, CENT)


def _has_written(folder: Path) -> bool:
    return any(path.stat().st_size for path in folder.glob("journal/*"))


async def die_at(folder: Path, nth: int) -> bool:
    """Continue the run and die at the nth call to the disk; whether it did."""
    disk = FaultyDisk(nth, "kill")
    try:
        with RunStore.open(folder, disk=disk, segment_rows=4) as store:
            await store.finish("running")
    except BaseException:
        assert disk.is_dead
    return disk.is_dead


async def test_a_kill_at_every_call_counts_what_was_found_exactly_once(tmp_path: Path) -> None:
    template = tmp_path / "template"
    create_run(template, RUN)
    with RunStore.open(template, segment_rows=4) as store:
        store.put_start("a", CENT)
        for number in range(10):
            store.put_start(result(number).job_id, DOLLAR)
            await store.put(result(number))
        store.put_start("b")
    assert len(list((template / "journal").iterdir())) >= 2
    points = 0
    for nth in range(1, 200):
        folder = tmp_path / str(nth)
        shutil.copytree(template, folder)
        if not await die_at(folder, nth):
            break
        points += 1
        for again in (1, nth // 2 + 1):  # and once more, earlier and later
            await die_at(folder, again)
        assert await finish(folder) == (2, CENT), nth
        assert unanswered(folder) == (2, CENT)
        assert verify(folder) == []
        shutil.rmtree(folder)
    assert points >= 30


@pytest.mark.parametrize("fault", ["kill", 5])
async def test_a_fault_at_every_call_of_a_session_forgets_no_request_in_flight(
    tmp_path: Path, fault: str | int
) -> None:
    results = [result(number) for number in range(12)]
    met = 0
    for nth in range(1, 70):
        folder = tmp_path / str(nth)
        create_run(folder, RUN)
        leave(folder, earlier=DOLLAR)
        disk = FaultyDisk(nth, fault, forever=fault != "kill")
        acknowledged: list[str] = []
        try:
            with RunStore.open(folder, disk=disk, segment_rows=4, commit_seconds=0) as store:
                store.put_start("lost", DOLLAR)
                await store_all(store, results, acknowledged, state="running")
        except BaseException:
            assert disk.calls >= nth
        met += disk.calls >= nth
        _, usd = await finish(folder)
        assert usd == (1 + bool(acknowledged)) * DOLLAR or (usd == 2 * DOLLAR and not acknowledged), nth
        shutil.rmtree(folder)
    assert met >= 50
