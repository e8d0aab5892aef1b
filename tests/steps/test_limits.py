from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config.load import Overrides
from pipeline.core.records import Request
from pipeline.steps.choose import Again, begin
from pipeline.steps.limits import OtherLimits, limited, other_limits
from pipeline.steps.prepare import Prepared, prepare
from pipeline.store.folder import create_run
from tests.support.clock import ManualClock
from tests.support.evals import EVAL, write_eval
from tests.support.store import RUN

GRID = "\n[grid]\nmax_tokens = {}\ntemperature = {}\n"
OTHER_MODEL = EVAL.replace("sim-small", "sim-large")
NOW = ManualClock().now()


def prepared(tmp_path: Path, eval_toml: str) -> Prepared:
    return prepare(write_eval(tmp_path / "sums", eval_toml), Overrides())


def limits_after(tmp_path: Path, earlier: str, now: str) -> OtherLimits:
    """What a run of `now` finds after a run of `earlier`."""
    home = tmp_path / "home"
    begin(prepared(tmp_path, earlier), home / "earlier", Again(), now=NOW)
    return other_limits(home, home / "own", prepared(tmp_path, now))


def with_limit(limit: int) -> str:
    return EVAL.replace("max_tokens = 64", f"max_tokens = {limit}")


def test_the_limit_of_an_earlier_run_is_found(tmp_path: Path) -> None:
    assert limits_after(tmp_path, with_limit(9), EVAL) == {("small", "{}"): [{"max_tokens": 9}]}


def test_the_same_limit_is_no_other(tmp_path: Path) -> None:
    assert limits_after(tmp_path, EVAL, EVAL) == {}


@pytest.mark.parametrize(
    "earlier",
    [OTHER_MODEL, EVAL.replace("= 64", "= 9\ntemperature = 0.5"), EVAL + GRID.format("[9]", "[0.5]")],
)
def test_a_request_that_differs_in_more_than_its_limit_is_another(tmp_path: Path, earlier: str) -> None:
    assert limits_after(tmp_path, earlier, EVAL) == {}


def test_cells_of_a_grid_correspond_by_their_place(tmp_path: Path) -> None:
    found = limits_after(tmp_path, EVAL + GRID.format("[8, 9]", "[0.5]"), EVAL + GRID.format("[80, 90]", "[0.5]"))
    assert found == {
        ("small", '{"max_tokens":80,"temperature":0.5}'): [{"max_tokens": 8}],
        ("small", '{"max_tokens":90,"temperature":0.5}'): [{"max_tokens": 9}],
    }


def test_damaged_runs_and_the_run_itself_do_not_count(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for folder, run in (
        ("no models", {**RUN, "settings": {"grid": {}}}),
        ("models of another kind", {**RUN, "settings": {"grid": {}, "models": [1]}}),
        ("a grid of another kind", {**RUN, "settings": {"grid": [], "models": []}}),
    ):
        create_run(home / folder, run)
    begin(prepared(tmp_path, with_limit(9)), home / "own", Again(), now=NOW)
    assert other_limits(home, home / "own", prepared(tmp_path, EVAL)) == {}


def test_a_request_keeps_all_but_its_limits() -> None:
    request = Request(messages=(), params={"max_tokens": 64, "temperature": 0.5})
    assert limited(request, {"max_completion_tokens": 9}).params == {"temperature": 0.5, "max_completion_tokens": 9}
