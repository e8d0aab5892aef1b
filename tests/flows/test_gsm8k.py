"""GSM8K with recorded answers: the published counts, from the dataset and over HTTP under faults."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.commands import evalmill

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
CORRECT = {"6b_finetuning": 286, "6b_verification": 515, "175b_finetuning": 458, "175b_verification": 742}
SCORER = """
[[scorers]]
kind = "number"
pattern = 'A:\\s*(.*)'
expected = "{{ ground_truth.split('A:')[-1] }}"
"""


def evaluation(folder: Path, data: Path, models: str) -> Path:
    folder.mkdir()
    (folder / "question.jinja").write_text("{{ question }}")
    (folder / "eval.toml").write_text(
        f'name = "gsm8k"\n[dataset]\npath = "{data}"\n'
        f'[[prompts]]\nname = "question"\ntemplate = "question.jinja"\n{models}{SCORER}'
    )
    return folder


@pytest.fixture(scope="module")
def solutions(shared: Path) -> Path:
    return shared / "datasets" / "gsm8k" / "example_model_solutions.jsonl"


@pytest.fixture(scope="module")
def recorded(solutions: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("recorded")
    models = "".join(
        f'[[models]]\nname = "{model}"\nid = "recorded/{model}"\nanswer = "{{{{ row[\'{model}\'].solution }}}}"\n'
        for model in MODELS
    )
    done = evalmill("run", evaluation(home / "gsm8k", solutions, models), "--out", home / "run", "--json")
    assert done.code == 0, done.err
    summary: dict[str, Any] = done.json["summary"]
    return summary


def counts(summary: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {cell["model"]: (cell["metrics"]["number"]["passed"], cell["n"]) for cell in summary["cells"]}


def test_recorded_answers_give_the_published_counts(recorded: dict[str, Any]) -> None:
    assert counts(recorded) == {model: (correct, 1319) for model, correct in CORRECT.items()}


def test_every_pair_matches_the_reference(recorded: dict[str, Any], shared: Path) -> None:
    expected = json.loads((shared / "datasets" / "expected.json").read_text())["gsm8k"]["pairs"]
    found = {f"{pair['a']['model']}->{pair['b']['model']}": pair for pair in recorded["comparisons"]}
    assert found.keys() == expected.keys()
    for name, pair in expected.items():
        assert (found[name]["gained"], found[name]["lost"]) == (pair["gained"], pair["lost"])
        assert found[name]["p"] == pytest.approx(pair["mcnemar_exact_p"], rel=1e-9)
        assert found[name]["difference"] == pytest.approx(pair["diff"], rel=1e-12)
    middle = found["6b_verification->175b_finetuning"]
    assert (middle["gained"], middle["lost"], round(middle["p"], 5)) == (152, 209, 0.00315)


def test_no_call_is_made_and_nothing_is_paid(recorded: dict[str, Any]) -> None:
    assert recorded["cost"]["total_usd"] is None
    assert all(cell["cost_usd"] is None and cell["retries"] == 0 for cell in recorded["cells"])


@pytest.mark.slow
def test_the_same_answers_over_http_under_faults_give_the_same_counts(solutions: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in solutions.read_text(encoding="utf-8").splitlines()]
    book = [
        {"question": row["question"], "model": model, "answer": row[model]["solution"]}
        for row in rows
        for model in MODELS
    ]
    pq.write_table(pa.Table.from_pylist(book), tmp_path / "book.parquet")
    models = "".join(
        f'[[models]]\nname = "{model}"\nid = "simulator/{model}"\n[models.params]\nmax_tokens = 4096\n'
        for model in MODELS
    )
    simulated = """
[simulator]
answers = "../book.parquet"
model_column = "model"
replay = true
error_rate = 0.048
rate_limited = 0.002
"""
    folder = evaluation(tmp_path / "gsm8k", solutions, models)
    with (folder / "eval.toml").open("a") as file:
        file.write(simulated)
    done = evalmill("run", folder, "--out", tmp_path / "run", "--json", timeout=300)
    assert done.code == 0, done.err
    summary = done.json["summary"]
    assert counts(summary) == {model: (correct, 1319) for model, correct in CORRECT.items()}
    results = pl.read_parquet(str(tmp_path / "run/results/*.parquet"))
    assert results.height == results["job_id"].n_unique() == 4 * 1319
    assert results["status"].unique().to_list() == ["ok"]
    statuses = Counter(attempt["http_status"] for attempts in results["attempts"] for attempt in attempts)
    assert {200, 429, 500} <= statuses.keys()
    assert statuses[200] == 4 * 1319
    assert 0.03 < 1 - statuses[200] / statuses.total() < 0.08
