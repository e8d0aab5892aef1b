"""Jobs asked again: a better result takes the place of the stored row, and no crash loses either."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import DiskError
from pipeline.core.records import Result
from pipeline.store.folder import create_run, is_finished
from pipeline.store.run_store import RunStore
from pipeline.store.verify import verify
from tests.support.store import COST, RUN, STAMP, FaultyDisk, files_of, parts_on_disk, result, store_all, stored_ids

LATER = STAMP + timedelta(hours=1)
STATUSES = {3: "error", 5: "truncated", 7: "error", 12: "error"}
ALL = range(14)


def first(number: int) -> Result:
    """The result of the first session: three errors and a truncated answer among them."""
    status: Any = STATUSES.get(number, "ok")
    attempts = tuple(replace(attempt, error="overload: busy") for attempt in result().attempts)
    return result(
        number, status=status, shard=shard_of(number), **({"attempts": attempts} if status == "error" else {})
    )


def again(number: int, **changes: Any) -> Result:
    """The result of asking again."""
    return result(number, shard=shard_of(number), text="better", finished_at=LATER, **changes)


def shard_of(number: int) -> str:
    return f"m/{number % 2:05d}"


async def make_run(folder: Path) -> Path:
    create_run(folder, RUN)
    with RunStore.open(folder, segment_rows=5) as store:
        assert not await store_all(store, [first(number) for number in ALL], [])
        for part in store.parts():
            store.put_scores(part.name, pa.table({"a": [1]}))
    return folder


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A finished run in three parts."""
    return await make_run(tmp_path / "run")


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The stored rows by row id, each job once."""
    rows = [row for part in (folder / "results").glob("*.parquet") for row in pq.read_table(part).to_pylist()]
    assert len({row["job_id"] for row in rows}) == len(rows)
    return {row["row_id"]: row for row in rows}


async def test_only_jobs_of_the_wanted_statuses_are_open_again(folder: Path) -> None:
    with RunStore.open(folder) as store:
        assert store.redo({"error"}) == 3
        assert store.shard_rows() == {"m/00000": 6, "m/00001": 5}
        missing = {first(number).job_id for number in ALL} - store.job_ids("m/00000") - store.job_ids("m/00001")
        assert missing == {first(number).job_id for number in (3, 7, 12)}
        assert store.is_redone("m/00001", first(3).job_id)
        assert not store.is_redone("m/00001", first(5).job_id)


async def test_a_better_result_takes_the_place_of_the_row_in_its_part(folder: Path) -> None:
    untouched = parts_on_disk(folder)
    with RunStore.open(folder) as store:
        store.redo({"error"})
        assert not await store_all(store, [again(3), again(7)], [])
        assert store.shard_rows() == {"m/00000": 6, "m/00001": 7}
        assert sorted(stored_ids(store)) == [first(number).job_id for number in ALL]
        assert store.spent_usd() == 16 * COST
        assert len(untouched & parts_on_disk(folder)) == 1, "the part without a new result stays as it is"
        assert {path.name for path in store.parts()} == parts_on_disk(folder)
        assert {path.name for path in (folder / "scores").glob("*.parquet")} == untouched & parts_on_disk(folder)
    rows = rows_of(folder)
    assert {number: rows[str(number)]["status"] for number in STATUSES} == {
        3: "ok", 5: "truncated", 7: "ok", 12: "error",
    }  # fmt: skip
    assert rows["3"]["text"] == "better"
    assert [attempt["error"] for attempt in rows["3"]["attempts"]] == ["overload: busy", None]
    assert rows["3"]["attempts"][0]["started_at"] == STAMP
    assert rows["3"]["cost_usd"] == 2 * COST
    assert rows["4"]["cost_usd"] == COST
    assert is_finished(folder)
    assert verify(folder) == []


def rot(folder: Path, count: int) -> None:
    """Flip a bit in each of the newest manifests."""
    for path in sorted((folder / "manifest").glob("*.json"))[-count:]:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


async def stop_after_a_replacement(folder: Path) -> None:
    """Ask for a failed job again, and end as soon as its part is replaced."""
    with RunStore.open(folder) as store:
        store.redo({"error"})
        await store.put(again(3))
    with RunStore.open(folder) as store:
        store.compact()


async def test_a_damaged_manifest_right_after_a_replacement_costs_nothing(folder: Path) -> None:
    await stop_after_a_replacement(folder)
    rot(folder, 1)
    with RunStore.open(folder) as store:
        assert len(store.recovered.invalid_manifests) == 1
        assert store.recovered.adopted_parts == 0
        assert sorted(stored_ids(store)) == [first(number).job_id for number in ALL]
        await store.finish("complete")
    assert rows_of(folder)["3"]["text"] == "better"
    assert {finding.kind for finding in verify(folder)} == {"manifest"}, "it is still there, and told"


async def test_damaged_manifests_that_alone_knew_of_a_replacement_are_named(folder: Path) -> None:
    await stop_after_a_replacement(folder)
    rot(folder, 2)
    before = files_of(folder)
    with pytest.raises(DiskError, match=r"newer ones are damaged: manifest/\d+\.json .*; restore them as well"):
        RunStore.open(folder)
    assert {name: data for name, data in files_of(folder).items() if name != "lock"} == {
        name: data for name, data in before.items() if name != "lock"
    }


async def test_a_row_whose_part_holds_nothing_else_takes_the_part_with_it(tmp_path: Path) -> None:
    create_run(tmp_path / "run", RUN)
    with RunStore.open(tmp_path / "run", segment_rows=1) as store:
        assert not await store_all(store, [first(3), first(4)], [])
    with RunStore.open(tmp_path / "run") as store:
        store.redo({"error"})
        assert not await store_all(store, [again(3)], [])
        assert len(store.parts()) == 2
    assert verify(tmp_path / "run") == []


async def test_an_answer_of_unknown_cost_stays_unknown_and_a_new_failure_adds_up(folder: Path) -> None:
    attempt = replace(result().attempts[0], cost_usd=None, error="again")
    with RunStore.open(folder) as store:
        store.redo({"error"})
        unknown = again(3, cost_usd=None, attempts=(attempt,))
        failed = again(7, status="error", cost_usd=None, attempts=(attempt,))
        assert not await store_all(store, [unknown, failed], [])
    rows = rows_of(folder)
    assert rows["3"]["cost_usd"] is None
    assert (rows["7"]["cost_usd"], len(rows["7"]["attempts"])) == (COST, 2)


async def test_a_failure_never_takes_the_place_of_an_answer_and_its_cost_is_counted(folder: Path) -> None:
    with RunStore.open(folder) as store:
        assert store.redo({"truncated", "error"}) == 4
        await store.put(again(5, status="error"))
        await store.put(again(3, status="skipped", attempts=()))
        await store.finish("complete")
        assert store.kept_rows == 2
        assert store.unanswered() == (1, COST)
        assert store.spent_usd() == 15 * COST
        assert store.shard_rows()["m/00001"] == 7 - 1
    assert rows_of(folder)["5"]["text"] == first(5).text
    assert rows_of(folder)["3"]["error_kind"] is None
    assert verify(folder) == []


async def test_a_killed_session_leaves_its_new_results_to_the_next(folder: Path) -> None:
    with RunStore.open(folder) as store:
        store.redo({"error"})
        assert not await store_all(store, [again(3)], [], state=None)
    assert not is_finished(folder)
    assert rows_of(folder)["3"]["status"] == "error", "results/ is what the manifest says"
    assert verify(folder) == []
    with RunStore.open(folder) as store:
        assert store.recovered.redundant_results == 0
        assert store.shard_rows() == {"m/00000": 7, "m/00001": 7}
        assert store.spent_usd() == 15 * COST
        await store.finish("complete")
        assert store.spent_usd() == 15 * COST
    assert rows_of(folder)["3"]["status"] == "ok"
    assert verify(folder) == []


async def test_the_next_session_asks_only_for_what_is_still_so(folder: Path) -> None:
    with RunStore.open(folder) as store:
        store.redo({"error"})
        assert not await store_all(store, [again(3)], [], state=None)
    with RunStore.open(folder) as store:
        assert store.redo({"error"}) == 2
        assert not await store_all(store, [again(7), again(12)], [])
        assert store.spent_usd() == 17 * COST
    assert {row["status"] for row in rows_of(folder).values()} == {"ok", "truncated"}


async def test_nothing_to_ask_again_leaves_a_finished_run_finished(folder: Path) -> None:
    before = files_of(folder)
    with RunStore.open(folder) as store:
        assert store.redo({"refused"}) == 0
    assert is_finished(folder)
    assert {path: data for path, data in files_of(folder).items() if not path.endswith("lock")} == {
        path: data for path, data in before.items() if not path.endswith("lock")
    }


async def ask_again(folder: Path, disk: FaultyDisk, acknowledged: list[str]) -> list[BaseException]:
    """A session that asks again for four jobs on a disk that fails; `segment_rows` makes it compact twice."""
    try:
        store = RunStore.open(folder, disk=disk, segment_rows=2, commit_seconds=0)
    except BaseException as error:
        return [error]
    errors: list[BaseException] = []
    try:
        store.redo({"error", "truncated"})
        with anyio.fail_after(30):
            errors = await store_all(store, [again(number) for number in STATUSES], acknowledged)
    except BaseException as error:
        errors = [error]
    try:
        store.close()
    except BaseException:
        assert disk.is_dead
        store._lock.release()  # as the kernel does for a dead process
    return errors


async def check(folder: Path, acknowledged: list[str]) -> None:
    """Every job has one row: the new one where it was acknowledged, never less than the old one."""
    with RunStore.open(folder, commit_seconds=0) as store:
        assert store.spent_usd() >= (len(ALL) + len(acknowledged)) * COST
        await store.finish("complete")
        rows = rows_of(folder)
        assert sorted(stored_ids(store)) == [first(number).job_id for number in ALL]
        assert {path.name for path in store.parts()} == parts_on_disk(folder)
        replaced = {row["job_id"] for row in rows.values() if row["text"] == "better"}
        assert set(acknowledged) <= replaced
        assert store.spent_usd() - store.unanswered()[1] == (len(ALL) + len(replaced)) * COST
    for number in ALL:
        row = rows[str(number)]
        assert row["text"] == "better" or row["status"] == first(number).status
        assert len(row["attempts"]) == 1 + (row["text"] == "better")
    assert {path.name for path in (folder / "scores").glob("*.parquet")} <= parts_on_disk(folder)
    assert verify(folder) == []


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    shared_memory = Path("/dev/shm")
    with TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("fault", "forever"),
    [("kill", False), (errno.ENOSPC, False), (errno.ENOSPC, True), (errno.EIO, False), (errno.EIO, True)],
)
async def test_a_fault_at_every_call_loses_neither_old_nor_new(memory: Path, fault: int | str, forever: bool) -> None:
    template = await make_run(memory / "template")
    met = 0
    for nth in range(1, 200):
        folder = memory / str(nth)
        shutil.copytree(template, folder)
        disk = FaultyDisk(nth, fault, forever=forever)
        acknowledged: list[str] = []
        errors = await ask_again(folder, disk, acknowledged)
        if disk.calls < nth:
            break
        met += 1
        if not disk.is_dead:
            assert all(isinstance(error, DiskError) for error in errors), errors
        await check(folder, acknowledged)
        shutil.rmtree(folder)
    assert met >= 40


async def test_a_second_copy_of_a_new_result_counts_once(folder: Path) -> None:
    """What a failed sync and a failed truncation leave: the same line in two segments."""
    with RunStore.open(folder) as store:
        store.redo({"error"})
        assert not await store_all(store, [again(3)], [], state=None)
    segment = next((folder / "journal").iterdir())
    line = segment.read_bytes()
    for number in (8, 9):
        segment.with_name(f"{number:08d}.jsonl").write_bytes(line)
    with RunStore.open(folder) as store:
        assert store.spent_usd() == Decimal(15) * COST
        await store.finish("complete")
        assert store.spent_usd() == Decimal(15) * COST
    assert len(rows_of(folder)["3"]["attempts"]) == 2
    assert verify(folder) == []
    segment.with_name("00000077.jsonl").write_bytes(line)  # and once more, after the first was compacted
    with RunStore.open(folder) as store:
        await store.finish("complete")
        assert store.spent_usd() == Decimal(15) * COST
    assert len(rows_of(folder)["3"]["attempts"]) == 2
