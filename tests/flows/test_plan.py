"""`evalmill plan`: what a run would ask, and the rows that a difference needs, by an earlier run or by assumptions."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from statsmodels.stats.power import TTestPower

from pipeline.steps.detect import detect
from tests.support.commands import called, evalmill
from tests.support.evals import EVAL, recorded_eval, sums, write_eval

TWO = (
    EVAL
    + """
[[models]]
name = "large"
id = "simulator/sim-large"
[models.params]
max_tokens = 200
[grid]
temperature = [0.0, 0.5]
[run]
repeats = 3
"""
)


def planned(*arguments: object, cwd: Path) -> dict[str, Any]:
    done = called("plan", *arguments, "--json", cwd=cwd)
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json
    return found


def test_jobs_are_rows_by_prompts_by_cells_by_repeats(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums", TWO)
    plan = planned(folder, cwd=tmp_path)
    assert (plan["rows"], plan["jobs"]) == (8, 2 * 8 * 2 * 3)
    assert [(model["model"], model["jobs"]) for model in plan["models"]] == [("small", 48), ("large", 48)]
    assert planned(folder, "--limit", 2, "--model", "large", cwd=tmp_path)["jobs"] == 2 * 2 * 3
    assert "detect" not in plan
    assert not (tmp_path / "reports").exists(), "planning leaves nothing behind"


def test_tokens_and_cost_are_near_those_of_the_run(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums")
    (model,) = planned(folder, cwd=tmp_path)["models"]
    done = evalmill("run", folder, "--json", cwd=tmp_path)
    (cell,) = done.json["summary"]["cells"]
    assert model["input_tokens"] == pytest.approx(cell["tokens"]["input"], rel=0.35)
    assert float(cell["cost_usd"]) < float(model["most_usd"])
    output_usd = float(model["most_usd"]) - float(cell["cost_usd"])
    assert output_usd < 8 * 64 * 100e-6, "at most 64 tokens of output for each of 8 rows"


JUDGED = """
[[judges]]
name = "wise"
id = "simulator/sim-large"
[judges.params]
max_tokens = 100
[[scorers]]
kind = "judge"
rubric = "correctness"
expected = "{{ answer }}"
"""

TOLD = recorded_eval("told", always="{{ answer }}", sometimes="{{ said }}")


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Two models of which one is right on 75 % of 40 rows and the other on all."""
    folder = tmp_path / "told"
    folder.mkdir()
    rows = [{**row, "said": row["answer"] if n % 4 else "0"} for n, row in enumerate(sums(41)[1:])]
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (folder / "plain.jinja").write_text("{{ question }}")
    (folder / "eval.toml").write_text(TOLD)
    return folder


def enough(rows: int, difference: float, sd: float) -> bool:
    """Whether these rows, and no fewer, show the difference with 80 % power."""
    power = TTestPower()
    return bool(power.power(difference / sd, rows, 0.05) >= 0.8 > power.power(difference / sd, rows - 1, 0.05))


def test_without_a_run_assumptions_are_stated(tmp_path: Path) -> None:
    found = detect(tmp_path / "nowhere", 40, 0.05)
    assert (found.run, found.rows, found.difference) == (None, 40, 0.05)
    tenth = next(spread for spread in found.spreads if "10%" in spread.what)
    assert tenth.rows_needed is not None
    assert enough(tenth.rows_needed, 0.05, (0.1 - 0.05**2) ** 0.5)
    assert tenth.detectable == pytest.approx(2.8016 * (0.1 / 40) ** 0.5, rel=1e-4)
    impossible = detect(tmp_path / "nowhere", 40, 0.25).spreads[0]
    assert ("5%" in impossible.what, impossible.rows_needed) == (True, None)


def test_the_newest_finished_runs_spread_is_used(told: Path, tmp_path: Path) -> None:
    assert evalmill("run", told, cwd=tmp_path).code == 0
    found = detect(tmp_path / "reports" / "told", 40, 0.05)
    (spread,) = found.spreads
    sd = (0.25 * 0.75 * 40 / 39) ** 0.5
    assert (spread.metric, spread.what) == ("exact", "always against sometimes on 40 rows")
    assert spread.sd == pytest.approx(sd)
    assert spread.rows_needed is not None
    assert enough(spread.rows_needed, 0.05, sd)
    assert found.run is not None
    (pair,) = json.loads((found.run / "summary.json").read_text())["comparisons"]
    assert spread.detectable == pytest.approx(pair["smallest_detectable"])
    told_so = planned(told, "--detect", 0.05, cwd=tmp_path)["detect"]
    assert (told_so["run"], told_so["spreads"][0]["rows_needed"]) == (
        str(found.run.relative_to(tmp_path)),
        spread.rows_needed,
    )


def test_it_says_so_in_words(told: Path, tmp_path: Path) -> None:
    done = called("plan", told, "--detect", 0.05, cwd=tmp_path)
    assert "told: 40 rows make 80 jobs" in done.out
    assert "nothing: recorded" in done.out
    assert (
        "to see a difference of 0.05 at the 5 % level with 80 % power, assuming this about pass/fail rows:" in done.out
    )
    assert "seen with 40 rows" in done.out


@pytest.mark.parametrize("template", ["{{ question }} {% if %}", "{{ questoin }}"])
def test_a_mistake_of_the_evaluation_is_told_with_its_place(tmp_path: Path, template: str) -> None:
    done = called("plan", write_eval(tmp_path / "sums", template=template), cwd=tmp_path)
    assert done.code == 65
    assert "plain.jinja:1" in done.err
    assert "Traceback" not in done.err


def test_a_difference_that_shares_cannot_have_is_refused(told: Path, tmp_path: Path) -> None:
    done = called("plan", told, "--detect", 1.5, cwd=tmp_path)
    assert (done.code, done.out) == (64, "")
    assert "shares of passed rows differ by at most 1" in done.err
    assert evalmill("run", told, cwd=tmp_path).code == 0
    assert called("plan", told, "--detect", 1.5, cwd=tmp_path).code == 64
    assert called("plan", told, "--detect", 1, cwd=tmp_path).code == 0


def test_a_graded_metric_may_differ_by_more_than_one(told: Path, tmp_path: Path) -> None:
    (told / "eval.toml").write_text(TOLD.replace('"exact"', '"f1"'))
    assert evalmill("run", told, cwd=tmp_path).code == 0
    assert called("plan", told, "--detect", 1.5, cwd=tmp_path).code == 0


@pytest.mark.parametrize("difference", ["0", "nan"])
def test_no_rows_are_needed_for_no_difference(told: Path, tmp_path: Path, difference: str) -> None:
    done = called("plan", told, f"--detect={difference}", cwd=tmp_path)
    assert done.code == 64
    assert "name a difference above 0" in done.err


def test_what_earlier_runs_have_answered_is_reused_and_told_apart(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums")
    assert evalmill("run", folder, "--limit", 5, cwd=tmp_path).code == 0
    plan = planned(folder, cwd=tmp_path)
    assert (plan["jobs"], plan["to_send"]["likely"], plan["reused"]["likely"]) == (8, 3, 5)
    said = called("plan", folder, cwd=tmp_path)
    assert "8 rows make 8 jobs, 5 of them reused" in said.out
    (run,) = (tmp_path / "reports" / "sums").iterdir()
    assert f"small: output length: 5 answers in run {run.name}" in said.err


def test_where_every_answer_is_there_a_plan_says_so_and_names_no_cost_or_time(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums")
    assert evalmill("run", folder, cwd=tmp_path).code == 0
    done = evalmill("plan", folder, cwd=tmp_path)
    assert "in all: nothing to send: every answer is there" in done.out
    assert "ms" not in done.out.replace("sums", "")
    assert done.err == ""


def test_the_money_of_simulated_models_is_said_to_be_invented(tmp_path: Path) -> None:
    assert "invented money" in evalmill("plan", write_eval(tmp_path / "sums"), cwd=tmp_path).err
    real = write_eval(tmp_path / "real", EVAL.replace("simulator/sim-small", "openai/gpt-5-mini"))
    done = evalmill("plan", real, cwd=tmp_path)
    assert (done.code, "invented" in done.err) == (0, False)


def test_of_an_unfinished_run_only_what_is_open_counts(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums", EVAL + "[run]\nbudget_usd = 0.00015\nconcurrency = 1\n")
    assert evalmill("run", folder, cwd=tmp_path).code == 75
    done = [json.loads(path.read_text())["jobs"]["total"] for path in tmp_path.glob("reports/sums/*/summary.json")]
    (model,) = planned(folder, cwd=tmp_path)["models"]
    assert 0 < done[0] < 8
    assert (model["to_send"]["likely"], model["reused"]["likely"]) == (8 - done[0], 0)


def test_without_earlier_answers_the_interval_goes_up_to_max_tokens_and_the_time_is_unknown(tmp_path: Path) -> None:
    (model,) = planned(write_eval(tmp_path / "sums"), cwd=tmp_path)["models"]
    assert model["output"] == {"low": 8, "likely": None, "high": 8 * 64}
    assert model["input"]["low"] < model["input"]["likely"] < model["input"]["high"]
    assert model["usd"]["likely"] is None
    assert float(model["usd"]["low"]) < float(model["most_usd"])
    assert model["seconds"] == {"low": 0.0, "likely": None, "high": None}


def test_an_earlier_run_of_another_evaluation_tells_how_far_off_the_estimate_is(tmp_path: Path) -> None:
    assert evalmill("run", write_eval(tmp_path / "sums"), cwd=tmp_path).code == 0
    other = write_eval(tmp_path / "other", EVAL.replace('"sums"', '"other"'), template="Say it: {{ question }}")
    (model,) = planned(other, cwd=tmp_path)["models"]
    assert any("held against 8 requests" in words and "other prompts" in words for words in model["basis"])
    assert evalmill("run", other, cwd=tmp_path).code == 0
    (cell,) = json.loads(next(tmp_path.glob("reports/other/*/summary.json")).read_text())["cells"]
    assert model["input"]["low"] <= cell["tokens"]["input"] <= model["input"]["high"]


def test_a_provider_that_counts_is_asked_and_the_requests_are_told(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums", rows=sums(40))
    done = called("plan", folder, "--count-tokens", "--json", cwd=tmp_path)
    (model,) = done.json["models"]
    assert "20 requests were sent to count_tokens, which is free" in done.json["notes"]
    assert "input tokens: count_tokens of 20 requests" in model["basis"]
    assert evalmill("run", folder, cwd=tmp_path).code == 0
    (cell,) = json.loads(next(tmp_path.glob("reports/sums/*/summary.json")).read_text())["cells"]
    assert model["input"]["low"] <= cell["tokens"]["input"] <= model["input"]["high"]


def test_a_provider_that_cannot_count_is_named_and_its_input_estimated(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums", EVAL.replace("simulator/sim-small", "openai/gpt-5-mini"))
    done = called("plan", folder, "--count-tokens", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "small: openai has no count_tokens; its input is estimated" in done.err
    assert "0 requests were sent to count_tokens" in done.err


def test_counting_needs_the_key(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums", EVAL.replace("simulator/sim-small", "anthropic/claude-haiku-4-5"))
    done = called("plan", folder, "--count-tokens", cwd=tmp_path)
    assert done.code == 78
    assert "ANTHROPIC_API_KEY" in done.err


def test_judges_are_planned_beside_the_models(tmp_path: Path) -> None:
    judged = EVAL + JUDGED
    folder = write_eval(tmp_path / "sums", judged)
    (judge,) = planned(folder, cwd=tmp_path)["judges"]
    assert (judge["to_send"]["likely"], judge["output"]["high"]) == (8, 8 * 100)
    assert evalmill("run", folder, "--limit", 4, cwd=tmp_path).code == 0
    (judge,) = planned(folder, cwd=tmp_path)["judges"]
    assert judge["to_send"] == {"low": 4, "likely": 4, "high": 8}
    assert judge["basis"] == ["judge: 4 earlier verdicts"]
    assert "in all: 4 jobs and about 4 (4–8) verdicts to send: $" in evalmill("plan", folder, cwd=tmp_path).out
