"""`[statistics]` from eval.toml to summary.json: recorded answers and the simulator, scored again, reported again."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as sps

from tests.support.commands import Finished, called, evalmill
from tests.support.evals import recorded_eval, sums

ROWS = 90
RECORDED = recorded_eval("recorded", a="{{ by_a }}", b="{{ by_b }}")
STATISTICS = """
[statistics]
cluster = "passage"
slices = ["row_id"]
macro = "row_id"
adjust = "benjamini_hochberg"
[[statistics.equivalence]]
a = "a"
b = "b"
margin = 0.3
"""


def write_rows(path: Path) -> list[dict[str, str]]:
    """Rows with two models' answers; the subject stands in a column that is called like the row key."""
    rng = random.Random(7)
    hard = [rng.random() for _ in range(18)]
    rows = []
    for number in range(ROWS):
        passage = rng.randrange(18)
        said = ["yes" if rng.random() < 0.35 + 0.6 * hard[passage] else "no" for _ in range(2)]
        rows.append(
            {
                "id": f"q{number}", "answer": "yes", "by_a": said[0], "by_b": said[1], "passage": f"p{passage}",
                "row_id": ("law", "art", "maths")[number % 3],
            }
        )  # fmt: skip
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, list[dict[str, str]]]:
    rows = write_rows(tmp_path / "rows.csv")
    (tmp_path / "plain.jinja").write_text("Yes or no?")
    (tmp_path / "eval.toml").write_text(RECORDED + STATISTICS)
    return tmp_path, rows


def figures(summary: dict[str, Any], model: str, metric: str = "exact") -> dict[str, Any]:
    found: dict[str, Any] = next(cell for cell in summary["cells"] if cell["model"] == model)["metrics"][metric]
    return found


def right(rows: Sequence[dict[str, str]], model: str) -> np.ndarray:  # type: ignore[type-arg]
    return np.array([float(row[f"by_{model}"] == row["answer"]) for row in rows])


def summary_of(done: Finished) -> dict[str, Any]:
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json["summary"]
    return found


def test_a_run_counts_clusters_slices_and_groups(recorded: tuple[Path, list[dict[str, str]]]) -> None:
    folder, rows = recorded
    summary = summary_of(evalmill("run", folder, "--out", folder / "run", "--json"))
    passages = [row["passage"] for row in rows]
    subjects = np.array([row["row_id"] for row in rows])
    for model in ("a", "b"):
        values, found = right(rows, model), figures(summary, model)
        fit = sm.OLS(values, np.ones(ROWS)).fit(
            cov_type="cluster", cov_kwds={"groups": np.unique(passages, return_inverse=True)[1]}
        )
        assert (found["mean"], found["se"]) == (pytest.approx(values.mean()), pytest.approx(fit.bse[0], rel=1e-9))
        assert (found["clusters"], found["interval"]) == (len(set(passages)), "clustered_t")
        means = [values[subjects == subject].mean() for subject in ("art", "law", "maths")]
        assert found["macro"]["mean"] == pytest.approx(np.mean(means))
        shown = [part["mean"] for part in summary["slices"] if part["model"] == model]
        assert shown == pytest.approx(means)
    (pair,) = summary["comparisons"]
    assert (pair["test"], pair["adjust"], pair["p"]) == ("clustered_t", "benjamini_hochberg", pair["p_adjusted"])
    (equal,) = summary["equivalence"]
    assert equal["p"] == pytest.approx(sps.t.cdf((abs(pair["difference"]) - 0.3) / pair["se"], pair["clusters"] - 1))
    assert [part["value"] for part in summary["slice_comparisons"]] == ["art", "law", "maths"]
    assert json.loads((folder / "run" / "run.json").read_text())["settings"]["statistics"]["cluster"] == "passage"


def test_scoring_again_takes_the_statistics_as_they_are_now_and_reporting_those_of_then(
    recorded: tuple[Path, list[dict[str, str]]],
) -> None:
    folder, _ = recorded
    run = folder / "run"
    first = summary_of(evalmill("run", folder, "--out", run, "--json"))
    (folder / "eval.toml").write_text(RECORDED + '\n[statistics]\ninterval = "percentile"\nslices = ["passage"]\n')
    assert summary_of(called("report", run, "--json")) == first
    changed = summary_of(called("score", run, "--json"))
    assert figures(changed, "a")["interval"] == "percentile"
    assert figures(changed, "a")["macro"] is None
    assert {part["column"] for part in changed["slices"]} == {"passage"}
    assert summary_of(called("report", run, "--json")) == changed
    (folder / "eval.toml").write_text(RECORDED)
    assert summary_of(evalmill("run", folder, "--out", run, "--json"))["slices"] == [], "the run itself is the same"


MISTAKES = [
    ('cluster = "pasage"', "cluster: there is no column 'pasage' in the dataset; did you mean 'passage'?"),
    ('slices = ["passage", "subjekt"]', "slices: there is no column 'subjekt' in the dataset"),
]


def test_a_column_that_the_dataset_does_not_have_is_named_with_its_line(
    recorded: tuple[Path, list[dict[str, str]]],
) -> None:
    folder, _ = recorded
    first = summary_of(evalmill("run", folder, "--out", folder / "run", "--json"))
    number = f"{RECORDED}\n[statistics]\n".count("\n") + 1
    for line, told in MISTAKES:
        (folder / "eval.toml").write_text(f"{RECORDED}\n[statistics]\n{line}\n")
        for verb, target in (("check", folder), ("run", folder), ("score", folder / "run")):
            done = called(verb, target)
            assert done.code == 78
            assert f"eval.toml:{number}: {told}" in done.err
    (folder / "eval.toml").write_text(RECORDED.replace("{{ answer }}", "{{ anser }}"))
    done = called("score", folder / "run")
    assert done.code == 65
    assert "no column 'anser'; did you mean 'answer'?" in done.err
    assert summary_of(called("report", folder / "run", "--json")) == first, "the scores are as they were"


def test_a_margin_that_no_difference_exceeds_is_refused(recorded: tuple[Path, list[dict[str, str]]]) -> None:
    folder, _ = recorded
    (folder / "eval.toml").write_text(RECORDED + STATISTICS.replace("margin = 0.3", "margin = 2"))
    done = called("check", folder)
    assert done.code == 78
    assert "margin is 2, and 'exact' lies between 0 and 1; two percentage points are margin = 0.02" in done.err


def test_a_column_of_lists_groups_nothing(recorded: tuple[Path, list[dict[str, str]]]) -> None:
    folder, rows = recorded
    lines = [json.dumps({**row, "tags": ["x", "y"]}) for row in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    text = RECORDED.replace("rows.csv", "rows.jsonl") + '\n[statistics]\nmacro = "tags"\n'
    (folder / "eval.toml").write_text(text)
    done = called("check", folder)
    assert done.code == 78
    assert "macro: column 'tags' holds list" in done.err


REPEATED = """
name = "repeated"
[dataset]
path = "rows.csv"
id = "id"
[[prompts]]
name = "plain"
template = "plain.jinja"
[[models]]
name = "small"
id = "simulator/sim-small"
[models.params]
temperature = 1.0
[run]
repeats = 4
[[scorers]]
kind = "number"
expected = "{{ answer }}"
[statistics]
k = [1, 2, 4]
[simulator]
seed = 3
answers = "rows.csv"
"""


def test_repeats_give_pass_at_k_and_majority(tmp_path: Path) -> None:
    rows = sums(40)
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "plain.jinja").write_text("{{ question }}")
    (tmp_path / "eval.toml").write_text(REPEATED)
    found = figures(summary_of(evalmill("run", tmp_path, "--out", tmp_path / "run", "--json")), "small", "number")
    assert (found["n"], found["scored"], found["interval"]) == (40, 160, "t")
    repeats = found["repeats"]
    assert repeats["repeats"] == 4
    assert repeats["pass_at"]["1"]["mean"] == pytest.approx(found["mean"])
    assert repeats["pass_all"]["1"]["mean"] == pytest.approx(found["mean"])
    assert repeats["pass_all"]["4"]["mean"] < repeats["pass_all"]["2"]["mean"] < found["mean"]
    assert found["mean"] < repeats["pass_at"]["2"]["mean"] < repeats["pass_at"]["4"]["mean"]
    import polars as pl

    scores = pl.read_parquet(f"{tmp_path}/run/scores/*.parquet")
    results = pl.read_parquet(f"{tmp_path}/run/results/*.parquet")
    by_row = results.join(scores, on="job_id", suffix="_score").group_by("row_id").agg(pl.col("passed").sum())
    assert repeats["pass_at"]["4"]["mean"] == pytest.approx((by_row["passed"] > 0).mean())
    assert repeats["pass_all"]["4"]["mean"] == pytest.approx((by_row["passed"] == 4).mean())
    assert 0 < repeats["consistency"] < 1
