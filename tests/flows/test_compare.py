"""Two runs of known answers are compared: what changed is counted, shown with its rows, and never claimed too early."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from pipeline.core.errors import DataError, OutputError, UsageError
from pipeline.steps.compare import Wishes, compare
from tests.support.browser import Watched
from tests.support.commands import called
from tests.support.compare import recorded_run, rows_of

RIGHT, WRONG = "4", "5 or so"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`a` has 30 of 40 right; `worse` loses 12 of them and gains 2; `same` is `a` under another model's name."""
    base = tmp_path_factory.mktemp("compare")
    answers = {
        "a": [RIGHT] * 30 + [WRONG] * 10,
        "worse": [RIGHT] * 18 + [WRONG] * 12 + [RIGHT] * 2 + [WRONG] * 10,
        "same": [RIGHT] * 30 + [WRONG] * 10,
    }
    return {
        "a": recorded_run(base / "a", rows_of(answers["a"]), more='[statistics]\nslices = ["topic"]\n'),
        "worse": recorded_run(base / "worse", rows_of(answers["worse"]), template="Please: {{ question }}"),
        "same": recorded_run(base / "same", rows_of(answers["same"]), model="n"),
    }


def compared(*folders: Path, **wishes: Any) -> dict[str, Any]:
    return compare(folders, Wishes(**wishes))


def test_rows_are_paired_by_key_and_the_changed_ones_counted(runs: dict[str, Path]) -> None:
    pair = compared(runs["a"], runs["worse"])["pairs"][0]
    assert {name: pair["rows"][name] for name in ("common", "only_a", "only_b", "changed")} == {
        "common": 40, "only_a": 0, "only_b": 2, "changed": 0,
    }  # fmt: skip
    exact = pair["comparisons"][0]
    assert (exact["metric"], exact["n"], exact["gained"], exact["lost"]) == ("exact", 40, 2, 12)
    assert (exact["mean_a"], exact["mean_b"], exact["difference"]) == (0.75, 0.5, -0.25)
    # 2 of 14 discordant rows, two-sided exact binomial; Holm over two equal metrics doubles it
    assert exact["p"] == pytest.approx(2 * (1 + 14 + 91) / 2**14)
    assert exact["p_adjusted"] == pytest.approx(2 * exact["p"])


def test_the_changed_rows_come_with_question_answers_and_scores(runs: dict[str, Path]) -> None:
    pair = compared(runs["a"], runs["worse"])["pairs"][0]
    lost = [row for row in pair["changes"] if (row["metric"], row["change"]) == ("exact", "lower")]
    assert [row["row_id"] for row in lost] == [f"r{number}" for number in range(18, 30)]
    first = lost[0]
    assert (first["before"]["asked"], first["after"]["asked"]) == ("What is 2 and 18?", "Please: What is 2 and 18?")
    assert (first["before"]["answer"], first["after"]["answer"]) == (RIGHT, WRONG)
    assert [first[side]["scores"]["exact"]["passed"] for side in ("before", "after")] == [True, False]


def test_one_metric_alone_is_compared_where_it_is_asked_for(runs: dict[str, Path]) -> None:
    found = compared(runs["a"], runs["worse"], metrics=("contains",))
    comparisons = found["pairs"][0]["comparisons"]
    assert [entry["metric"] for entry in comparisons] == list(found["metrics"]) == ["contains"]
    assert comparisons[0]["p_adjusted"] == comparisons[0]["p"]


def test_slices_are_those_of_the_runs_and_their_p_values_are_adjusted_by_themselves(runs: dict[str, Path]) -> None:
    pair = compared(runs["a"], runs["worse"])["pairs"][0]
    slices = [(entry["metric"], entry["value"], entry["n"], entry["lost"]) for entry in pair["slices"]]
    assert slices == [("exact", "products", 20, 6), ("exact", "sums", 20, 6),
                      ("contains", "products", 20, 6), ("contains", "sums", 20, 6)]  # fmt: skip
    # 1 of 7 discordant rows, two-sided exact binomial; Holm over the four equal slices
    p = 2 * (1 + 7) / 2**7
    assert pair["slices"][0]["p_adjusted"] == pytest.approx(4 * p)
    assert compared(runs["a"], runs["worse"], slices=())["pairs"][0]["slices"] == []


def test_nothing_tested_is_not_a_pass(runs: dict[str, Path], tmp_path: Path) -> None:
    other = recorded_run(tmp_path, rows_of([RIGHT] * 3, start=100))
    done = called("compare", runs["a"], other, "--fail-on-regression")
    assert done.code == 1
    assert "The two runs have no row in common" in done.out
    assert "No row is scored in both runs." in done.out
    assert "nothing to test: no row has exact of m · plain in both runs" in done.err


def test_what_the_runs_were_told_differently_is_said(runs: dict[str, Path]) -> None:
    pair = compared(runs["a"], runs["worse"])["pairs"][0]
    found = {entry["kind"]: entry for entry in pair["differing"]}
    assert set(found) == {"template", "statistics"}
    assert found["template"]["detail"][-2:] == ["-{{ question }}", "+Please: {{ question }}"]
    assert '["topic"] in A' in found["statistics"]["text"]


def test_the_only_cells_left_are_compared_and_it_is_said(runs: dict[str, Path]) -> None:
    done = called("compare", runs["a"], runs["same"], "--out", runs["same"].parent / "c.html", "--fail-on-regression")
    assert done.code == 0, done.err
    assert "The data cannot tell B from A." in done.out
    assert "No row that both runs scored has changed." in done.out
    assert "m · plain of A is compared with n · plain of B: each run has only this one" in done.out
    assert "Model 'm' of A and 'n' of B: id recorded/m in A, recorded/n in B." in done.out


def test_a_regression_fails_only_when_asked(runs: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "there" / "page.html"
    done = called("compare", runs["a"], runs["worse"], "--out", out, "--fail-on-regression")
    assert done.code == 1
    assert "regression: exact of m · plain" in done.err
    assert "B is worse than A in all 2 comparisons." in done.out
    text = done.out.replace("\N{NO-BREAK SPACE}", " ")
    assert "2 gained, 12 lost of 40 rows" in text
    assert "r18: A right “4”; B wrong “5 or so”" in text
    assert text.strip().endswith(str(out))
    improved = called("compare", runs["worse"], runs["a"], "--out", out, "--fail-on-regression")
    assert improved.code == 0
    assert "B is better than A in all 2 comparisons." in improved.out


def test_the_page_is_written_into_the_last_run_by_default_and_json_tells_where(runs: dict[str, Path]) -> None:
    done = called("compare", runs["a"], runs["worse"], runs["same"], "--match", "m=n", "--json")
    found = done.json
    assert done.code == 0, done.err
    assert [run["letter"] for run in found["runs"]] == ["A", "B", "C"]
    assert [(pair["run"], pair["matched"][0]["how"]) for pair in found["pairs"]] == [("B", "same"), ("C", "asked")]
    assert found["page"] == str(runs["same"] / "compare-run.html")
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert page.count("<h1>") == 1
    # one family for all that is shown: two metrics in each of two pairs
    assert found["pairs"][0]["comparisons"][0]["p_adjusted"] == pytest.approx(
        4 * found["pairs"][0]["comparisons"][0]["p"]
    )
    assert called("verify", runs["same"]).code == 0


def test_an_other_content_of_the_same_keys_is_told(runs: dict[str, Path], tmp_path: Path) -> None:
    rows = rows_of([RIGHT] * 30 + [WRONG] * 10)
    rows[3]["question"], rows[7]["topic"] = "What is 2 and three?", "other"
    other = recorded_run(tmp_path, rows)
    rows_found = compared(runs["a"], other)["pairs"][0]["rows"]
    assert (rows_found["changed"], rows_found["changed_ids"]) == (2, ["r3", "r7"])


def test_answers_that_ended_in_another_way_are_counted(runs: dict[str, Path], tmp_path: Path) -> None:
    silent = recorded_run(tmp_path, rows_of([""] * 2 + [RIGHT] * 28 + [WRONG] * 10))
    pair = compared(runs["a"], silent)["pairs"][0]
    moved = [(entry["from"], entry["to"], entry["jobs"], entry["of"]) for entry in pair["endings"]]
    assert moved == [("end_turn", "empty (end_turn)", 2, 40)]
    assert pair["comparisons"][0]["lost"] == 2


@pytest.mark.parametrize(
    ("names", "wishes", "error", "words"),
    [
        (("a",), {}, UsageError, "name at least two runs"),
        (("a", "a"), {}, UsageError, "is named twice"),
        (("a", "worse"), {"slices": ("typo",)}, UsageError, "no such column; they have id, question, topic"),
        (("a", "worse"), {"match": ("m=typo",)}, UsageError, "no model or prompt is called so"),
        (("a", "worse"), {"metrics": ("typo",)}, UsageError, "are both scored by exact, contains"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    runs: dict[str, Path], names: tuple[str, ...], wishes: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        compared(*(runs[name] for name in names), **wishes)


def test_a_folder_that_is_no_run_and_a_run_without_scores_say_what_to_do(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is no run folder"):
        compared(runs["a"], tmp_path)
    copy = shutil.copytree(runs["worse"], tmp_path / "copy")
    (copy / "summary.json").unlink()
    with pytest.raises(DataError, match=r"has no summary\.json yet; run `evalmill report"):
        compared(runs["a"], copy)
    done = called("compare", runs["a"], copy)
    assert done.code == 65
    assert "Traceback" not in done.err


def test_runs_without_a_common_metric_or_cell_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(runs["same"], tmp_path / "copy")
    summary = json.loads((copy / "summary.json").read_text())
    summary["cells"] = [{**summary["cells"][0], "model": model} for model in ("x", "y")]
    (copy / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(UsageError, match="say which belong together with --match NAME=NAME"):
        compared(runs["a"], copy)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_opens_without_a_request_or_a_word_on_the_console(
    browser: Browser, runs: dict[str, Path], tmp_path: Path, width: int, scheme: str
) -> None:
    done = called("compare", runs["a"], runs["worse"], "--out", tmp_path)
    assert done.code == 0, done.err
    watched = Watched(browser, tmp_path / "compare.html", width=width, scheme=scheme)
    assert watched.complaints == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.page.locator("h1").inner_text() == "B is worse than A in all 2 comparisons."
    shown = watched.page.locator("details.changes").first
    assert shown.locator("article").count() == 12
    assert shown.locator("article").first.inner_text().startswith("r18")
    assert [side.inner_text().split("\n")[0] for side in shown.locator(".side").all()[:2]] == ["A: right", "B: wrong"]
    watched.page.close()
