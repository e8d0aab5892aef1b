"""The file of human labels: what it may hold, and what is wrong with it is said with its line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import DataError
from pipeline.core.settings import ScorerSettings
from pipeline.score.judge import Judge, build_judge
from pipeline.steps.judging.labels import HumanLabel, Key, key_of, labels_note, noted_labels, read_labels


def judge(folder: Path, text: str, **options: Any) -> Judge:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    options = {"rubric": "correctness", "human": {"path": "labels.csv", "id": "id"}, **options}
    return build_judge(ScorerSettings(kind="judge", name="it", expected="x", options=options, folder=str(folder)))


def label_of(labels: Mapping[Key, HumanLabel], row_id: str, model: str, prompt: str) -> HumanLabel | None:
    key = key_of(labels, row_id, model, prompt)
    return None if key is None else labels[key]


def test_the_label_that_names_most_of_an_answers_place_counts(tmp_path: Path) -> None:
    text = "id,model,prompt,label\nr1,,,correct\nr1,small,,Incorrect\nr1,small,q,partly\nr2,large,,\n"
    labels = read_labels(judge(tmp_path, text))
    assert label_of(labels, "r1", "large", "p") == HumanLabel("correct", 1.0)
    assert label_of(labels, "r1", "small", "p") == HumanLabel("incorrect", 0.0)
    assert label_of(labels, "r1", "small", "q") == HumanLabel("partly", 0.5)
    assert label_of(labels, "r2", "large", "p") is None, "not labelled yet"


def test_scores_are_read_on_the_judges_scale(tmp_path: Path) -> None:
    labels = read_labels(judge(tmp_path, "id,label\nr1,4\nr2,3.5\n", rubric="helpfulness"))
    assert label_of(labels, "r1", "m", "p") == HumanLabel("4", 4.0)
    assert label_of(labels, "r2", "m", "p") == HumanLabel("3.5", 3.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,verdict\nr1,correct\n", "no column 'label'"),
        ("id,label\n", "holds no labels"),
        ("id,label\nr1,right\n", "labels.csv:2: 'right' is none of the judge's labels"),
        ("id,label\nr1,correct\nr1,partly\n", "labels.csv:3: a second label for row 'r1'"),
    ],
)
def test_mistakes_in_the_file_are_told_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_labels(judge(tmp_path, text))


def test_scores_off_the_scale_and_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'6' is no score from 1 to 5"):
        read_labels(judge(tmp_path, "id,label\nr1,6\n", rubric="helpfulness"))
    made = judge(tmp_path, "id,label\nr1,4\n", rubric="helpfulness")
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        read_labels(made)


def test_a_run_keeps_what_the_file_said_or_why_it_said_nothing(tmp_path: Path) -> None:
    made = judge(tmp_path, "id,model,label\nr1,,correct\nr1,small,partly\n")
    read, note = read_labels(made), json.loads(json.dumps(labels_note(made)))
    (tmp_path / "labels.csv").unlink()
    assert noted_labels(made, note).found == read
    assert "cannot be read" in str(noted_labels(made, labels_note(made)).problem)


@pytest.mark.parametrize("labels", [[["r1", None, None, "right"]], [["r1"]], [3], 3, [["r1", None, None, 4]]])
def test_a_damaged_copy_is_a_problem_that_is_told(tmp_path: Path, labels: Any) -> None:
    made = judge(tmp_path, "id,label\nr1,correct\n")
    assert "damaged" in str(noted_labels(made, {"labels": labels}).problem)
