"""What bad answers count as, from eval.toml to the stored scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import called, evalmill

EVAL = """\
name = "bad"

[dataset]
path = "rows.jsonl"
id = "id"

[[prompts]]
name = "p"
template = "p.jinja"

[[models]]
name = "m"
id = "recorded/m"
answer = "{{ said }}"
stop_reason = "stop"

[[scorers]]
kind = "exact"
expected = "right"
"""
ROWS = [
    {"id": "ok", "said": "right", "stop": "end_turn"},
    {"id": "truncated", "said": "right", "stop": "max_tokens"},
    {"id": "refused", "said": "right", "stop": "refusal"},
    {"id": "empty", "said": "", "stop": "end_turn"},
]


def write(folder: Path, counts: str = "", more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "eval.toml").write_text(EVAL + counts + more, "utf-8")
    (folder / "p.jinja").write_text("Say right.", "utf-8")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    return folder


def found(run: Path) -> dict[str, tuple[float | None, str]]:
    results = pl.read_parquet(str(run / "results/*.parquet")).select("job_id", "row_id")
    scores = pl.read_parquet(str(run / "scores/*.parquet")).filter(pl.col("scorer") == "exact")
    return {row["row_id"]: (row["value"], row["status"]) for row in results.join(scores, on="job_id").to_dicts()}


def noted(run: Path) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads((run / "scores/judged.json").read_text("utf-8"))["scorers"][0]
    return entry


def test_scoring_again_with_another_policy_changes_what_bad_answers_count_as(tmp_path: Path) -> None:
    run = tmp_path / "run"
    evaluation = write(tmp_path / "eval")
    assert evalmill("run", evaluation, "--out", run).code == 0
    wrong = (0.0, "scored")
    assert found(run) == {"ok": (1.0, "scored"), "truncated": wrong, "refused": wrong, "empty": wrong}

    write(evaluation, 'counts = { truncated = "scored", refused = "left_out" }\n')
    assert called("score", run).code == 0
    assert found(run) == {
        "ok": (1.0, "scored"),
        "truncated": (1.0, "scored"),
        "refused": (None, "left_out"),
        "empty": wrong,
    }
    assert noted(run)["counts"] == {
        "truncated": "scored",
        "refused": "left_out",
        "empty": "wrong",
        "error": "left_out",
        "blocked": "left_out",
        "skipped": "left_out",
    }
    metric = json.loads((run / "summary.json").read_text("utf-8"))["cells"][0]["metrics"]["exact"]
    assert (metric["mean"], metric["n"]) == (pytest.approx(2 / 3), 3)


@pytest.mark.parametrize(
    ("counts", "more", "said"),
    [
        ('counts = { truncated = "maybe" }\n', "", "'scorers[1].counts.truncated'"),
        ('counts = { error = "scored" }\n', "", "'scorers[1].counts.error'"),
        ('counts = { trunkated = "wrong" }\n', "", "did you mean 'truncated'"),
        ("", '\n[[scorers]]\nkind = "latency"\ncounts = { empty = "wrong" }\n', 'empty = "wrong" would be the value 0'),
    ],
)
def test_a_policy_that_makes_no_sense_is_told_before_anything_is_scored(
    tmp_path: Path, counts: str, more: str, said: str
) -> None:
    done = called("check", write(tmp_path / "eval", counts, more))
    assert done.code == 78
    assert said in done.err
    assert "eval.toml:" in done.err
