from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.core.errors import DiskError, OutputError
from pipeline.store.folder import create_run
from pipeline.store.journal import encode_record, encode_start
from pipeline.store.run_store import RunStore
from pipeline.store.verify import verify
from tests.support.store import COST, RUN, parts_on_disk, result, store_all, stored_ids


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A stopped run of 25 jobs: two parts, and five results in the journal."""
    run = tmp_path / "run"
    create_run(run, RUN)
    with RunStore.open(run, segment_rows=10) as store:
        await store_all(store, [result(number) for number in range(20)], [], state="running")
    with RunStore.open(run) as store:
        await store_all(store, [result(number) for number in range(20, 25)], [], state=None)
    return run


def segment(folder: Path) -> Path:
    return next((folder / "journal").iterdir())


def newest_manifest(folder: Path) -> Path:
    return max((folder / "manifest").iterdir())


async def check_complete(folder: Path, jobs: int = 25) -> None:
    with RunStore.open(folder) as store:
        await store.finish("complete")
        assert sorted(stored_ids(store)) == [result(number).job_id for number in range(jobs)]
        assert {path.name for path in store.parts()} == parts_on_disk(folder)
        assert store.spent_usd() == jobs * COST
    assert verify(folder) == []


async def test_a_stopped_run_is_found_whole(folder: Path) -> None:
    with RunStore.open(folder) as store:
        assert store.recovered.finished_jobs == 25
        assert store.shard_rows() == {"m/00000": 25}
        assert len(store.job_ids("m/00000")) == 25
        assert store.job_ids("elsewhere") == set()
        assert store.spent_usd() == 25 * COST
    await check_complete(folder)


async def test_a_torn_tail_is_cut_and_counted(folder: Path) -> None:
    whole = segment(folder).read_bytes()
    torn = encode_record(result(99))[:-10]
    segment(folder).write_bytes(whole + torn)
    with RunStore.open(folder) as store:
        assert store.recovered.torn_bytes == len(torn)
        assert store.recovered.finished_jobs == 25
        assert segment(folder).read_bytes() == whole
    await check_complete(folder)


async def test_a_bad_line_in_the_middle_is_skipped_and_named(folder: Path) -> None:
    data = segment(folder).read_bytes()
    segment(folder).write_bytes(data.replace(b"answer 22", b"answer 92"))
    with RunStore.open(folder) as store:
        assert len(store.recovered.bad_lines) == 1
        assert store.recovered.bad_lines[0].startswith(f"journal/{segment(folder).name}:")
        assert store.recovered.finished_jobs == 24
        await store_all(store, [result(22)], [])
    await check_complete(folder)


async def test_requests_without_an_answer_are_counted(folder: Path) -> None:
    with segment(folder).open("ab") as file:
        file.write(encode_start(result(50).job_id) + encode_start(result(51).job_id) + encode_start(result(50).job_id))
    with RunStore.open(folder) as store:
        assert store.recovered.unanswered_starts == 2


async def test_open_starts_are_carried_into_the_next_segment(tmp_path: Path) -> None:
    create_run(tmp_path / "run", RUN)
    with RunStore.open(tmp_path / "run", segment_rows=5) as store:
        store.put_start("lost")
        await store_all(store, [result(number) for number in range(12)], [], state=None)
    with RunStore.open(tmp_path / "run") as store:
        assert len(store.parts()) >= 1
        assert store.recovered.unanswered_starts == 1


async def test_a_damaged_manifest_costs_nothing(folder: Path) -> None:
    manifest = newest_manifest(folder)
    manifest.write_bytes(manifest.read_bytes()[:-5])
    with RunStore.open(folder) as store:
        assert list(store.recovered.invalid_manifests) == [f"manifest/{manifest.name}"]
        assert store.recovered.finished_jobs == 25
    await check_complete(folder)


async def test_parts_are_adopted_when_all_manifests_are_lost(folder: Path) -> None:
    for path in (folder / "manifest").iterdir():
        path.unlink()
    with RunStore.open(folder) as store:
        assert store.recovered.adopted_parts == 2
        assert store.recovered.unlisted_parts == 0
        assert store.shard_rows() == {"m/00000": 25}
    await check_complete(folder)


async def test_an_unlisted_part_that_is_damaged_is_set_aside_and_not_deleted(folder: Path) -> None:
    path = folder / "results" / "part-00000077-00000000.parquet"
    path.write_bytes(b"PAR1 nonsense")
    with RunStore.open(folder) as store:
        assert store.recovered.adopted_parts == 0
        assert not path.exists()
        assert path.with_name(f"{path.name}.damaged").read_bytes() == b"PAR1 nonsense"


async def test_what_a_killed_compaction_left_is_removed(folder: Path) -> None:
    number = segment(folder).stem
    (folder / "results" / f"part-{number}-0123abcd.parquet").write_bytes(b"half")
    (folder / "results" / f".part-{number}.4711.tmp").write_bytes(b"half")
    (folder / "scores" / "part-00000099-0123abcd.parquet").write_bytes(b"of a part that is gone")
    shutil.copy(segment(folder), folder / "journal" / "00000001.jsonl")
    with RunStore.open(folder) as store:
        assert store.recovered.unlisted_parts == 1
        assert store.recovered.temporary_files == 1
        assert store.recovered.compacted_segments == 1
        assert list((folder / "scores").iterdir()) == []
    await check_complete(folder)


async def test_files_that_are_not_ours_are_left_alone(folder: Path) -> None:
    notes = [folder / "results" / "notes.parquet", folder / "journal" / "notes.txt", folder / "mine.tmp"]
    for path in notes:
        path.write_text("keep")
    with RunStore.open(folder) as store:
        await store.finish("complete")
    assert [path.read_text() for path in notes] == ["keep"] * 3


async def test_a_job_in_a_part_and_in_the_journal_is_kept_once(folder: Path) -> None:
    with segment(folder).open("ab") as file:
        file.write(encode_record(result(3)) + encode_record(result(24)))
    with RunStore.open(folder) as store:
        assert store.recovered.redundant_results == 2
        assert store.recovered.finished_jobs == 25
        assert store.shard_rows() == {"m/00000": 25}
        assert store.spent_usd() == 25 * COST
    await check_complete(folder)


async def test_a_missing_or_shortened_part_is_not_passed_over(folder: Path) -> None:
    path = sorted((folder / "results").iterdir())[0]
    data = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_bytes(data[:-1])):
        damage()
        with pytest.raises(DiskError, match=path.name):
            RunStore.open(folder)
    path.write_bytes(data)
    await check_complete(folder)


@pytest.mark.parametrize("name", ["journal", "results", "rows", "scores", "manifest"])
async def test_nothing_behind_a_symlink_is_touched(folder: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.rmtree(folder / name)
    elsewhere.mkdir()
    precious = elsewhere / "part-00000001-0123abcd.parquet"
    precious.write_text("keep")
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(OutputError, match="is a symlink"):
        RunStore.open(folder)
    assert precious.read_text() == "keep"
    assert {finding.kind for finding in verify(folder)} == {"symlink"}
