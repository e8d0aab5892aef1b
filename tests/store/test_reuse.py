from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.core.records import Result
from pipeline.store.folder import create_run
from pipeline.store.reuse import EarlierAnswers, Wanted, find_earlier
from pipeline.store.run_store import RunStore
from tests.support.store import COST, RUN, STAMP, result, store_all


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "reports"


async def keep(folder: Path, *results: Result, in_journal: bool = False) -> Path:
    """A run that holds these results."""
    create_run(folder, {**RUN, "run_id": folder.name})
    with RunStore.open(folder) as store:
        named = [replace(one, run_id=folder.name) for one in results]
        assert not await store_all(store, named, [], state=None if in_journal else "complete")
    return folder


def answer(number: int, at: int = 0, **changes: object) -> Result:
    """The answer to question `number`, given `at` seconds."""
    return result(number, finished_at=STAMP + timedelta(seconds=at), **changes)


def wanted(number: int, *, repeat: int = 0, row: str | None = None) -> Wanted:
    return Wanted((result(number).fingerprint,), repeat, str(number) if row is None else row)


def taken(earlier: EarlierAnswers, *wants: Wanted) -> list[str | None]:
    """Job ids of the answers taken."""
    return [None if row is None else row["job_id"] for row in earlier.take(wants)]


async def test_an_answer_is_found_by_what_was_asked_and_given_once(home: Path) -> None:
    await keep(home / "one", *map(answer, range(50)))
    with find_earlier(home, home / "own") as earlier:
        assert len(earlier) == 50
        assert taken(earlier, *map(wanted, range(40))) == [result(number).job_id for number in range(40)]
        assert taken(earlier, wanted(3), wanted(49), wanted(99)) == [None, result(49).job_id, None]
        assert earlier.notes == []


async def test_whether_answers_are_there_for_all_is_told_without_taking_them(home: Path) -> None:
    await keep(home / "one", *map(answer, range(5)))
    with find_earlier(home, home / "own") as earlier:
        assert earlier.cover(map(wanted, range(5)))
        assert not earlier.cover([wanted(3), wanted(3)]), "each answer is one job's"
        assert not earlier.cover(map(wanted, range(6)))
        assert not earlier.cover([wanted(1), None])
        assert taken(earlier, wanted(3)) == [result(3).job_id]
        assert not earlier.cover([wanted(3)])
        assert earlier.cover([])


async def test_the_whole_row_comes_back_from_part_and_journal_alike(home: Path) -> None:
    await keep(home / "one", answer(1, cost_usd=COST))
    await keep(home / "two", answer(2, cost_usd=COST), in_journal=True)
    with find_earlier(home, home / "own") as earlier:
        first, second = earlier.take([wanted(1), wanted(2)])
    assert first is not None
    assert second is not None
    assert first.keys() == second.keys()
    assert (first["cost_usd"], second["cost_usd"]) == (COST, COST)
    assert second["finished_at"] == STAMP
    assert (first["run_id"], second["run_id"]) == ("one", "two")


async def test_the_same_row_comes_first_and_any_other_will_do(home: Path) -> None:
    same = {"fingerprint": "f" * 32}
    await keep(home / "one", *(answer(number, number, **same) for number in range(3)))
    wants = [Wanted(("f" * 32,), 0, row) for row in ("2", "new", "1", "newer")]
    with find_earlier(home, home / "own") as earlier:
        assert taken(earlier, *wants) == [result(2).job_id, result(0).job_id, result(1).job_id, None]


async def test_the_first_question_with_an_answer_counts(home: Path) -> None:
    await keep(home / "one", answer(1), answer(2))
    either = Wanted((result(9).fingerprint, result(2).fingerprint, result(1).fingerprint), 0, "1")
    with find_earlier(home, home / "own") as earlier:
        assert taken(earlier, either, either, either) == [result(2).job_id, result(1).job_id, None]


async def test_repeats_are_apart(home: Path) -> None:
    await keep(home / "one", answer(1), answer(2, fingerprint=result(1).fingerprint, repeat=1))
    with find_earlier(home, home / "own") as earlier:
        assert taken(earlier, wanted(1, repeat=1), wanted(1, repeat=2)) == [result(2).job_id, None]


async def test_only_answers_are_reused(home: Path) -> None:
    statuses = ("ok", "truncated", "refused", "empty", "error", "blocked", "skipped")
    await keep(home / "one", *(answer(number, number, status=status) for number, status in enumerate(statuses)))  # type: ignore[arg-type]
    with find_earlier(home, home / "own") as earlier:
        assert [row and row["status"] for row in earlier.take([wanted(number) for number in range(7)])] == [
            *statuses[:4], None, None, None,
        ]  # fmt: skip


async def test_a_copy_is_the_answer_that_it_is_a_copy_of(home: Path) -> None:
    await keep(home / "20260101", answer(1))
    for later in ("20260102", "20260103"):
        await keep(home / later, answer(1, source="reused", reused_from="20260101", reused_cost_usd=COST, attempts=()))
    shutil.copytree(home / "20260101", home / "20250101")
    with find_earlier(home, home / "own") as earlier:
        assert len(earlier) == 1


async def test_what_the_run_holds_already_is_used(home: Path) -> None:
    """A session that was killed took the answer of row 1 for row 2, and paid for row 3."""
    same = {"fingerprint": "f" * 32}
    await keep(home / "one", answer(1, 1, **same), answer(4, 4, **same))
    copy = answer(2, 1, source="reused", reused_from="one", cost_usd=Decimal(0), attempts=(), **same)
    await keep(home / "own", copy, answer(3, 3, **same), in_journal=True)
    shutil.copytree(home / "own", home / "copied")
    with find_earlier(home, home / "own") as earlier:
        assert taken(earlier, *(Wanted(("f" * 32,), 0, row) for row in ("1", "3"))) == [result(4).job_id, None]


async def test_no_other_run_has_nothing(home: Path) -> None:
    with find_earlier(home, home / "own") as earlier:
        assert len(earlier) == 0
    await keep(home / "own", answer(1))
    (home / "notes").mkdir()
    (home / "file").touch()
    with find_earlier(home, home / "own") as earlier:
        assert (len(earlier), taken(earlier, wanted(1)), earlier.notes) == (0, [None], [])


async def test_a_run_under_way_is_read_and_goes_on_unharmed(home: Path) -> None:
    create_run(home / "one", {**RUN, "run_id": "one"})
    with RunStore.open(home / "one", segment_rows=4) as store:
        assert not await store_all(store, [answer(number) for number in range(6)], [], state=None)
        with find_earlier(home, home / "own") as earlier:
            await store.finish("complete")
            assert list((home / "one" / "journal").iterdir()) == []
            assert taken(earlier, *map(wanted, range(6))) == [result(number).job_id for number in range(6)]
            assert earlier.notes == []


async def test_a_torn_line_and_a_bad_line_cost_their_answers_alone(home: Path) -> None:
    folder = await keep(home / "one", *map(answer, range(3)), in_journal=True)
    segment = next((folder / "journal").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b"answer 1", b"answer 7")[:-9])
    before = segment.read_bytes()
    with find_earlier(home, home / "own") as earlier:
        assert taken(earlier, *map(wanted, range(3))) == [result(0).job_id, None, None]
    assert segment.read_bytes() == before


@pytest.mark.parametrize("damage", ["flipped", "shortened", "nonsense"])
async def test_a_damaged_part_is_passed_over_with_a_note(home: Path, damage: str) -> None:
    folder = await keep(home / "one", answer(1), *map(answer, range(10, 300)))
    part = next((folder / "results").iterdir())
    data = part.read_bytes()
    flipped = data[:200] + bytes([data[200] ^ 1]) + data[201:]
    part.write_bytes({"flipped": flipped, "shortened": data[:-1], "nonsense": b"x" * len(data)}[damage])
    await keep(home / "two", answer(2))
    with find_earlier(home, home / "own") as earlier:
        assert taken(earlier, wanted(1), wanted(2)) == [None, result(2).job_id]
    assert len(earlier.notes) == 1
    assert "its answers are not reused" in earlier.notes[0]


async def test_a_part_that_vanishes_after_it_was_found_costs_its_answers_and_no_crash(home: Path) -> None:
    folder = await keep(home / "one", answer(1), answer(2))
    with find_earlier(home, home / "own") as earlier:
        next((folder / "results").iterdir()).unlink()
        assert taken(earlier, wanted(1)) == taken(earlier, wanted(2)) == [None]
    assert len(earlier.notes) == 1


async def test_nothing_behind_a_symlink_is_read(home: Path, tmp_path: Path) -> None:
    elsewhere = await keep(tmp_path / "elsewhere", answer(1))
    folder = await keep(home / "one", answer(2))
    shutil.rmtree(folder / "results")
    (folder / "results").symlink_to(elsewhere / "results")
    with find_earlier(home, home / "own") as earlier:
        assert len(earlier) == 0
    assert "symlink" in earlier.notes[0]
