"""A request is on record before it leaves, whatever the journal is doing at that moment."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

import pytest

from pipeline.store.disk import SystemDisk
from pipeline.store.folder import create_run
from pipeline.store.journal import encode_record, encode_start, read_lines, segment_files
from pipeline.store.run_store import RunStore
from pipeline.store.segments import Entry, Journal, SegmentLimits
from tests.support.store import RUN, FaultyDisk, result, store_all

CENT = Decimal("0.01")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_run(tmp_path / "run", RUN)
    RunStore.open(tmp_path / "run").close()
    return tmp_path / "run"


def recorded(folder: Path) -> list[str]:
    """Job ids in the journal by segment and line, starts and results."""
    found = []
    for path in segment_files(folder).values():
        with path.open("rb") as file:
            found += [record.get("start") or record["job_id"] for _, record in read_lines(file) if record is not None]
    return found


def start(job_id: str) -> Entry:
    return Entry(encode_start(job_id, CENT), job_id, None, CENT)


def answers(*numbers: int) -> Sequence[Entry]:
    return [Entry(encode_record(one), one.job_id, one) for one in map(result, numbers)]


def test_a_start_stands_in_the_journal_when_it_has_been_put(folder: Path) -> None:
    with RunStore.open(folder) as store:
        for job_id in ("a", "b"):
            store.put_start(job_id, CENT)
            assert recorded(folder)[-1] == job_id


@pytest.mark.parametrize("only", ["open_append", "fsync_dir", "write"])
async def test_a_start_that_fails_half_way_damages_no_line_and_is_written_again(folder: Path, only: str) -> None:
    with RunStore.open(folder, disk=FaultyDisk(1, errno.EIO, only=only)) as store:
        store.put_start("a", CENT)
        store.put_start("b", CENT)
        assert not await store_all(store, [result(1)], [], state=None)
        assert set(recorded(folder)) == {"a", "b", result(1).job_id}
    with RunStore.open(folder) as store:
        assert not store.recovered.bad_lines
        assert (store.recovered.unanswered_starts, store.recovered.finished_jobs) == (2, 1)


class WaitingDisk(SystemDisk):
    """Its second sync waits to be told, and then fails or not."""

    def __init__(self, is_failing: bool) -> None:
        self.is_failing = is_failing
        self.syncs = 0
        self.is_syncing, self.go_on = Event(), Event()

    def fdatasync(self, fd: int) -> None:
        self.syncs += 1
        if self.syncs == 2:
            self.is_syncing.set()
            assert self.go_on.wait(20)
            if self.is_failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().fdatasync(fd)


@pytest.mark.parametrize("is_failing", [False, True])
def test_a_start_does_not_wait_for_a_sync_and_outlives_its_failure(folder: Path, is_failing: bool) -> None:
    disk = WaitingDisk(is_failing)
    journal = Journal(folder, disk, SegmentLimits(rows=100, bytes=2**30), [], 1)
    journal.append(answers(1))
    thread = Thread(target=journal.append, args=(answers(2, 3),))
    thread.start()
    assert disk.is_syncing.wait(20)
    assert journal.append_start(start("a"))
    assert recorded(folder)[-1] == "a"
    disk.go_on.set()
    thread.join()
    journal.append(answers(4))
    journal.close()
    assert len(journal.pending()) == 1 + is_failing
    with RunStore.open(folder) as store:
        assert not store.recovered.bad_lines
        assert not store.recovered.redundant_results
        assert (store.recovered.unanswered_starts, store.recovered.finished_jobs) == (1, 4)
        store.compact()


async def test_a_later_start_of_a_job_does_not_overtake_one_that_waits(folder: Path) -> None:
    with RunStore.open(folder, disk=FaultyDisk(1, errno.EIO, only="write")) as store:
        store.put_start("a", CENT)  # fails, and waits for the next batch
        store.put_start("a", 3 * CENT)
        assert not await store_all(store, [], [], state=None)
    with RunStore.open(folder) as store:
        assert store.recovered.unanswered_usd == 3 * CENT
