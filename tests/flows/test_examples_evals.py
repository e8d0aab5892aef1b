"""The example evaluations: known keys, files that exist, prompts that hold their question word for word."""

from __future__ import annotations

import csv
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.config.tables import EvalTable
from pipeline.core.settings import DatasetSettings, GateSettings, RunSettings, SimulatorSettings
from pipeline.core.template import compile_template

ROOT = Path(__file__).resolve().parents[2]
DATASETS = ROOT / "datasets"
EVALS = ("arithmetic", "sentiment-ko")


def read_arithmetic() -> list[dict[str, Any]]:
    return pq.read_table(DATASETS / "arithmetic.parquet").to_pylist()


def read_reviews() -> list[dict[str, str]]:
    with (DATASETS / "sentiment-ko.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_eval(name: str) -> dict[str, Any]:
    text = (ROOT / "prompts" / name / "eval.toml").read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)


@pytest.mark.parametrize("name", EVALS)
def test_an_evaluation_uses_only_the_keys_of_the_settings(name: str) -> None:
    settings = read_eval(name)
    EvalTable.model_validate(settings)
    assert settings.keys() <= {
        "name",
        "description",
        "dataset",
        "prompts",
        "models",
        "run",
        "scorers",
        "gates",
        "simulator",
    }
    assert settings["dataset"].keys() <= set(DatasetSettings.__slots__) - {"limit"}
    assert settings["run"].keys() <= set(RunSettings.__slots__)
    assert settings["simulator"].keys() <= set(SimulatorSettings.__slots__)
    assert all(gate.keys() <= set(GateSettings.__slots__) for gate in settings.get("gates", []))
    assert all(prompt.keys() == {"name", "template"} for prompt in settings["prompts"])
    assert all(model.keys() <= {"name", "id", "params"} for model in settings["models"])


@pytest.mark.parametrize("name", EVALS)
def test_an_evaluation_refers_to_files_that_exist(name: str) -> None:
    settings = read_eval(name)
    folder = ROOT / "prompts" / name
    assert settings["name"] == name
    assert (folder / settings["dataset"]["path"]).is_file()
    assert (folder / settings["simulator"]["answers"]).resolve() == (folder / settings["dataset"]["path"]).resolve()
    assert {prompt["template"] for prompt in settings["prompts"]} == {path.name for path in folder.glob("*.jinja")}


@pytest.mark.parametrize("name", EVALS)
def test_gates_and_models_name_what_the_evaluation_has(name: str) -> None:
    settings = read_eval(name)
    models = {model["name"] for model in settings["models"]}
    metrics = {scorer.get("name", scorer["kind"]) for scorer in settings["scorers"]}
    assert all(model["id"] == f"simulator/sim-{model['name']}" for model in settings["models"])
    assert all(gate["metric"] in metrics and gate["model"] in models for gate in settings.get("gates", []))


class NoMedia:
    def image_source(self, value: Any) -> dict[str, Any]:
        raise AssertionError(f"the examples have no images, found {value!r}")

    def document_source(self, value: Any) -> dict[str, Any]:
        raise AssertionError(f"the examples have no documents, found {value!r}")


@pytest.mark.parametrize(("name", "column"), [("arithmetic", "question"), ("sentiment-ko", "review")])
def test_every_question_stands_verbatim_in_the_user_message_of_every_prompt(name: str, column: str) -> None:
    settings = read_eval(name)
    rows: list[dict[str, Any]] = read_arithmetic() if name == "arithmetic" else list(read_reviews())
    assert settings["simulator"]["question_column"] == column
    for prompt in settings["prompts"]:
        path = ROOT / "prompts" / name / prompt["template"]
        template = compile_template(path.read_text(encoding="utf-8"), path=str(path))
        assert template.columns <= rows[0].keys()
        for row in rows:
            rendered = template.render(row, NoMedia())
            assert [message["role"] for message in rendered.messages] == ["user"]
            assert row[column] in rendered.messages[0]["content"]
            assert isinstance(rendered.system, str)


@pytest.mark.parametrize("name", EVALS)
def test_expected_and_choices_fit_the_data(name: str) -> None:
    settings = read_eval(name)
    scorer = settings["scorers"][0]
    column = settings["simulator"]["answer_column"]
    assert scorer["expected"] == "{{ " + column + " }}"
    if scorer["kind"] == "choice":
        assert set(scorer["choices"]) == {row[column] for row in read_reviews()}


def test_no_prompt_gives_the_answer_away() -> None:
    for path in (ROOT / "prompts").glob("*/*.jinja"):
        assert not re.search(r"{{[^}]*\b(?:answer|label)\b[^}]*}}", path.read_text(encoding="utf-8")), path
