from __future__ import annotations

import errno
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import DataError, DiskError, OutputError
from pipeline.store.folder import (
    create_run,
    holds_run,
    is_empty,
    is_finished,
    listed_parts,
    read_run,
    unanswered,
    write_json_atomic,
)
from pipeline.store.run_store import RunStore
from tests.support.store import FaultyDisk, result, store_all

RUN = {
    "schema": 1,
    "run_id": "r1",
    "settings": {},
    "dataset": {"rows": 0},
    "budget_usd": Decimal("5.00"),
    "paths": [Path("a")],
}


def test_a_run_folder_is_its_owners_alone_and_says_what_runs(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "arithmetic" / "r1"
    create_run(folder, RUN)
    assert read_run(folder) == {**RUN, "budget_usd": "5.00", "paths": ["a"]}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "run.json").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["run.json"]
    assert not is_finished(folder)


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("keep")
    with pytest.raises(OutputError, match=r"such as 'thesis\.tex'"):
        create_run(tmp_path, RUN)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    create_run(tmp_path, RUN)
    with pytest.raises(OutputError, match="holds a run already"):
        create_run(tmp_path, {"run_id": "r2"})
    assert read_run(tmp_path)["run_id"] == "r1"


def test_what_a_crash_left_of_an_earlier_attempt_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".run.json.4711.tmp").write_text("{")
    create_run(tmp_path, RUN)
    RunStore.open(tmp_path).close()
    assert not (tmp_path / ".run.json.4711.tmp").exists()


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "run", Path("/proc/evalmill/run")):
        with pytest.raises(OutputError, match="choose another folder"):
            create_run(folder, RUN)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(errno.EACCES, OutputError), (errno.EROFS, OutputError), (errno.ENOSPC, DiskError), (errno.EIO, DiskError)],
)
@pytest.mark.parametrize("nth", range(1, 6))
def test_a_disk_that_refuses_leaves_no_half_run(tmp_path: Path, nth: int, code: int, expected: type[Exception]) -> None:
    folder = tmp_path / "run"
    with pytest.raises(expected, match=str(folder)):
        create_run(folder, RUN, disk=FaultyDisk(nth, code, forever=True))
    assert not (folder / "run.json").exists() or read_run(folder)["run_id"] == "r1"
    if not (folder / "run.json").exists():
        create_run(folder, RUN)


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_run_is_made_whole_or_not_at_all_when_killed(tmp_path: Path, nth: int) -> None:
    folder = tmp_path / "run"
    disk = FaultyDisk(nth, "kill")
    try:
        create_run(folder, RUN, disk=disk)
    except BaseException:
        assert disk.is_dead
    if not (folder / "run.json").exists():
        create_run(folder, RUN)
    assert read_run(folder)["run_id"] == "r1"


def test_a_folder_with_a_crashed_beginning_counts_as_empty(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert is_empty(folder)
    folder.mkdir()
    assert is_empty(folder)
    (folder / ".run.json.4711.tmp").write_text("{")
    assert is_empty(folder)
    assert not holds_run(folder)
    create_run(folder, RUN)
    assert holds_run(folder)
    assert not is_empty(folder)


def test_a_folder_of_other_things_is_neither_empty_nor_a_run(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    for path in (tmp_path, tmp_path / "thesis.tex", tmp_path / "thesis.tex" / "run"):
        assert not is_empty(path)
        assert not holds_run(path)


def test_a_run_of_another_schema_is_refused_with_both_versions(tmp_path: Path) -> None:
    create_run(tmp_path, {**RUN, "schema": 7})
    with pytest.raises(OutputError, match=r"run\.json: is of schema 7, this version of evalmill reads schema 1"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("run", "lacking"),
    [
        ({}, "schema and settings and dataset"),
        ({"schema": 1, "settings": {}}, "dataset"),
        ({"schema": 1, "settings": [], "dataset": {}}, "settings"),
        ({"settings": {}, "dataset": {}}, "schema"),
    ],
)
def test_a_run_json_that_lacks_what_a_run_has_is_refused(tmp_path: Path, run: dict[str, Any], lacking: str) -> None:
    create_run(tmp_path, run)
    with pytest.raises(OutputError, match=f"is no run folder of this version: run.json has no {lacking}$"):
        read_run(tmp_path)


async def test_what_was_left_unanswered_is_known_without_the_lock(tmp_path: Path) -> None:
    create_run(tmp_path, RUN)
    assert unanswered(tmp_path) == (0, 0)
    with RunStore.open(tmp_path) as store:
        store.put_start("lost", Decimal("0.01"))
        await store.finish("running")
        assert unanswered(tmp_path) == store.unanswered() == (1, Decimal("0.01"))


def test_no_run_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is no run folder"):
        read_run(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_damaged_run_json_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(DataError, match=r"run\.json"):
        read_run(tmp_path)


async def test_a_finished_run_is_known_without_the_lock(tmp_path: Path) -> None:
    create_run(tmp_path, RUN)
    with RunStore.open(tmp_path) as store:
        await store_all(store, [result()], [])
        assert is_finished(tmp_path)
        assert listed_parts(tmp_path) == store.parts()


def test_json_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_json_atomic(path, {"cost": Decimal("0.10")})
    for nth in range(1, 4):
        with pytest.raises(DiskError):
            write_json_atomic(path, {"cost": 2}, disk=FaultyDisk(nth))
    assert b'"0.10"' in path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["summary.json"]
