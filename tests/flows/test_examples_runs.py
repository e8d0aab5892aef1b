"""The examples of single features run on the simulator, and show what they are there for."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import evalmill
from tests.support.report import embedded

LIMIT = 8
METRICS = {
    "vision": {"exact"},
    "tools": {"call", "tool"},
    "extract-json": {"schema", "fields", "date"},
    "cached-prefix": {"contains"},
    "multi-turn": {"exact"},
    "judged": {"correct", "preferred"},
}


class Run:
    """What a run of an example left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = pl.read_parquet(str(folder / "results/*.parquet"))
        scores = pl.read_parquet(str(folder / "scores/*.parquet"))
        self.scores = scores.join(self.results.select("job_id", "model", "row_id"), on="job_id")
        self.summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())

    def of(self, model: str) -> pl.DataFrame:
        return self.results.filter(pl.col("model") == model)


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Runs each example once, when it is first asked for."""
    runs: dict[str, Run] = {}

    def run(name: str) -> Run:
        if name not in runs:
            folder = tmp_path_factory.mktemp(name) / "run"
            done = evalmill("run", f"prompts/{name}", "--limit", LIMIT, "--out", folder)
            assert done.code == 0, done.err
            runs[name] = Run(folder)
        return runs[name]

    return run


@pytest.mark.parametrize("name", METRICS)
def test_an_example_runs_and_every_answer_is_scored(name: str, run_of: Callable[[str], Run]) -> None:
    run = run_of(name)
    assert run.results["status"].unique().to_list() == ["ok"]
    assert set(run.scores["scorer"]) == METRICS[name]
    assert run.scores["status"].unique().to_list() == ["scored"]
    assert run.results["cost_usd"].null_count() == 0
    assert {path.name for path in run.folder.glob("*.html")} == {"index.html", "quality.html", "cost.html"}
    assert "not rendered" not in embedded(run.folder / "quality.html")


@pytest.mark.parametrize("name", METRICS)
def test_the_best_model_of_an_example_is_right_more_often_than_not(name: str, run_of: Callable[[str], Run]) -> None:
    """So the answers come from the answer book, and the scorers read them."""
    for metric in METRICS[name]:
        means = [cell["metrics"][metric]["mean"] for cell in run_of(name).summary["cells"]]
        assert max(means) > 0.5, metric


def test_pictures_are_paid_for_as_input(run_of: Callable[[str], Run]) -> None:
    assert run_of("vision").results["input_tokens"].min() > 50


def test_tools_are_called_with_input_and_judged_by_it(run_of: Callable[[str], Run]) -> None:
    run = run_of("tools")
    calls = [json.loads(text) for text in run.of("large")["tool_calls"].drop_nulls()]
    assert all(call.keys() == {"id", "name", "input"} for made in calls for call in made)
    assert {call["name"] for made in calls for call in made} <= {"get_forecast", "convert_units", "set_reminder"}
    assert max(map(len, calls)) == 2
    single = [json.loads(text) for text in run.of("large-single")["tool_calls"].drop_nulls()]
    assert max(map(len, single)) == 1
    wrong = run.scores.filter((pl.col("scorer") == "call") & (pl.col("value") == 0))
    assert wrong.height > 0
    assert wrong["explanation"].null_count() == 0


def test_structured_answers_always_follow_the_schema(run_of: Callable[[str], Run]) -> None:
    run = run_of("extract-json")
    schema = run.scores.filter((pl.col("scorer") == "schema") & (pl.col("model") == "structured"))
    assert schema["label"].to_list() == ["valid"] * LIMIT
    fields = run.scores.filter(pl.col("scorer") == "fields")
    assert fields["value"].is_between(0, 1).all()
    assert fields["explanation"].null_count() == 0


def test_the_prefix_is_written_by_the_first_requests_and_read_by_the_others(run_of: Callable[[str], Run]) -> None:
    run = run_of("cached-prefix")
    for model in ("small", "large-thinks"):
        mine = run.of(model)
        writes = mine.filter(pl.col("cache_write_5m_tokens") > 0)
        reads = mine.filter(pl.col("cache_read_tokens") > 0)
        assert 1 <= writes.height <= 2, "two requests are in flight at first"
        assert reads.height == LIMIT - writes.height
        assert mine["input_tokens"].max() < 100
        assert reads["cache_read_tokens"].min() > 4_096
        assert reads["cost_usd"].max() < writes["cost_usd"].min()
    uncached = Decimal("0.25") * run.of("small")["cache_read_tokens"].sum() / 1_000_000
    assert run.of("small")["cost_usd"].sum() < uncached


def test_thinking_is_counted_in_the_cached_example(run_of: Callable[[str], Run]) -> None:
    run = run_of("cached-prefix")
    assert run.of("large-thinks")["thinking"].null_count() == 0
    assert run.of("large-thinks")["thinking_tokens"].min() > 0
    assert run.of("small")["thinking"].null_count() == LIMIT


def test_conversations_stop_at_the_bracket_that_the_prefill_opened(run_of: Callable[[str], Run]) -> None:
    results = run_of("multi-turn").results
    assert results["stop_reason"].unique().to_list() == ["stop_sequence"]
    assert results["stop_sequence"].unique().to_list() == ["]"]
    assert not results["text"].str.contains(r"[\[\]]").any()


def test_only_streamed_answers_have_a_time_to_the_first_token(run_of: Callable[[str], Run]) -> None:
    run = run_of("multi-turn")
    streamed, whole = run.of("large-streamed"), run.of("small")
    assert whole["first_token_ms"].null_count() == LIMIT
    assert streamed["first_token_ms"].null_count() == 0
    assert (streamed["first_token_ms"] <= streamed["latency_ms"]).all()
