"""The results of a run as they stand are read whole, beside a writer and out of strangers' folders."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import anyio.from_thread
import anyio.to_thread
import pyarrow as pa
import pytest

from pipeline.core.errors import DiskError
from pipeline.store.current import Unstored, manifest_number, part_hashes, read_current, stored_rows
from pipeline.store.folder import create_run
from pipeline.store.run_store import RunStore
from pipeline.store.schema import RESULTS_SCHEMA
from tests.support.store import COST, RUN, result, store_all

COLUMNS = ("job_id", "cost_usd", "attempts")


def read(folder: Path) -> tuple[list[str], Unstored]:
    pages: list[pa.Table] = []
    unstored = read_current(folder, COLUMNS, pages.append)
    for page in pages:
        assert page.schema.names == list(COLUMNS)
        assert page.schema.field("cost_usd").type == RESULTS_SCHEMA.field("cost_usd").type
    return [job for page in pages for job in page["job_id"].to_pylist()], unstored


async def test_parts_and_journal_are_read_together_each_job_once(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    create_run(folder, RUN)
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(5)], [], state="running")
    assert stored_rows(folder) == 5
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(5, 9)], [], state=None)
        store.put_start("lost", COST)
        jobs, unstored = read(folder)
    assert sorted(jobs) == [f"{number:032x}" for number in range(9)]
    assert unstored == Unstored(requests=1, usd=COST)
    RunStore.open(folder).close()
    assert read(folder)[1] == unstored, "counted for good, and not twice"


async def test_a_part_that_goes_while_it_is_read_is_told_by_the_manifests_number(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    create_run(folder, RUN)
    with RunStore.open(folder) as store:
        await store_all(store, [result(0)], [])
    before = manifest_number(folder)
    assert len(part_hashes(folder)) == 1
    next((folder / "results").glob("*.parquet")).unlink()
    with pytest.raises(DiskError, match="a file is missing"):
        read(folder)
    assert manifest_number(folder) == before, "so nobody moved it: it is lost"


def test_an_empty_run_has_nothing(tmp_path: Path) -> None:
    create_run(tmp_path / "run", RUN)
    assert read(tmp_path / "run") == ([], Unstored(requests=0, usd=Decimal(0)))


@pytest.mark.parametrize("name", ["results", "journal", "manifest"])
def test_links_lead_nowhere(tmp_path: Path, name: str) -> None:
    create_run(tmp_path / "run", RUN)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskError, match="symlink"):
        read(tmp_path / "run")


def test_manifests_that_are_none_are_damage(tmp_path: Path) -> None:
    create_run(tmp_path / "run", RUN)
    (tmp_path / "run" / "manifest").mkdir()
    (tmp_path / "run" / "manifest" / "00000001.json").write_text("{}")
    with pytest.raises(DiskError, match="not a manifest"):
        read(tmp_path / "run")


async def test_a_writer_that_moves_results_meanwhile_is_told_from_damage(tmp_path: Path) -> None:
    """So whoever reads knows that looking again helps."""
    folder = tmp_path / "run"
    create_run(folder, RUN)
    for number, status in ((0, "ok"), (1, "error")):
        with RunStore.open(folder) as store:
            await store_all(store, [result(number, status=status)], [], state="running")
    before = manifest_number(folder)
    pages: list[pa.Table] = []

    async def ask_again() -> None:
        with RunStore.open(folder) as store:
            store.redo(("error",))
            await store_all(store, [result(1, cost_usd=COST)], [])

    def take(page: pa.Table) -> None:
        pages.append(page)
        if len(pages) == 1:
            anyio.from_thread.run(ask_again)

    with pytest.raises(DiskError, match="a file is missing"):
        await anyio.to_thread.run_sync(read_current, folder, COLUMNS, take)
    assert manifest_number(folder) > before
    assert sorted(read(folder)[0]) == [f"{number:032x}" for number in range(2)]
