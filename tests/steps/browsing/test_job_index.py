"""The viewer's index of a run: filters, orders and searches find what a plain look at every job finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.records import Result
from pipeline.steps.browsing.index import JobIndex
from pipeline.steps.browsing.query import SORTS, JobView, Query
from pipeline.steps.browsing.reader import JobReader, row_ranks
from pipeline.steps.browsing.search import TextSearch
from pipeline.store.run_store import RunStore
from tests.support.store import files_of, result, store_all
from tests.support.stored import STORED, Score, results, scores, stored_run

NOT_YET = lambda: False  # noqa: E731


@pytest.fixture(scope="module")
def made() -> list[Result]:
    return results()


@pytest.fixture
async def folder(tmp_path: Path, made: list[Result]) -> Path:
    await stored_run(tmp_path / "run", made)
    return tmp_path / "run"


@pytest.fixture
async def index(folder: Path) -> JobIndex:
    index = JobIndex(folder)
    index.refresh()
    return index


def jobs(index: JobIndex, query: Query) -> list[int]:
    """The numbers of the jobs that match, in order, as they are read back."""
    view = JobView(index)
    order = view.order(query.sort, query.scorer, lambda: row_ranks(index))
    positions = order[view.mask(query)[order]].tolist()
    return [int(sample.job_id, 16) for sample in JobReader(index, STORED).samples(positions, 1_000)]


def marks(made: list[Result]) -> dict[str, list[Score]]:
    by_job: dict[str, list[Score]] = {one.job_id: [] for one in made}
    for score in scores(made):
        by_job[score.job_id].append(score)
    return by_job


def passed(found: list[Score]) -> bool | None:
    return next((score.passed for score in found if score.scorer == "number"), None)


def grade(found: list[Score]) -> float:
    return next((score.value or 0.0 for score in found if score.scorer == "judge"), float("nan"))


Fits = Callable[[Result, list[Score]], bool]
FILTERS: list[tuple[Query, Fits]] = [
    (Query(), lambda one, found: True),
    (Query(model="haiku"), lambda one, found: one.model == "haiku"),
    (Query(status="truncated"), lambda one, found: one.status == "truncated"),
    (Query(stop="max_tokens"), lambda one, found: one.stop_reason_raw == "max_tokens"),
    (Query(status="ok", model="sonnet"), lambda one, found: (one.status, one.model) == ("ok", "sonnet")),
    (Query(outcome="failed"), lambda one, found: one.status == "error"),
    (Query(outcome="wrong"), lambda one, found: passed(found) is False),
    (Query(outcome="right"), lambda one, found: passed(found) is True),
    (Query(outcome="graded", scorer="judge"), lambda one, found: bool(found)),
    (Query(outcome="wrong", scorer="number"), lambda one, found: passed(found) is False),
    (Query(scorer="judge", low=0.5), lambda one, found: grade(found) >= 0.5),
    (Query(scorer="judge", low=0.25, high=0.5), lambda one, found: 0.25 <= grade(found) <= 0.5),
    (Query(model="nobody"), lambda one, found: False),
    (Query(outcome="unheard of"), lambda one, found: False),
]  # fmt: skip


@pytest.mark.parametrize(("query", "fits"), FILTERS)
async def test_a_filter_finds_what_a_look_at_every_job_finds(
    index: JobIndex, made: list[Result], query: Query, fits: Fits
) -> None:
    by_job = marks(made)
    expected = {number for number, one in enumerate(made) if fits(one, by_job[one.job_id])}
    found = jobs(index, query)
    assert set(found) == expected
    assert len(found) == len(expected)


async def test_rows_differ_where_one_model_is_right_and_the_other_wrong(index: JobIndex, made: list[Result]) -> None:
    by_job = marks(made)
    expected = set()
    for number in range(0, len(made), 2):
        worst = [min([grade(found), float(mark)]) for one in made[number : number + 2]
                 if (mark := passed(found := by_job[one.job_id])) is not None]  # fmt: skip
        if len(worst) == 2 and abs(worst[0] - worst[1]) >= 0.5:
            expected |= {number, number + 1}
    assert set(jobs(index, Query(differ=True))) == expected
    assert 0 < len(expected) < len(made)


@pytest.mark.parametrize("sort", SORTS)
async def test_every_order_is_of_all_jobs_and_sorted(index: JobIndex, made: list[Result], sort: str) -> None:
    by_job = marks(made)
    ordered = [made[number] for number in jobs(index, Query(sort=sort, scorer="judge"))]
    assert {one.job_id for one in ordered} == {one.job_id for one in made}
    nothing = -1.0 if sort in ("tokens", "cost", "score_high") else 9.0
    keys: dict[str, Callable[[Result], Any]] = {
        "failures": lambda one: (one.status != "error", passed(by_job[one.job_id]) or False),
        "score": lambda one: nothing if not by_job[one.job_id] else grade(by_job[one.job_id]),
        "score_high": lambda one: -(nothing if not by_job[one.job_id] else grade(by_job[one.job_id])),
        "tokens": lambda one: -((one.input_tokens or -8) + (one.output_tokens or 0)),
        "cost": lambda one: -float(one.cost_usd if one.cost_usd is not None else -1),
        "latency": lambda one: -(one.latency_ms or 0),
        "row": lambda one: int(one.row_id.removeprefix("row-")),
    }
    found = [keys[sort](one) for one in ordered]
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("answer 17:", {17}),
        ("äpfel", "answered"),
        ("OVERLOADED 1", "failed"),
        ("judge of job 22 ", {22}),
        ("What is row-7?", {14, 15}),
        ("nowhere", set()),
    ],
)
async def test_a_text_is_found_in_answers_errors_reasons_and_rows(
    index: JobIndex, made: list[Result], text: str, expected: Any
) -> None:
    if expected == "answered":
        expected = {number for number, one in enumerate(made) if one.text}
    if expected == "failed":
        expected = {number for number, one in enumerate(made) if (one.error_message or "").startswith("Overloaded 1")}
    search = TextSearch(index.folder, text)
    assert search.advance(index, np.ones(len(index), dtype=np.bool_), NOT_YET) == 1.0
    positions = np.flatnonzero(search.mask(index)).tolist()
    found = {int(sample.job_id, 16) for sample in JobReader(index, STORED).samples(positions, 1_000)}
    assert found == expected


async def test_a_search_goes_on_where_the_time_was_up(index: JobIndex) -> None:
    search, wanted = TextSearch(index.folder, "äpfel"), np.ones(len(index), dtype=np.bool_)
    reached = [search.advance(index, wanted, lambda: True)]
    assert 0 < reached[0] < 1
    while reached[-1] < 1:
        reached.append(search.advance(index, wanted, lambda: True))
        assert reached[-1] > reached[-2]
    at_once = TextSearch(index.folder, "äpfel")
    at_once.advance(index, wanted, NOT_YET)
    assert search.mask(index).any()
    assert search.mask(index).tolist() == at_once.mask(index).tolist()


async def test_a_search_looks_only_where_jobs_are_wanted(index: JobIndex) -> None:
    search = TextSearch(index.folder, "äpfel")
    assert search.advance(index, np.zeros(len(index), dtype=np.bool_), NOT_YET) == 1.0
    assert not search.mask(index).any()


async def test_a_job_is_found_with_all_of_its_row(index: JobIndex, made: list[Result]) -> None:
    position = index.find(made[31].job_id)
    assert position is not None
    samples = JobReader(index, STORED).samples(index.row_of(position).tolist(), 12)
    assert {int(sample.job_id, 16) for sample in samples} == {30, 31}
    mine = next(sample for sample in samples if int(sample.job_id, 16) == 31)
    assert mine.turns[-1].text == "Asked: what is row-15?"
    assert (mine.answer, mine.left_out["answer"]) == ((made[31].text or "")[:12], len(made[31].text or "") - 12)
    assert mine.scores[1].explanation == "The judge of"[:13] + " "
    assert index.find("0" * 31 + "z") is None


async def test_an_unfinished_run_is_read_from_its_journal_as_it_grows(tmp_path: Path, made: list[Result]) -> None:
    await stored_run(tmp_path / "run", made[:30], finished=False)
    index = JobIndex(tmp_path / "run")
    index.refresh()
    version = index.version
    assert sorted(jobs(index, Query())) == list(range(30))
    assert jobs(index, Query(status="error")) == [n for n in range(30) if made[n].status == "error"]
    index.refresh()
    assert index.version == version
    search = TextSearch(index.folder, "answer 1")
    search.advance(index, np.ones(len(index), dtype=np.bool_), NOT_YET)
    with RunStore.open(tmp_path / "run") as store:
        await store_all(store, made[30:], [], state=None)
        index.refresh()
        assert index.version > version
        assert sorted(jobs(index, Query())) == list(range(80))
        store.compact()
    index.refresh()
    assert sorted(jobs(index, Query())) == list(range(80))
    assert search.advance(index, np.ones(len(index), dtype=np.bool_), NOT_YET) == 1.0
    assert search.mask(index).sum() == sum(str(n).startswith("1") for n in range(80) if made[n].text)


async def test_a_job_that_was_answered_twice_is_shown_once(tmp_path: Path) -> None:
    await stored_run(tmp_path / "run", [result(number) for number in range(5)])
    with tampering(tmp_path / "run") as journal:
        from pipeline.store.journal import encode_record

        lines = [encode_record(replace(result(number), text="again")) for number in (2, 7, 7)]
        (journal / "00000099.jsonl").write_bytes(b"".join(lines))
    index = JobIndex(tmp_path / "run")
    index.refresh()
    assert sorted(jobs(index, Query())) == [0, 1, 2, 3, 4, 7]


@contextmanager
def tampering(folder: Path) -> Iterator[Path]:
    journal = folder / "journal"
    journal.mkdir(exist_ok=True)
    yield journal


async def test_a_damaged_part_is_named_and_the_others_are_shown(folder: Path) -> None:
    part = next((folder / "results").glob("*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2 - 2_000 : len(data) // 2] = b"\0" * 2_000
    part.write_bytes(data)
    index = JobIndex(folder)
    index.refresh()
    assert len(index) == 0
    assert [problem.split(":")[0] for problem in index.problems] == [part.name]
    assert JobView(index).mask(Query(model="x", differ=True, outcome="wrong")).size == 0


async def test_nothing_is_changed_by_looking(folder: Path) -> None:
    before = files_of(folder)
    index = JobIndex(folder)
    index.refresh()
    jobs(index, Query(sort="row"))
    TextSearch(folder, "x").advance(index, np.ones(len(index), dtype=np.bool_), NOT_YET)
    assert files_of(folder) == before
