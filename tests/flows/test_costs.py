"""Costs and reports on the command line, over real runs of simulated models: the figures are those of the summaries."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from pipeline.cost.spending import FIELDS
from tests.support.commands import ROOT, called, evalmill
from tests.support.evals import EVAL, write_eval

DOCS = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
GATED = (
    EVAL.replace('name = "sums"\n', 'name = "sums"\ntags = ["thesis", "lab"]\n', 1)
    + """
[[gates]]
metric = "number"
min = 0.999
"""
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, of which the second reuses the first one's answers."""
    home = tmp_path_factory.mktemp("home")
    evaluation = write_eval(home / "sums", GATED)
    for limit in (5, 8):
        ran = evalmill("run", evaluation, "--limit", limit, cwd=home)
        assert ran.code in (0, 1), ran.err
    return home


def runs_of(home: Path) -> list[Path]:
    return sorted(path.parent for path in (home / "reports").glob("*/*/run.json"))


def test_classes_of_tokens_and_the_rest_are_the_cost_to_the_last_digit(home: Path) -> None:
    for run in runs_of(home):
        summary = summary_of(run)
        for spent, total in [(cell, cell["cost_usd"]) for cell in summary["cells"]] + [
            (summary["cost"], summary["cost"]["total_usd"])
        ]:
            told = {name: Decimal(usd) for name, usd in spent["classes_usd"].items() if usd is not None}
            thinking = told.pop("thinking", Decimal(0))
            assert sum(told.values()) + Decimal(spent["other_usd"]) == Decimal(total)
            assert 0 <= thinking <= told["output"]
            assert told["input"] > 0
            assert Decimal(spent["other_usd"]) == 0
    first, second = (json.loads((run / "run.json").read_text())["prices"] for run in runs_of(home))
    assert first == second
    assert first[0]["price_id"].startswith("simulator/sim-small@")


def summary_of(run: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return summary


def test_the_sum_is_that_of_the_summaries_and_of_the_tables(home: Path) -> None:
    told = called("costs", home / "reports", "--by", "run", "--json").json
    summaries = [summary_of(run) for run in runs_of(home)]
    by_run = {group["run"]: group for group in told["groups"]}
    for summary in summaries:
        group = by_run[summary["run_id"]]
        assert group["cost_usd"] == summary["cost"]["total_usd"]
        assert (group["saved_usd"] or "0") == summary["cost"]["reused_saved_usd"]
        assert group["reused_jobs"] == summary["jobs"]["reused"]
    stored = pl.concat([pl.read_parquet(run / "results" / "*.parquet", columns=["cost_usd"]) for run in runs_of(home)])
    assert Decimal(told["total"]["cost_usd"]) == stored["cost_usd"].sum()
    assert told["total"]["reused_jobs"] == 5
    assert told["total"]["jobs"] == 8
    assert told["simulated"] is True


def test_the_table_says_that_the_money_is_invented(home: Path) -> None:
    told = called("costs", home / "reports", "--by", "tag")
    assert told.code == 0
    assert "invented" in told.out.splitlines()[0]
    assert re.search(r"^thesis .*\$", told.out, flags=re.MULTILINE)
    assert "counts under each of them" in told.err


def test_the_same_prices_change_nothing_and_corrected_ones_do(home: Path) -> None:
    same = called("costs", home / "reports", "--reprice", "--json").json["total"]
    assert (same["table_usd"], same["change_usd"], same["table_unpriced_jobs"]) == (same["cost_usd"], "0", 0)
    corrected = home / "corrected.toml"
    corrected.write_text("""
[[providers.simulator.prices]]
model = "sim-small"
effective = 2025-01-01
input = "0.50"
output = "2.50"
cache_read = "0.05"
cache_write_5m = "0.625"
source = "twice as much"
checked = 2025-01-01
""")
    told = called("costs", home / "reports", "--reprice", "--providers", corrected, "--json").json["total"]
    assert Decimal(told["table_usd"]) == 2 * Decimal(told["cost_usd"])
    said = called("costs", home / "reports", "--reprice", "--providers", corrected)
    assert "were last compared with their source on 2025-01-01" in said.err


def test_exports_are_complete(home: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / f"costs.{name}" for name in ("csv", "parquet", "html")}
    done = called("costs", home / "reports", *(word for name, path in files.items() for word in (f"--{name}", path)))
    assert done.code == 0, done.err
    assert [line for line in done.out.splitlines() if line.startswith(str(tmp_path))] == [
        str(files["html"]), str(files["csv"]), str(files["parquet"]),
    ]  # fmt: skip
    exact, sheet = pl.read_parquet(files["parquet"]), pl.read_csv(files["csv"], infer_schema=False)
    assert exact.columns == sheet.columns == ["day", "evaluation", "run", "judge", "model", "prompt", *FIELDS]
    assert exact["cost_usd"].sum() == sum(Decimal(cost) for cost in sheet["cost_usd"])
    assert "invented" in files["html"].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--by", "modl"], 64, "did you mean 'model'?"),
        (["--since", "yesterday"], 64, "not a day"),
        (["--since", "2026-11-02", "--until", "2026-11-01"], 64, "no day lies between them"),
        (["--as-of", "2026-01-01"], 64, "belong to --reprice"),
        (["nowhere"], 73, "there is no such folder"),
        (["--csv", "no/such/folder.csv"], 73, "cannot be written"),
    ],
)
def test_mistakes_are_said(home: Path, arguments: list[str], code: int, said: str) -> None:
    folder = [] if arguments == ["nowhere"] else [home / "reports"]
    done = called("costs", *folder, *arguments)
    assert (done.code, said in done.err) == (code, True), done.err


def test_a_folder_without_runs_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    done = called("costs", tmp_path / "reports")
    assert (done.code, done.out) == (0, "No run was found.\n")


def test_a_run_with_gates_leaves_a_file_for_the_build_server(home: Path) -> None:
    for run in runs_of(home):
        gates = summary_of(run)["gates"]
        suite = ET.parse(run / "junit.xml").getroot()[0]
        assert suite.attrib["failures"] == str(sum(not gate["passed"] for gate in gates)) == "1"


def test_reports_are_written_in_every_format_and_gates_decide_the_exit_code(home: Path) -> None:
    runs = runs_of(home)
    for run in runs:
        (run / "junit.xml").unlink()
        (run / "index.html").unlink()
    done = called("report", *runs, "--format", "md,junit,json")
    assert done.code == 1, done.err
    for run in runs:
        names = {path.name for path in run.iterdir()}
        assert {"report.md", "junit.xml", "summary.json"} <= names
        assert "index.html" not in names
        assert "**failed:**" in (run / "report.md").read_text(encoding="utf-8")
        assert str(run / "report.md") in done.out
    assert called("report", runs[0]).code == 1
    assert (runs[0] / "index.html").exists()
    wrong = called("report", runs[0], "--format", "html,pdf")
    assert (wrong.code, "'pdf' is no format" in wrong.err) == (64, True)


def test_tags_make_no_new_run(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "sums", tmp_path / "sums")
    evaluation = tmp_path / "sums" / "eval.toml"
    out = tmp_path / "run"
    assert evalmill("run", evaluation, "--out", out, cwd=tmp_path).code == 1
    evaluation.write_text(evaluation.read_text().replace('"lab"', '"other"'))
    again = evalmill("run", evaluation, "--out", out, cwd=tmp_path)
    assert "finished before, nothing is sent" in again.err


def test_models_are_listed_with_source_and_age() -> None:
    told = called("models", "anthropic")
    assert re.search(
        r"^anthropic, \d+ models: Anthropic price list.*; checked 2026-11-22, ", told.out, flags=re.MULTILINE
    )
    entries = called("models", "anthropic", "--json").json
    assert {entry["checked"] for entry in entries} == {"2026-11-22"}
    assert all(isinstance(entry["stale"], bool) for entry in entries)


def test_old_prices_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "providers.toml").write_text("""
[[providers.anthropic.prices]]
model = "claude-sonnet-4-5"
effective = 2025-09-29
input = "2"
source = "my contract"
checked = 2025-10-01
""")
    told = called("models", "anthropic", "--providers", tmp_path / "providers.toml")
    assert (
        "warning: the prices of anthropic (my contract) were last compared with their source on 2025-10-01" in told.err
    )


def test_the_commands_of_the_document_run(home: Path) -> None:
    blocks = "".join(re.findall(r"```sh\n(.*?)```", DOCS, flags=re.DOTALL))
    commands = blocks.replace("reports/arithmetic", "reports/sums").replace("prompts/arithmetic", "sums").splitlines()
    assert len(commands) >= 7
    for command in commands:
        verb, *arguments = shlex.split(command)
        assert (verb, called(*arguments, cwd=home).code) == ("evalmill", 0), command
    assert (home / "costs.html").exists()


def test_the_document_explains_every_column_and_dimension() -> None:
    assert set(re.findall(r"`(\w+)`", DOCS)) >= set(FIELDS) | {"week", "evaluation", "tag", "run", "judge"}
