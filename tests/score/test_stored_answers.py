"""Scorers on a stored run: what the tables hold of an answer is what a scorer gets."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from tests.support.commands import evalmill
from tests.support.evals import EVAL, write_eval

SCORER = """
[[scorers]]
kind = "python"
function = "own:price"
"""
FUNCTION = """
def price(text, expected, row, answer):
    seen = [answer.text == text, answer.tool_calls, answer.latency_ms, str(answer.cost_usd)]
    return {"value": answer.output_tokens, "explanation": repr(seen)}
"""


def test_a_function_gets_tokens_latency_and_cost_as_they_are_stored(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path / "sums", EVAL + SCORER)
    (evaluation / "own.py").write_text(FUNCTION, "utf-8")
    done = evalmill("run", evaluation, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    results = pl.read_parquet(str(tmp_path / "run/results/*.parquet"))
    scores = pl.read_parquet(str(tmp_path / "run/scores/*.parquet")).filter(pl.col("scorer") == "python")
    both = results.join(scores, on="job_id").to_dicts()
    assert len(both) == 8
    for row in both:
        assert row["value"] == row["output_tokens"]
        assert row["explanation"] == repr([True, (), row["latency_ms"], str(row["cost_usd"])])


def test_scoring_again_reads_the_stored_tool_calls(tmp_path: Path) -> None:
    tools = [{"name": "plus", "description": "What is one plus another", "input_schema": {"type": "object"}}]
    first = write_eval(
        tmp_path / "first",
        EVAL.replace("max_tokens = 64", 'max_tokens = 64\ntools = "tools.json"\ntool_choice = { type = "any" }'),
    )
    (first / "tools.json").write_text(json.dumps(tools), "utf-8")
    assert evalmill("run", first, "--out", tmp_path / "run").code == 0
    calls = pl.read_parquet(str(tmp_path / "run/results/*.parquet"))["tool_calls"].to_list()
    assert [[call["name"] for call in json.loads(made)] for made in calls] == [["plus"]] * 8

    second = write_eval(tmp_path / "second", EVAL + '\n[[scorers]]\nkind = "tool_call"\nexpected = "plus"\n')
    done = evalmill("score", tmp_path / "run", "--evaluation", second)
    assert done.code == 0, done.err
    scores = pl.read_parquet(str(tmp_path / "run/scores/*.parquet")).filter(pl.col("scorer") == "tool_call")
    assert scores["passed"].to_list() == [True] * 8
