"""A run folder read beside its writer: the numbers are right at every moment, and nothing is touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.core.errors import DiskError
from pipeline.store.folder import create_run
from pipeline.store.live import Holding, LiveReader, Tally
from pipeline.store.run_store import RunStore
from tests.support.store import COST, RUN, STAMP, files_of, result, store_all

WRITER = Path(__file__).resolve().parents[1] / "support" / "store_writer.py"
SECOND = int(STAMP.timestamp())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_run(tmp_path / "run", RUN)
    return tmp_path / "run"


def read(folder: Path, since_second: int = SECOND) -> Holding:
    return LiveReader(folder).read(since_second)


async def test_parts_and_journal_are_summed_by_model_while_the_writer_goes_on(folder: Path) -> None:
    results = [result(number, model=f"model {number % 2}") for number in range(25)]
    failed = [result(number, status="error", cost_usd=None, attempts=()) for number in (30, 31)]
    with RunStore.open(folder, segment_rows=10) as store:
        await store_all(store, [*results, *failed], [], state=None)
        before = files_of(folder)
        holding = read(folder)
        assert files_of(folder) == before
    assert store.parts()
    assert holding.state == "running"
    even, odd, other = holding.tallies["model 0"], holding.tallies["model 1"], holding.tallies["sonnet"]
    assert even == Tally(results=13, tokens=13 * 140, cost_usd=13 * COST, by_second={SECOND: 13})
    assert odd == Tally(results=12, tokens=12 * 140, cost_usd=12 * COST, by_second={SECOND: 12})
    assert other == Tally(results=2, failed=2, tokens=2 * 140, by_second={SECOND: 2})


async def test_an_empty_run_holds_nothing(folder: Path) -> None:
    for _ in range(2):
        holding = read(folder)
        assert (holding.tallies, holding.open_starts, holding.unanswered) == ({}, {}, 0)
        RunStore.open(folder).close()


async def test_reused_and_recorded_answers_cost_nothing_and_an_unknown_cost_is_counted(folder: Path) -> None:
    results = [
        result(1, source="reused"),
        result(2, provider="recorded", cost_usd=None),
        result(3, cost_usd=None),
    ]
    with RunStore.open(folder) as store:
        await store_all(store, results, [], state=None)
        journal = read(folder).tallies
        store.compact()
    parts = read(folder).tallies
    assert journal == parts == {"sonnet": Tally(results=3, tokens=280, unpriced=1, by_second={SECOND: 3})}


async def test_only_recent_results_are_told_by_second(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store_all(store, [result(1), result(2, finished_at=None)], [])
    assert read(folder).tallies["sonnet"].by_second == {SECOND: 1}
    assert read(folder, SECOND + 1).tallies["sonnet"].by_second == {}


async def test_requests_without_a_result_are_open_until_a_later_session_counts_them(folder: Path) -> None:
    with RunStore.open(folder, segment_rows=4) as store:
        store.put_start("lost", COST, "m/00000")
        store.put_start("taken back", COST, "m/00000")
        store.put_start("taken back", Decimal(0), "m/00000")
        await store_all(store, [result(number) for number in range(10)], [], state=None)
        assert store.parts(), "the first segment is gone"
        holding = read(folder)
        assert {job_id: start.shard for job_id, start in holding.open_starts.items()} == {"lost": "m/00000"}
        assert (holding.unanswered, holding.at_stake_usd) == (0, COST)
    RunStore.open(folder).close()
    holding = read(folder)
    assert (holding.open_starts, holding.unanswered, holding.at_stake_usd) == ({}, 1, COST)


async def test_a_job_in_a_part_and_in_the_journal_counts_once(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(5)], [], state="running")
    with RunStore.open(folder) as store:
        await store_all(store, [result(number) for number in range(3, 8)], [], state=None)
        assert read(folder).tallies["sonnet"].results == 8


async def test_a_reader_catches_up_with_what_was_written_since(folder: Path) -> None:
    reader = LiveReader(folder)
    seen = []
    with RunStore.open(folder, segment_rows=7) as store:
        for first in range(0, 30, 5):
            await store_all(store, [result(first + number) for number in range(5)], [], state=None)
            seen.append(reader.read(SECOND).tallies["sonnet"].results)
    assert seen == [5, 10, 15, 20, 25, 30]


async def test_a_line_that_is_still_being_written_waits_and_a_damaged_one_is_passed_over(folder: Path) -> None:
    reader = LiveReader(folder)
    with RunStore.open(folder) as store:
        await store_all(store, [result(1)], [], state=None)
    segment = next((folder / "journal").iterdir())
    whole = segment.read_bytes()
    line = whole[whole.rindex(b"\n", 0, -1) + 1 :].replace(result(1).job_id.encode(), result(2).job_id.encode())
    for data, results in ((whole + line[:-9], 1), (whole + b"nonsense\n" + line, 1), (whole[:-1], 0), (whole, 1)):
        segment.write_bytes(data)
        assert reader.read(SECOND).tallies.get("sonnet", Tally()).results == results


async def test_a_part_that_is_gone_for_good_is_an_error(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store_all(store, [result(1)], [])
    next((folder / "results").iterdir()).unlink()
    with pytest.raises(DiskError, match="it is missing"):
        read(folder)


def test_no_moment_of_a_compacting_writer_shows_too_little_or_too_much(folder: Path, tmp_path: Path) -> None:
    log, jobs = tmp_path / "acknowledged", 2_000
    log.touch()
    seen = compacting_writer_watched(folder, log, jobs)
    assert seen[-1] == jobs
    assert seen == sorted(seen), "a result was there and then was not"
    assert len(set(seen)) >= 5, "the writer was watched at work"


def compacting_writer_watched(folder: Path, log: Path, jobs: int) -> Sequence[int]:
    """A process that stores `jobs` results in parts of 25, and what is read of it meanwhile."""
    reader = LiveReader(folder)
    seen: list[int] = []
    with subprocess.Popen([sys.executable, str(WRITER), str(folder), str(log), str(jobs), "200", "25"]) as writer:
        is_over = False
        while not is_over:
            is_over = writer.poll() is not None
            acknowledged = log.read_bytes().count(b"\n")
            tallies = reader.read(SECOND).tallies
            found = sum(tally.results for tally in tallies.values())
            assert acknowledged <= found <= jobs
            seen.append(found)
    assert writer.returncode == 0
    return seen
