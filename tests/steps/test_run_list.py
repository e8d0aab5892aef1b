"""The list of runs: each with its state and headline, damaged ones named, none beyond the folder."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.steps.run_list import RunList
from pipeline.store.run_store import RunStore
from tests.support.report import make_view
from tests.support.stored import results, stored_run, summarised


@pytest.fixture
async def top(tmp_path: Path) -> Path:
    top = tmp_path / "reports"
    await stored_run(top / "sums" / "r1")
    summarised(top / "sums" / "r1", dict(make_view().summary))
    await stored_run(top / "sums" / "r2", results()[:20], finished=False)
    (top / "sums" / "r3").mkdir()
    (top / "sums" / "r3" / "run.json").write_text("{", encoding="utf-8")
    return top


async def test_runs_are_listed_with_state_headline_and_cost(top: Path) -> None:
    runs = {entry.key: entry for entry in RunList(top).entries()}
    assert list(runs) == ["sums/r1", "sums/r2", "sums/r3"]
    finished, stopped, damaged = runs.values()
    assert (finished.state, finished.jobs, finished.planned, finished.cost_usd) == ("finished", 80, 80, "2.8914")
    assert finished.measured[0].cell == "sonnet · steps"
    assert finished.measured[0].ci95 is not None
    assert finished.measured[0].mean == max(found.mean for found in finished.measured)
    known = [one.cost_usd for one in results()[:20] if one.cost_usd is not None]
    assert (stopped.state, stopped.measured, stopped.jobs, stopped.planned) == ("stopped", (), 20, 80)
    assert Decimal(stopped.cost_usd or 0) == sum(known)
    assert damaged.state == "damaged"
    assert "run.json: is not JSON" in damaged.problem


async def test_a_run_that_a_process_holds_is_running(top: Path) -> None:
    runs = RunList(top)
    with RunStore.open(top / "sums" / "r2"):
        assert [entry.state for entry in runs.entries()] == ["finished", "running", "damaged"]
    assert [entry.state for entry in runs.entries()] == ["finished", "stopped", "damaged"]


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 3}', '{"cells": [{}], "cost": {}}', "\ud800"])
async def test_a_damaged_summary_is_named_and_its_run_is_still_there(top: Path, text: str) -> None:
    (top / "sums" / "r1" / "summary.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    entry = RunList(top).entries()[0]
    assert entry.state == "finished"
    assert "summary.json is damaged" in entry.problem


async def test_a_changed_summary_is_read_again(top: Path) -> None:
    runs = RunList(top)
    assert runs.entries()[0].cost_usd == "2.8914"
    summary = dict(make_view().summary)
    summarised(top / "sums" / "r1", {**summary, "cost": {**summary["cost"], "total_usd": "17"}})
    assert runs.entries()[0].cost_usd == "17"


async def test_a_run_folder_itself_is_a_list_of_one(top: Path) -> None:
    runs = RunList(top / "sums" / "r1")
    assert [entry.key for entry in runs.entries()] == ["r1"]
    assert [folder.name for folder in runs.folders.values()] == ["r1"]


async def test_links_that_lead_out_of_the_folder_are_not_followed(top: Path, tmp_path: Path) -> None:
    await stored_run(tmp_path / "elsewhere" / "r9")
    os.symlink(tmp_path / "elsewhere", top / "elsewhere")
    os.symlink(tmp_path / "elsewhere" / "r9", top / "sums" / "r9")
    assert [entry.key for entry in RunList(top).entries()] == ["sums/r1", "sums/r2", "sums/r3"]


def test_a_folder_without_runs_has_none(tmp_path: Path) -> None:
    assert RunList(tmp_path).entries() == []
