"""Every nth call to the disk fails in every way, and nothing acknowledged is lost."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pyarrow as pa
import pytest

from pipeline.core.errors import DiskError, OutputError
from pipeline.store.folder import create_run, listed_parts
from pipeline.store.journal import decode_line, encode_record
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore
from pipeline.store.schema import results_table
from pipeline.store.segments import Entry, Journal, SegmentLimits
from pipeline.store.verify import verify
from tests.support.store import RUN, FaultyDisk, files_of, parts_on_disk, result, store_all, stored_ids

RESULTS = [result(number, shard=f"m/{number % 2:05d}") for number in range(40)]
FAULTS: dict[str, tuple[int | str, bool]] = {
    "short write": ("short", False),
    "full once": (errno.ENOSPC, False),
    "full for good": (errno.ENOSPC, True),
    "quota": (errno.EDQUOT, True),
    "input/output error once": (errno.EIO, False),
    "input/output error for good": (errno.EIO, True),
    "kill": ("kill", False),
}


async def write_until_it_fails(folder: Path, disk: FaultyDisk, acknowledged: list[str]) -> list[BaseException]:
    try:
        store = RunStore.open(folder, disk=disk, segment_rows=15, commit_seconds=0)
    except BaseException as error:
        return [error]
    with anyio.fail_after(30):
        errors = await store_all(store, RESULTS, acknowledged)
    try:
        store.close()
    except BaseException:
        assert disk.is_dead
        store._lock.release()  # as the kernel does for a dead process
    return errors


async def check_and_complete(folder: Path, acknowledged: list[str]) -> None:
    with RunStore.open(folder, commit_seconds=0) as store:
        done = store.job_ids("m/00000") | store.job_ids("m/00001")
        assert set(acknowledged) <= done
        assert sum(store.shard_rows().values()) == store.recovered.finished_jobs == len(done)
        assert not await store_all(store, [one for one in RESULTS if one.job_id not in done], [])
        assert sorted(stored_ids(store)) == [one.job_id for one in RESULTS]
        assert {path.name for path in store.parts()} == parts_on_disk(folder)
    assert verify(folder) == []
    assert not [path for path in files_of(folder) if path.endswith(".tmp")]


async def sweep(root: Path, fault: int | str, forever: bool, calls: range) -> int:
    """Fail at each of `calls`; returns how often the fault was met."""
    met = 0
    for nth in calls:
        folder = root / str(nth)
        create_run(folder, RUN)
        disk = FaultyDisk(nth, fault, forever=forever)
        acknowledged: list[str] = []
        errors = await write_until_it_fails(folder, disk, acknowledged)
        met += disk.calls >= nth
        if not disk.is_dead:
            assert all(isinstance(error, DiskError | OutputError) for error in errors), errors
        await check_and_complete(folder, acknowledged)
        shutil.rmtree(folder)
    return met


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: the faults are injected, so no real disk need be waited for."""
    shared_memory = Path("/dev/shm")
    with TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", ["short write", "full for good", "input/output error once", "kill"])
async def test_no_fault_loses_what_was_acknowledged(memory: Path, name: str) -> None:
    fault, forever = FAULTS[name]
    assert await sweep(memory, fault, forever, range(1, 61, 3)) >= 17


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
async def test_no_fault_loses_what_was_acknowledged_in_a_long_sweep(memory: Path, name: str) -> None:
    fault, forever = FAULTS[name]
    assert 60 <= await sweep(memory, fault, forever, range(1, 201)) < 200, "past the end of a whole session"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full for good", "input/output error once", "kill"])
async def test_no_fault_hinders_putting_right_what_a_crash_left(memory: Path, name: str) -> None:
    """Each session before died somewhere else: amid writing, compacting, committing, finishing."""
    fault, forever = FAULTS[name]
    met = 0
    for died_at in (8, 30, 52):
        left = memory / f"left {died_at}"
        create_run(left, RUN)
        acknowledged: list[str] = []
        await write_until_it_fails(left, FaultyDisk(died_at, "kill"), acknowledged)
        for nth in range(1, 201):
            folder = memory / str(nth)
            shutil.copytree(left, folder)
            disk = FaultyDisk(nth, fault, forever=forever)
            again = list(acknowledged)
            await write_until_it_fails(folder, disk, again)
            await check_and_complete(folder, again)
            shutil.rmtree(folder)
            if disk.calls < nth:
                break
            met += 1
    assert met >= 3 * 30


async def test_short_writes_are_completed_and_nobody_notices(tmp_path: Path) -> None:
    create_run(tmp_path / "run", RUN)
    disk = FaultyDisk(1, "short", only="write", forever=True)
    acknowledged: list[str] = []
    assert not await write_until_it_fails(tmp_path / "run", disk, acknowledged)
    assert len(acknowledged) == len(RESULTS)
    await check_and_complete(tmp_path / "run", acknowledged)


@pytest.mark.parametrize("only", ["write", "fdatasync"])
async def test_one_input_output_error_moves_to_a_new_segment_and_goes_on(tmp_path: Path, only: str) -> None:
    create_run(tmp_path / "run", RUN)
    for nth in range(1, 5):
        disk = FaultyDisk(nth, errno.EIO, only=only)
        acknowledged: list[str] = []
        with RunStore.open(tmp_path / "run", disk=disk) as store:
            more = [result(1000 * nth + number) for number in range(40)]
            assert not await store_all(store, more, acknowledged, state=None)
            assert disk.calls >= nth
            assert len(acknowledged) == 40
    with RunStore.open(tmp_path / "run") as store:
        assert store.recovered.finished_jobs == 160
        await store.finish("complete")
        assert len(set(stored_ids(store))) == len(stored_ids(store)) == 160


async def test_a_failed_truncation_leaves_no_second_copy(tmp_path: Path) -> None:
    class Stubborn(FaultyDisk):
        def truncate(self, fd: int, length: int) -> None:
            raise OSError(errno.EIO, "no")

    run = tmp_path / "run"
    create_run(run, RUN)
    RunStore.open(run).close()
    entries = [Entry(encode_record(one), one.job_id, one) for one in RESULTS]
    disk = Stubborn(2, errno.EIO, only="fdatasync")
    journal = Journal(run, disk, SegmentLimits(rows=100, bytes=2**30), [], 1)
    journal.append(entries[:10])
    journal.append(entries[10:])  # its first sync fails, and the bytes of the first try cannot be cut
    journal.close()
    assert [path.read_bytes().count(b"\n") for path in sorted((run / "journal").iterdir())] == [40, 30]
    with RunStore.open(run) as store:
        assert store.recovered.finished_jobs == 40
        assert store.recovered.redundant_results == 30
        assert sum(store.shard_rows().values()) == 40
    await check_and_complete(run, [one.job_id for one in RESULTS])


async def test_a_kill_at_every_call_of_compaction_recovers_to_the_same_view(memory: Path) -> None:
    template = memory / "template"
    create_run(template, RUN)
    with RunStore.open(template, segment_rows=20) as store:
        for one in RESULTS:
            await store.put(one)  # no writer runs: closing stores them in two segments
    assert len(list((template / "journal").iterdir())) == 2
    whole = results_table([decode_line(encode_record(one)) or {} for one in RESULTS])
    points = 0
    for nth in range(1, 200):
        folder = memory / str(nth)
        shutil.copytree(template, folder)
        disk = FaultyDisk(nth, "kill")
        try:
            with RunStore.open(folder, disk=disk, segment_rows=20) as store:
                await store.finish("complete")
        except BaseException:
            assert disk.is_dead
        if not disk.is_dead:
            break
        points += 1
        await check_and_complete(folder, [one.job_id for one in RESULTS])
        assert view(folder) == whole, "the same answers, to the last column"
        shutil.rmtree(folder)
    assert points >= 30


def view(folder: Path) -> pa.Table:
    """All results, ordered by job."""
    return pa.concat_tables([read_part(path) for path in listed_parts(folder)]).sort_by("job_id")
