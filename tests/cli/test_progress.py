"""On a plain terminal a run says how it goes, and at its end that it has."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from rich.console import Console

from pipeline.cli.progress import Progress
from tests.support.clock import ManualClock
from tests.support.store import result


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.fixture
def progress() -> Progress:
    return Progress(ManualClock(), Console(file=io.StringIO()))


def test_the_last_line_says_that_all_is_done(progress: Progress, capsys: pytest.CaptureFixture[str]) -> None:
    progress.lane("mine", total=2, done=0)
    progress.acknowledged([result(1, model="mine")])
    assert shown(capsys) == []
    progress.acknowledged([result(2, model="mine", status="error")])
    assert [line.rpartition(", ")[2] for line in shown(capsys)] == ["finished"]


def test_a_job_that_keeps_its_row_is_done_and_costs_what_it_cost(
    progress: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.lane("mine", total=3, done=1)
    assert shown(capsys) == ["mine: continuing, 1 of 3 were answered before"]
    progress.acknowledged([result(1, model="mine", cost_usd=Decimal("0.25"))])
    progress.kept(result(2, model="mine", status="error", cost_usd=Decimal("0.5")))
    (line,) = shown(capsys)
    assert line.startswith("mine: 3/3 done, 0 in flight, ")
    assert line.endswith("$0.7500, finished")


def test_a_lane_that_is_done_says_so_once(progress: Progress, capsys: pytest.CaptureFixture[str]) -> None:
    progress.lane("mine", total=1, done=0)
    progress.acknowledged([result(1, model="mine")])
    assert len(shown(capsys)) == 1
    progress.lane("judge", total=1, done=0)
    progress.acknowledged([result(2, model="judge")])
    assert [line.partition(":")[0] for line in shown(capsys)] == ["judge"]
