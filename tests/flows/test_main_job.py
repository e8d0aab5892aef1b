"""From an evaluation to its pages, and on from where it stopped."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.core.records import Result
from pipeline.store.schema import SCORES_SCHEMA
from tests.support.commands import ROOT, evalmill
from tests.support.evals import EVAL, ROWS, write_eval


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("main") / "run"
    done = evalmill("run", "prompts/arithmetic", "--limit", 30, "--out", folder)
    assert done.code == 0, done.err
    assert "index.html" in done.out
    return folder


def test_the_run_folder_holds_what_the_documentation_says(finished_run: Path) -> None:
    names = {path.name for path in finished_run.iterdir()}
    assert {"run.json", "rows", "results", "scores", "manifest", "summary.json"} <= names
    assert {"index.html", "quality.html", "cost.html"} <= names
    assert not list((finished_run / "journal").iterdir()), "the journal is gone once compacted"


def test_results_show_every_column_once_per_job(finished_run: Path) -> None:
    results = pl.read_parquet(str(finished_run / "results/*.parquet"))
    assert results.columns == [field.name for field in dataclasses.fields(Result)]
    assert results.height == results["job_id"].n_unique() == 30 * 2 * 3
    assert results["status"].unique().to_list() == ["ok"]
    assert results.schema["cost_usd"] == pl.Decimal(38, 12)
    assert results["cost_usd"].null_count() == 0
    scores = pl.read_parquet(str(finished_run / "scores/*.parquet"))
    assert scores.columns == SCORES_SCHEMA.names
    assert set(scores["job_id"]) == set(results["job_id"])


def test_rows_are_kept_by_row_id(finished_run: Path) -> None:
    rows = pl.read_parquet(str(finished_run / "rows/*.parquet"))
    assert rows.columns == ["row_id", "id", "question", "answer", "steps", "topic"]
    assert rows["row_id"].to_list() == rows["id"].to_list()


def test_the_summary_adds_up_to_the_results(finished_run: Path) -> None:
    summary = json.loads((finished_run / "summary.json").read_text())
    results = pl.read_parquet(str(finished_run / "results/*.parquet"))
    assert summary["simulated"] is True
    assert summary["jobs"]["total"] == summary["jobs"]["ok"] == results.height
    assert summary["cost"]["total_usd"] == str(results["cost_usd"].sum().normalize())
    assert [(cell["model"], cell["prompt"]) for cell in summary["cells"]] == [
        (model, prompt) for model in ("small", "medium", "large") for prompt in ("steps", "brief")
    ]
    for cell in summary["cells"]:
        mine = results.filter((pl.col("model") == cell["model"]) & (pl.col("prompt") == cell["prompt"]))
        assert cell["tokens"]["output"] == mine["output_tokens"].sum()


def test_a_finished_run_sends_nothing_and_renders_again(finished_run: Path) -> None:
    before = {path.name: path.read_bytes() for path in (finished_run / "results").iterdir()}
    (finished_run / "index.html").unlink()
    done = evalmill("run", "prompts/arithmetic", "--limit", 30, "--out", finished_run)
    assert done.code == 0
    assert "nothing is sent" in done.err
    assert {path.name: path.read_bytes() for path in (finished_run / "results").iterdir()} == before
    assert (finished_run / "index.html").exists()


def test_verify_finds_the_run_whole_and_a_changed_part(finished_run: Path, tmp_path: Path) -> None:
    assert evalmill("verify", finished_run).code == 0
    copy = tmp_path / "copy"
    import shutil

    shutil.copytree(finished_run, copy)
    part = next((copy / "results").glob("*.parquet"))
    raw = bytearray(part.read_bytes())
    raw[len(raw) // 2] ^= 1
    part.write_bytes(raw)
    done = evalmill("verify", copy)
    assert done.code == 74
    assert part.name in done.err


def test_report_and_score_work_from_what_is_stored(finished_run: Path, tmp_path: Path) -> None:
    for page in ("index.html", "quality.html", "cost.html", "summary.json"):
        (finished_run / page).unlink()
    assert evalmill("report", finished_run).code == 0
    assert (finished_run / "cost.html").exists()
    first = json.loads((finished_run / "summary.json").read_text())

    stricter = tmp_path / "stricter"
    stricter.mkdir()
    text = (ROOT / "prompts/arithmetic/eval.toml").read_text().replace("../../", f"{ROOT}/")
    (stricter / "eval.toml").write_text(text + '\n[[scorers]]\nkind = "exact"\nexpected = "{{ answer }}"\n')
    for template in (ROOT / "prompts/arithmetic").glob("*.jinja"):
        (stricter / template.name).write_bytes(template.read_bytes())
    done = evalmill("score", finished_run, "--evaluation", stricter, "--json")
    assert done.code == 0, done.err
    metrics = done.json["summary"]["cells"][0]["metrics"]
    assert set(metrics) == {"number", "exact"}
    assert metrics["number"]["mean"] == first["cells"][0]["metrics"]["number"]["mean"]


def test_the_newest_unfinished_run_continues_without_being_named(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path / "sums", EVAL + "\n[run]\nbudget_usd = 0.00015\nconcurrency = 1\n")
    first = evalmill("run", evaluation, "--reports", tmp_path / "reports", "--json")
    assert first.code == 75, first.err
    assert "the budget of $0.00015 cannot take the next request" in first.err
    answered = first.json["summary"]["jobs"]["total"]
    assert 0 < answered < 8
    assert f"{8 - answered} jobs are left; at the cost so far they take about $0.00" in first.err
    second = evalmill("run", evaluation, "--reports", tmp_path / "reports", "--budget", "5", "--json")
    assert second.code == 0, second.err
    assert second.json["folder"] == first.json["folder"]
    assert second.json["summary"]["jobs"]["total"] == 8
    third = evalmill("run", evaluation, "--reports", tmp_path / "reports", "--budget", "5", "--json")
    assert third.json["folder"] != first.json["folder"], "a finished run is not continued"


def test_a_gate_that_fails_gives_exit_code_1(tmp_path: Path) -> None:
    gate = '\n[[gates]]\nmetric = "number"\nmin = 1.1\n'
    done = evalmill("run", write_eval(tmp_path / "sums", EVAL + gate), "--out", tmp_path / "run")
    assert done.code == 1
    assert "gate failed" in done.err


def test_a_reference_that_cannot_be_used_is_told_with_its_number_of_answers(tmp_path: Path) -> None:
    rows = [{**row, "answer": "two"} if row["id"] == "r1" else row for row in ROWS]
    done = evalmill("run", write_eval(tmp_path / "sums", rows=rows), "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert "scorer 'number': 1 answer is unscored; the first: unusable reference" in done.err


def test_the_korean_example_runs(tmp_path: Path) -> None:
    done = evalmill("run", "prompts/sentiment-ko", "--limit", 20, "--out", tmp_path / "run", "--json")
    assert done.code in (0, 1), done.err
    cells = done.json["summary"]["cells"]
    assert all(cell["metrics"]["choice"]["n"] == 20 for cell in cells)
    assert max(cell["metrics"]["choice"]["mean"] for cell in cells) > 0.6
