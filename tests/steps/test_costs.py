"""What runs spent is read from their stored results, each job once; what cannot be read is named."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import OutputError
from pipeline.core.settings import Price
from pipeline.cost.spending import Ledger, Spend, grouped, total
from pipeline.steps.costs import Repricing, read_costs
from pipeline.store.run_store import RunStore
from tests.support.costs import MODEL, attempt, paid, run_json, taken, unanswered, write_run
from tests.support.store import COST, files_of, store_all

VARIED = [
    paid(0, "0.25", cache_read_tokens=7, thinking_tokens=3),
    paid(1, "0.30", attempt("0.05"), model="haiku", model_requested="claude-haiku-4-5-20251001"),
    paid(2, None, cache_write_1h_tokens=5),
    paid(3, "0.000000000001", usage_source="estimated"),
    unanswered(4, attempt("0.02"), attempt()),
    unanswered(5, attempt(possibly_paid=True, booked="0.5"), attempt("0.1", possibly_paid=True, booked="0.3")),
    unanswered(6),
    taken(7, "0.4"),
    taken(8, None),
    paid(9, None, provider="recorded", model="old", model_requested="old", attempts=()),
]


def spent(ledger: Ledger) -> Spend:
    return total(ledger.entries)


async def test_the_sums_are_those_of_the_stored_rows(tmp_path: Path) -> None:
    folder = await write_run(tmp_path / "r1", VARIED)
    rows = pq.read_table(folder / "results").to_pylist()
    spend = spent(read_costs(tmp_path))
    assert spend.cost_usd == sum(row["cost_usd"] or 0 for row in rows) == Decimal("0.670000000001")
    assert spend.saved_usd == sum(row["reused_cost_usd"] or 0 for row in rows) == Decimal("0.4")
    assert spend.retries == sum(max(0, len(row["attempts"]) - 1) for row in rows) == 3
    assert (spend.unpriced_jobs, spend.wasted_usd) == (1, Decimal("0.17"))
    assert (spend.jobs, spend.failed, spend.reused_jobs, spend.recorded_jobs) == (7, 3, 2, 1)
    assert (spend.input_tokens, spend.output_tokens) == (400, 160)
    assert (spend.cache_read_tokens, spend.cache_write_tokens, spend.thinking_tokens) == (7, 5, 3)
    assert (spend.estimated_jobs, spend.estimated_usd) == (1, Decimal("0.000000000001"))
    assert (spend.possibly_paid, spend.possibly_paid_usd) == (2, Decimal("0.7"))


async def test_an_answer_counts_once_where_it_was_paid_on_the_day_it_arrived(tmp_path: Path) -> None:
    await write_run(tmp_path / "a" / "r1", [paid(0, "1"), paid(1, "2", days=1)])
    later = run_json("r2", created_at="2026-12-24T00:30:00+09:00")
    await write_run(tmp_path / "a" / "r2", [taken(0, "1"), taken(1, "2")], run=later)
    ledger = read_costs(tmp_path)
    days = {group.key[0]: (group.spend.cost_usd, group.spend.saved_usd) for group in grouped(ledger.entries, ["day"])}
    assert days == {"2026-11-22": (1, None), "2026-11-23": (2, None), "2026-12-23": (0, 3)}
    assert spent(ledger).input_tokens == 200


async def test_an_unfinished_run_counts_with_its_journal_and_what_is_at_stake(tmp_path: Path) -> None:
    folder = await write_run(tmp_path / "r1", [paid(0, "1"), paid(1, "2")], state=None)
    with RunStore.open(folder) as store:
        await store_all(store, [paid(2, "4")], [], state=None)
        store.put_start("lost", COST, "m/00000")
        store.put_start("taken back", Decimal(0), "m/00000")
    before = files_of(folder)
    ledger = read_costs(tmp_path)
    assert spent(ledger).cost_usd == 7
    (run,) = ledger.runs
    assert (run.state, run.unanswered, run.unanswered_usd) == ("unfinished", 1, COST)
    assert files_of(folder) == before


async def test_a_job_asked_again_is_one_job_that_cost_both_times(tmp_path: Path) -> None:
    first = unanswered(0, attempt("0.2"))
    folder = await write_run(tmp_path / "r1", [first, paid(1, "1")])
    with RunStore.open(folder) as store:
        store.redo(("error",))
        await store_all(store, [paid(0, "4")], [], state=None)
        going = spent(read_costs(tmp_path))
    RunStore.open(folder).close()
    with RunStore.open(folder) as store:
        store.compact()
    done = spent(read_costs(tmp_path))
    assert going == done
    assert (done.jobs, done.cost_usd, done.retries, done.wasted_usd) == (2, Decimal("5.2"), 1, Decimal("0.2"))


async def test_judges_are_part_of_the_total_and_named(tmp_path: Path) -> None:
    judges = {"rubric": [paid(0, "3", model="judge")], "pairs": [paid(0, "5", model="judge")]}
    await write_run(tmp_path / "r1", [paid(0, "1")], judges=judges)
    ledger = read_costs(tmp_path)
    assert len(ledger.runs) == 1
    assert (spent(ledger).cost_usd, spent(ledger).judges_usd) == (9, 8)
    named = {group.key[0]: group.spend.cost_usd for group in grouped(ledger.entries, ["judge"])}
    assert named == {"judge pairs": 5, "judge rubric": 3, "answers": 1}


async def test_the_simulators_money_is_apart_even_within_a_run(tmp_path: Path) -> None:
    mixed = run_json("r1", simulated=True, settings={"models": [{"provider": "simulator"}, {"provider": "lab"}]})
    results = [paid(0, "1", provider="simulator"), paid(1, "2", provider="lab")]
    await write_run(tmp_path / "r1", results, run=mixed)
    ledger = read_costs(tmp_path)
    assert spent(ledger.only(simulated=False)).cost_usd == 2
    assert spent(ledger.only(simulated=True)).cost_usd == 1
    assert not ledger.runs[0].simulated


async def test_a_damaged_run_is_named_and_left_out_as_a_whole(tmp_path: Path) -> None:
    for name in ("good", "flipped", "short", "bare", "no-json", "old"):
        await write_run(tmp_path / name, [paid(0, "1")], judges={"rubric": [paid(0, "1")]})
    part = next((tmp_path / "flipped" / "results").glob("*.parquet"))
    data = bytearray(part.read_bytes())
    chunks = pq.read_metadata(part).row_group(0)
    costs = next(column for column in map(chunks.column, range(60)) if column.path_in_schema == "cost_usd")
    data[costs.data_page_offset + 40] ^= 255
    part.write_bytes(data)
    judged = next((tmp_path / "short" / "judges" / "rubric" / "results").glob("*.parquet"))
    judged.write_bytes(judged.read_bytes()[:-100])
    shutil.rmtree(tmp_path / "bare" / "manifest")
    (tmp_path / "no-json" / "run.json").write_text("{")
    (tmp_path / "old" / "run.json").write_text('{"schema": 1, "settings": {"models": 3}, "dataset": {}}')
    ledger = read_costs(tmp_path)
    assert [run.run for run in ledger.runs] == ["good"]
    assert spent(ledger).cost_usd == 2
    reasons = {Path(one.folder).name: one.reason for one in ledger.skipped}
    assert set(reasons) == {"flipped", "short", "bare", "no-json", "old"}
    assert "is not JSON" in reasons["no-json"]
    assert "no manifest" in reasons["bare"]
    assert all("evalmill verify" in reasons[name] for name in ("flipped", "short", "bare"))
    assert all(one.damaged for one in ledger.skipped)


async def test_foreign_folders_links_and_copies_are_named_and_not_counted(tmp_path: Path) -> None:
    run = await write_run(tmp_path / "deep" / "er" / "r1", [paid(0, "1")])
    shutil.copytree(run, tmp_path / "backup" / "r1")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "costs.html").write_text("x")
    (tmp_path / "link").symlink_to(run)
    ledger = read_costs(tmp_path)
    assert spent(ledger).cost_usd == 1
    reasons = {str(Path(one.folder).relative_to(tmp_path)): one.reason for one in ledger.skipped}
    assert reasons["notes"] == "holds files and no run"
    assert "link" in reasons["link"]
    (copy,) = reasons.keys() - {"notes", "link"}
    assert "is a copy of" in reasons[copy]
    assert not any(one.damaged for one in ledger.skipped)


async def test_folders_of_strangers_neither_hang_nor_break_the_sum(tmp_path: Path) -> None:
    odd: dict[str, dict[str, Any]] = {
        "models": {"settings": {"models": [3]}}, "tags": {"settings": {"tags": 3}}, "when": {"created_at": "yesterday"},
        "name": {"run_id": 3}, "deep": {"settings": {"models": [{"provider": {"a": []}}]}},
    }  # fmt: skip
    for name, changes in odd.items():
        await write_run(tmp_path / name, [paid(0, "1")], run={**run_json(name), **changes})
    await write_run(tmp_path / "nameless", [replace(paid(0, "2"), provider=None, prompt=None)])  # type: ignore[arg-type]
    pipe = await write_run(tmp_path / "pipe", [paid(0, "4")])
    for name in ("lock", "journal/00000099.jsonl"):
        (pipe / name).parent.mkdir(exist_ok=True)
        (pipe / name).unlink(missing_ok=True)
        os.mkfifo(pipe / name)
    ledger = read_costs(tmp_path)
    assert {Path(one.folder).name for one in ledger.skipped} == {"models", "tags", "when", "name"}
    assert spent(ledger).cost_usd == 7
    assert len(grouped(ledger.entries, ["model", "prompt", "provider"])) == 2


async def test_two_runs_that_say_the_same_of_themselves_are_two(tmp_path: Path) -> None:
    for name, cost in (("a", "1"), ("b", "2")):
        await write_run(tmp_path / name / "same", [paid(0, cost)], run=run_json("same"))
    ledger = read_costs(tmp_path)
    assert (spent(ledger).cost_usd, ledger.skipped) == (3, ())


async def test_one_run_can_be_named_and_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = await write_run(tmp_path / "r1", [paid(0, "1")])
    assert spent(read_costs(folder)).cost_usd == 1
    (tmp_path / "none").mkdir()
    assert read_costs(tmp_path / "none") == Ledger(folder=str(tmp_path / "none"))
    with pytest.raises(OutputError, match="there is no such folder"):
        read_costs(tmp_path / "nowhere")


def prices(*rates: tuple[str, str, date], model: str = MODEL) -> dict[str, list[Price]]:
    return {
        "apimart": [
            Price(provider="apimart", model=model, effective=day, source="s", input=Decimal(one), output=Decimal(two))
            for one, two, day in rates
        ]
    }


OLD, NEW = ("3", "15", date(2025, 1, 1)), ("6", "30", date(2026, 12, 1))
ANSWER = "0.0009"
"""Of 100 tokens of input and 40 of output at the old price."""


async def test_the_same_table_changes_nothing_and_a_later_day_doubles(tmp_path: Path) -> None:
    await write_run(tmp_path / "r1", [paid(0, ANSWER), paid(1, ANSWER), taken(2, ANSWER)])
    table = prices(OLD, NEW)
    same = spent(read_costs(tmp_path, Repricing(table)))
    assert (same.table_usd, same.change_usd, same.table_unpriced_jobs) == (same.cost_usd, 0, 0)
    later = spent(read_costs(tmp_path, Repricing(table, date(2026, 12, 24))))
    assert (later.cost_usd, later.table_usd, later.change_usd) == (
        Decimal("0.0018"),
        Decimal("0.0036"),
        Decimal("0.0018"),
    )


async def test_attempts_without_a_result_keep_their_recorded_cost(tmp_path: Path) -> None:
    results = [paid(0, "0.0109", attempt("0.01")), unanswered(1, attempt("0.5"))]
    await write_run(tmp_path / "r1", results)
    spend = spent(read_costs(tmp_path, Repricing(prices(NEW), date(2026, 12, 1))))
    assert (spend.table_usd, spend.kept_usd, spend.change_usd) == (
        Decimal("0.5118"),
        Decimal("0.51"),
        Decimal("0.0009"),
    )


async def test_jobs_gain_and_lose_a_price_without_spoiling_the_change(tmp_path: Path) -> None:
    other = {"model_requested": "elsewhere"}
    results = [paid(0, ANSWER), paid(1, None), paid(2, "1", **other), paid(3, None, **other)]
    await write_run(tmp_path / "r1", results)
    spend = spent(read_costs(tmp_path, Repricing(prices(OLD))))
    assert (spend.unpriced_jobs, spend.table_unpriced_jobs) == (2, 2)
    assert (spend.cost_usd, spend.table_usd, spend.change_usd) == (Decimal("1.0009"), Decimal("0.0018"), 0)


async def test_repricing_leaves_every_byte_as_it_was(tmp_path: Path) -> None:
    folder = await write_run(tmp_path / "r1", VARIED)
    before = files_of(folder)
    read_costs(tmp_path, Repricing(prices(OLD)))
    assert files_of(folder) == before


async def test_parts_of_before_attempts_were_booked_are_read(tmp_path: Path) -> None:
    booked = unanswered(0, replace(attempt(possibly_paid=True), booked_usd=None))
    await write_run(tmp_path / "r1", [booked])
    spend = spent(read_costs(tmp_path))
    assert (spend.unpriced_jobs, spend.possibly_paid, spend.possibly_paid_usd) == (1, 1, None)
