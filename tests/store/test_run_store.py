from __future__ import annotations

import errno
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import anyio
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import DiskError, OutputError
from pipeline.core.records import Result
from pipeline.store.folder import create_run, is_finished
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore
from pipeline.store.schema import RESULTS_SCHEMA
from pipeline.store.verify import verify
from tests.support.store import COST, RUN, FaultyDisk, files_of, parts_on_disk, result, store_all, stored_ids


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_run(tmp_path / "run", RUN)
    return tmp_path / "run"


async def test_every_result_is_acknowledged_and_stands_in_the_parts_once(folder: Path) -> None:
    results = [result(number, shard=f"m/{number % 3:05d}") for number in range(50)]
    acknowledged: list[str] = []
    with RunStore.open(folder, segment_rows=20) as store:
        assert not await store_all(store, results, acknowledged)
        assert acknowledged == [one.job_id for one in results]
        assert stored_ids(store) == acknowledged
        assert [pq.read_metadata(path).num_rows for path in store.parts()] == [20, 20, 10]
        assert store.shard_rows() == {"m/00000": 17, "m/00001": 17, "m/00002": 16}
        assert store.job_ids("m/00002") == {one.job_id for one in results if one.shard == "m/00002"}
        assert store.spent_usd() == 50 * COST
        assert {path.name for path in store.parts()} == parts_on_disk(folder)
    assert list((folder / "journal").iterdir()) == []
    assert is_finished(folder)
    assert verify(folder) == []


async def test_polars_reads_all_parts_at_once(folder: Path) -> None:
    with RunStore.open(folder, segment_rows=10) as store:
        plain = [result(number, thinking=None) for number in range(15)]
        bare = [result(number + 15, attempts=(), cost_usd=None, started_at=None) for number in range(5)]
        await store_all(store, plain + bare, [])
    frame = pl.read_parquet(folder / "results" / "*.parquet")
    assert frame.columns == RESULTS_SCHEMA.names
    assert frame["cost_usd"].sum() == 15 * COST
    assert frame["attempts"].list.len().sum() == 15
    assert frame["thinking"].dtype == pl.String
    assert frame["started_at"].dtype == pl.Datetime("us", "UTC")


async def test_parts_are_zstd_with_page_checksums_and_private(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(300)], [])
        path = store.parts()[0]
    assert pq.read_metadata(path).row_group(0).column(0).compression == "ZSTD"
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    with pytest.raises(OSError, match="CRC"), pq.ParquetFile(path, page_checksum_verification=True) as file:
        file.read()
    assert set(modes_of(folder)) == {(True, 0o700), (False, 0o600)}


def modes_of(folder: Path) -> list[tuple[bool, int]]:
    return [(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*")]


async def test_a_crash_before_compaction_is_continued_in_the_same_segment(folder: Path) -> None:
    acknowledged: list[str] = []
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(10)], acknowledged, state=None)
    with RunStore.open(folder) as store:
        assert store.recovered.finished_jobs == 10
        assert store.job_ids("m/00000") == set(acknowledged)
        assert store.shard_rows() == {"m/00000": 10}
        assert store.spent_usd() == 10 * COST
        await store_all(store, [result(number) for number in range(10, 15)], acknowledged)
        assert len(store.parts()) == 1
        assert stored_ids(store) == acknowledged


async def test_costs_of_failed_attempts_count_and_reused_answers_do_not(folder: Path) -> None:
    attempt = result().attempts[0]
    failed = replace(attempt, http_status=529, cost_usd=Decimal("0.5"))
    unknown = replace(attempt, cost_usd=None, possibly_paid=True)
    results = [result(1, attempts=(failed, unknown, attempt)), result(2, source="reused")]
    with RunStore.open(folder) as store:
        await store_all(store, results, [], state=None)
        assert store.spent_usd() == Decimal("0.5") + COST
    with RunStore.open(folder) as store:
        assert store.spent_usd() == Decimal("0.5") + COST
        await store.finish("running")
        assert store.spent_usd() == Decimal("0.5") + COST
    assert not is_finished(folder)


async def test_what_was_booked_counts_and_the_known_cost_where_nothing_was(folder: Path) -> None:
    attempt = result().attempts[0]
    lost = replace(attempt, cost_usd=None, possibly_paid=True, booked_usd=Decimal("0.25"))
    free = replace(attempt, cost_usd=Decimal(7), booked_usd=Decimal(0))
    unbooked = replace(attempt, cost_usd=Decimal("0.5"))
    results = [result(1, attempts=(lost, free)), result(2, attempts=(unbooked,))]
    with RunStore.open(folder) as store:
        await store_all(store, results, [], state=None)
        assert store.spent_usd() == Decimal("0.75")
    with RunStore.open(folder) as store:
        assert store.spent_usd() == Decimal("0.75")
        store.compact()
        assert store.spent_usd() == Decimal("0.75")
        assert read_part(store.parts()[0])["attempts"][0][0]["booked_usd"].as_py() == Decimal("0.25")
    assert verify(folder) == []


async def test_a_killed_run_is_compacted_without_changing_its_state(folder: Path) -> None:
    for state, finished in (("running", False), ("complete", True)):
        with RunStore.open(folder) as store:
            await store.finish(state)
        with RunStore.open(folder, segment_rows=4) as store:
            first = 10 * finished
            await store_all(store, [result(first + number) for number in range(3)], [], state=None)
        before = len(list((folder / "results").iterdir()))
        with RunStore.open(folder) as store:
            store.compact()
            assert len(stored_ids(store)) == 3 + 3 * finished
            assert len(parts_on_disk(folder)) == before + 1
            assert list((folder / "journal").iterdir()) == []
        assert is_finished(folder) is finished
    assert verify(folder) == []


async def test_a_run_killed_before_its_first_commit_is_compacted_too(folder: Path) -> None:
    with RunStore.open(folder) as store:
        store.compact()
        await store.put(result(1))
    with RunStore.open(folder) as store:
        store.compact()
        assert stored_ids(store) == [result(1).job_id]


async def test_an_empty_run_can_be_finished(folder: Path) -> None:
    with RunStore.open(folder) as store:
        assert not await store_all(store, [], [])
        assert store.parts() == []
    assert is_finished(folder)


async def test_a_job_put_twice_is_stored_once(folder: Path) -> None:
    with RunStore.open(folder, segment_rows=4) as store:
        await store_all(store, [result(number % 6) for number in range(18)], [])
        assert sorted(stored_ids(store)) == [result(number).job_id for number in range(6)]
        assert store.shard_rows() == {"m/00000": 6}
    assert verify(folder) == []


async def test_a_second_opener_is_refused_and_changes_nothing(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(3)], [], state=None)
        before = files_of(folder)
        with pytest.raises(OutputError, match="in use by pid"):
            RunStore.open(folder)
        assert files_of(folder) == before
    RunStore.open(folder).close()


async def test_results_wait_their_turn_when_the_queue_is_full(folder: Path) -> None:
    big = "x" * (5 * 1024 * 1024)
    with RunStore.open(folder) as store:
        for number in range(15):  # 75 MiB without a writer: more than may wait
            await store.put(result(number, text=big))
        acknowledged: list[str] = []
        assert not await store_all(store, [], acknowledged)
        assert len(stored_ids(store)) == 15


async def test_what_was_put_before_a_cancellation_is_stored_by_finish(folder: Path) -> None:
    with RunStore.open(folder, commit_seconds=60) as store:
        async with anyio.create_task_group() as tasks:
            await tasks.start(partial(store.commit_forever, on_acknowledged=lambda _: None))
            await store.put(result(1))
            tasks.cancel_scope.cancel()
        await store.put(result(2))
        await store.finish("running")
        assert stored_ids(store) == [result(1).job_id, result(2).job_id]


async def test_closing_stores_what_still_waits(folder: Path) -> None:
    with RunStore.open(folder, segment_rows=2) as store:
        for number in range(5):
            await store.put(result(number))
    with RunStore.open(folder) as store:
        assert store.recovered.finished_jobs == 5


async def test_a_finished_store_takes_no_more(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store.finish("complete")
        with pytest.raises(RuntimeError, match="finished"):
            await store.put(result())


async def test_a_run_that_goes_on_after_its_end_is_no_longer_finished(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store_all(store, [result(1)], [])
    with RunStore.open(folder, segment_rows=1) as store:
        await store_all(store, [result(2)], [], state="running")
    assert not is_finished(folder)


async def test_a_full_disk_stops_everybody_and_says_how_much_is_needed(folder: Path) -> None:
    acknowledged: list[str] = []
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(20)], acknowledged, state=None)
    disk = FaultyDisk(1, errno.ENOSPC, only="write", forever=True)
    with RunStore.open(folder, disk=disk) as store:
        errors = await store_all(store, [result(number) for number in range(20, 40)], acknowledged)
        assert errors
        assert {type(error) for error in errors} == {DiskError}
        assert str(folder) in str(errors[0])
        assert "bytes there and run the same command again" in str(errors[0])
        for again in (store.put(result(99)), store.finish("complete")):
            with pytest.raises(DiskError):
                await again
        assert store.job_ids("m/00000") == set(acknowledged)
    with RunStore.open(folder) as store:
        assert store.job_ids("m/00000") == set(acknowledged)


async def test_waiting_producers_hear_of_a_failure(folder: Path) -> None:
    big = "x" * (9 * 1024 * 1024)
    heard: list[BaseException] = []

    async def produce(store: RunStore, start: int) -> None:
        try:
            for number in range(start, start + 12):
                await store.put(result(number, text=big))
        except DiskError as error:
            heard.append(error)

    with RunStore.open(folder, disk=FaultyDisk(1, only="write", forever=True)) as store:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for start in (0, 100):
                    tasks.start_soon(produce, store, start)
                await anyio.lowlevel.checkpoint()
                with pytest.raises(DiskError):
                    await store.commit_forever(on_acknowledged=lambda _: None)
        assert len(heard) == 2


async def test_an_error_in_the_callback_is_not_swallowed(folder: Path) -> None:
    def refuse(batch: Sequence[Result]) -> None:
        raise ZeroDivisionError

    with RunStore.open(folder) as store:
        await store.put(result(1))
        with pytest.raises(ZeroDivisionError):
            await store.commit_forever(on_acknowledged=refuse)
        with pytest.raises(ZeroDivisionError):
            await store.put(result(2))


async def test_a_part_that_vanishes_during_the_run_is_noticed(folder: Path) -> None:
    with RunStore.open(folder, segment_rows=5) as store:
        await store_all(store, [result(number) for number in range(5)], [])
    with RunStore.open(folder, segment_rows=5) as store:
        store.parts()[0].unlink()
        errors = await store_all(store, [result(number, shard="other") for number in range(5, 10)], [])
        assert errors
        assert "results/part-" in str(errors[0])
        assert {type(error) for error in errors} == {DiskError}


async def test_a_segment_that_lost_lines_is_not_compacted_in_silence(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(5)], [], state=None)
        segment = next((folder / "journal").iterdir())
        segment.write_bytes(segment.read_bytes().replace(b"answer 3", b"answer 4"))
        with pytest.raises(DiskError, match="holds 4 readable results where 5 were written"):
            await store.finish("complete")
    with RunStore.open(folder) as store:
        assert store.recovered.bad_lines == ["journal/00000001.jsonl:9"]
        assert result(3).job_id not in store.job_ids("m/00000")
        await store_all(store, [result(3)], [])
        assert len(stored_ids(store)) == 5


async def test_rows_are_kept_and_scores_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "one row"
    create_run(folder, {**RUN, "dataset": {"rows": 1}})
    first, second = pa.table({"a": [1]}), pa.table({"a": [2, 3]})
    with RunStore.open(folder) as store:
        await store_all(store, [result()], [])
        name = store.parts()[0].name
        assert not store.has_rows("part-0")
        for table in (first, second):
            store.put_rows("part-0", table.schema, [table])
            store.put_scores(name, table)
        assert store.has_rows("part-0")
        with pytest.raises(ValueError, match="not a file name"):
            store.put_scores("../x", first)
    assert pq.read_table(folder / "rows" / "part-0.parquet").equals(first)
    assert pq.read_table(folder / "scores" / name).equals(second)
    assert verify(folder) == []


def test_rows_that_cannot_be_read_to_their_end_leave_no_file(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})

    def tables() -> Iterator[pa.Table]:
        yield table
        raise ValueError("the dataset is damaged")

    with RunStore.open(tmp_path) as store:
        with pytest.raises(ValueError, match="damaged"):
            store.put_rows("rows-0", table.schema, tables())
        assert list((tmp_path / "rows").iterdir()) == []
        store.put_rows("rows-0", table.schema, [table, table])
    assert pq.read_table(tmp_path / "rows" / "rows-0.parquet")["a"].to_pylist() == [1, 1]
