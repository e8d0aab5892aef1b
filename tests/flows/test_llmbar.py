"""LLMBar's recorded judges (Zeng et al. 2024) through the whole pipeline: every published statistic comes out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.stats.agreement import cohen_kappa
from tests.support.commands import evalmill

SUBSETS = ("Natural", "Adversarial/Neighbor", "Adversarial/GPTInst")
JUDGES = ("ChatGPT/Vanilla", "ChatGPT/Swap", "GPT-4/Vanilla", "GPT-4/Swap")
EVAL = """\
name = "llmbar"
[dataset]
path = "rows.parquet"
id = "id"
[[prompts]]
name = "input"
template = "input.jinja"
[[models]]
name = "1"
id = "recorded/output_1"
answer = "{{ output_1 }}"
[[models]]
name = "2"
id = "recorded/output_2"
answer = "{{ output_2 }}"
"""
JUDGE = """
[[judges]]
name = "{name}"
id = "recorded/{name}"
answer = "{{{{ row['{name} given'] if order == 'given' else row['{name} swapped'] }}}}"

[[scorers]]
kind = "pairwise"
name = "{name}"
rubric = "helpfulness"
judges = ["{name}"]
pattern = 'Output \\((a|b)\\) is better|\\AOutput \\((a|b)\\)\\s*\\Z'
"""


def rows(home: Path, subset: str) -> list[dict[str, str]]:
    """The pairs of a subset, with what each judge said in both orders; of a judge that asked itself again, the last."""
    found: list[dict[str, str]] = []
    for judge in JUDGES:
        items = json.loads((home / subset / judge / "result.json").read_text())
        found = found or [
            {"id": f"{subset} {number}", "input": item["input"], "output_1": item["output_1"]}
            | {"output_2": item["output_2"], "label": str(item["label"])}
            for number, item in enumerate(items)
        ]
        for row, item in zip(found, items, strict=True):
            said = item["results"][-1]
            row[f"{judge} given"] = said["swap = False"]["completion"][0]
            row[f"{judge} swapped"] = said["swap = True"]["completion"][0]
    return found


@pytest.fixture(scope="module")
def home(shared: Path) -> Path:
    return shared / "datasets" / "llmbar"


@pytest.fixture(scope="module")
def run(home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("llmbar")
    (folder / "input.jinja").write_text("{{ input }}")
    (folder / "eval.toml").write_text(EVAL + "".join(JUDGE.format(name=judge) for judge in JUDGES))
    pl.DataFrame([row for subset in SUBSETS for row in rows(home, subset)]).write_parquet(folder / "rows.parquet")
    done = evalmill("run", folder, "--out", folder / "run", "--json")
    assert done.code == 0, done.err
    return done.json


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("judge", JUDGES)
def test_recorded_judges_reproduce_their_published_statistics(
    run: dict[str, Any], home: Path, subset: str, judge: str
) -> None:
    folder = Path(run["folder"])
    labels = {row["id"]: row["label"] for row in rows(home, subset)}
    results = pl.read_parquet(folder / "results/*.parquet", columns=["job_id", "row_id", "model"])
    model_of = dict(results.select("job_id", "model").iter_rows())
    scores = pl.read_parquet(folder / "scores/*.parquet").filter(pl.col("scorer") == judge).join(results, on="job_id")
    counted: Counter[str] = Counter()
    winners: dict[str, dict[str, str | None]] = {"False": {}, "True": {}}
    for row_id, order, winner in verdicts(folder, judge, model_of):
        if row_id in labels:
            winners[order][row_id] = winner
            counted[f"correct_{order}"] += winner == labels[row_id]
    for row_id, model, value in scores.select("row_id", "model", "value").iter_rows():
        if labels.get(row_id) == model:
            counted["correct_both"] += value == 1.0
            counted["equal"] += value in (0.0, 1.0)
    published = json.loads((home / subset / judge / "statistics.json").read_text())
    n = len(labels)
    for name in ("correct_False", "correct_True", "correct_both", "equal"):
        assert published[name] == f"{counted[name]} / {n} = {counted[name] / n * 100}%", name
    both = [[winners[order][row_id] for row_id in labels] for order in ("False", "True")]
    if all(None not in one for one in both):  # how they count the one verdict that names no winner is not said
        assert cohen_kappa(*both).value == pytest.approx(published["kappa_agreement"], abs=1e-12)
    average = (counted["correct_False"] + counted["correct_True"]) / 2
    assert float(published["correct_average"].rstrip("%")) == pytest.approx(100 * average / n, abs=1e-9)


def verdicts(folder: Path, judge: str, model_of: dict[str, str]) -> list[tuple[str, str, str | None]]:
    """Row, whether the order was swapped, and the winning model, from the stored texts of a judge."""
    from pipeline.core.settings import ScorerSettings
    from pipeline.score.judge import build_judge

    settings = json.loads((folder / "judges/judged.json").read_text())["scorers"]
    made = build_judge(ScorerSettings(**next(one["settings"] for one in settings if one["settings"]["name"] == judge)))
    assert made.pattern is not None
    found = []
    for path in (folder / "judges").glob("*/results/*.parquet"):
        table = pl.read_parquet(path).filter(pl.col("model") == judge)
        for row_id, params, text in table.select("row_id", "params", "text").iter_rows():
            place = json.loads(params)
            shown = [model_of[place["first"]], model_of[place["second"]]]
            label = made.form.read_text(made.pattern, text).label
            winner = None if label is None else shown[("a", "b").index(label)]
            found.append((row_id, str(shown == ["2", "1"]), winner))
    return found


def test_the_summary_reports_the_same_position_consistency(run: dict[str, Any], home: Path) -> None:
    for judge in JUDGES:
        equal = sum(
            int(json.loads((home / subset / judge / "statistics.json").read_text())["equal"].split(" / ")[0])
            for subset in SUBSETS
        )
        entry = next(one for one in run["summary"]["judges"] if one["scorer"] == judge)
        assert entry["position_consistency"]["consistent"] == equal
        assert entry["position_consistency"]["pairs"] == 326 - entry["unscored"] // 2
        assert entry["cost_usd"] is None
