"""The kind `python`: the user's function, and everything it may do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import SettingsError
from pipeline.core.records import Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.custom import import_function, read_verdict
from pipeline.score.scorers import build_scorer
from tests.support.score import called, said, scorer

SOURCE = """
from words import GREETING

def polite(text, expected, row) -> bool:
    return GREETING in text

def share(*, text, expected, row):
    return len(text) / row["length"]

def fails(**_):
    raise KeyError("no such column")

answer = 42
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "scorers.py").write_text(SOURCE, "utf-8")
    (tmp_path / "words.py").write_text('GREETING = "hello"', "utf-8")
    return str(tmp_path)


def test_a_function_beside_the_evaluation_scores(folder: str) -> None:
    polite = scorer("python", function="scorers:polite", folder=folder, expected=None)
    assert polite.graded is False
    assert polite.score(said("hello you"), None, {}).passed is True
    assert polite.score(said("you"), None, {}).value == 0.0


def test_a_function_without_annotation_is_graded(folder: str) -> None:
    share = scorer("python", function="scorers:share", folder=folder, expected=None)
    assert share.graded is True
    verdict = share.score(said("abc"), None, {"length": 4})
    assert (verdict.value, verdict.passed) == (0.75, None)


def test_loading_leaves_the_module_path_alone(folder: str) -> None:
    before = list(sys.path)
    import_function(folder, "scorers:polite")
    assert sys.path == before


def test_two_evaluations_may_have_modules_of_one_name(tmp_path: Path) -> None:
    for name, value in (("one", "True"), ("two", "False")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.py").write_text(f"def judge(**_) -> bool:\n    return {value}\n", "utf-8")
    one, two = (scorer("python", function="own:judge", folder=str(tmp_path / name)) for name in ("one", "two"))
    assert (one.score(said(""), "", {}).passed, two.score(said(""), "", {}).passed) == (True, False)


def test_an_exception_makes_that_answer_unscored(folder: str) -> None:
    verdict = scorer("python", function="scorers:fails", folder=folder).score(said("x"), "y", {})
    assert (verdict.status, verdict.value) == ("unscored", None)
    assert verdict.explanation == "KeyError: 'no such column'"


RETURNED: list[tuple[Any, tuple[str, float | None, bool | None]]] = [
    (True, ("scored", 1.0, True)),
    (0.25, ("scored", 0.25, None)),
    (3, ("scored", 3.0, None)),
    (np.bool_(False), ("scored", 0.0, False)),
    (np.float32(0.5), ("scored", 0.5, None)),
    ("yes", ("scored", 1.0, True)),
    ("no", ("scored", 0.0, False)),
    ({"value": 0.5, "label": "half"}, ("scored", 0.5, None)),
    ({"passed": True}, ("scored", 1.0, True)),
    (Verdict(value=0.1), ("scored", 0.1, None)),
    (float("nan"), ("unscored", None, None)),
    (float("inf"), ("unscored", None, None)),
    (Verdict(value=float("nan")), ("unscored", None, None)),
    (None, ("unscored", None, None)),
    ([1], ("unscored", None, None)),
    ({"vallue": 1}, ("unscored", None, None)),
    ({"label": "x"}, ("unscored", None, None)),
    ({"value": "1"}, ("unscored", None, None)),
    ({"passed": "yes"}, ("unscored", None, None)),
]


@pytest.mark.parametrize(("returned", "expected"), RETURNED)
def test_each_return_type_has_one_meaning(returned: Any, expected: tuple[str, float | None, bool | None]) -> None:
    verdict = read_verdict(returned, "yes")
    assert (verdict.status, verdict.value, verdict.passed) == expected
    assert (verdict.explanation is not None) is (verdict.status == "unscored")


def test_a_pass_fail_function_must_not_return_values_between() -> None:
    settings = ScorerSettings(kind="python", name="s", function="m:f", options={"graded": False})
    verdict = build_scorer(settings, import_function=lambda folder, target: lambda **_: 0.5).score(said(""), None, {})
    assert verdict.status == "unscored"
    assert verdict.explanation is not None
    assert "graded = true" in verdict.explanation


MISTAKES = [
    ("scorers:polit", "did you mean polite"),
    ("scorers:answer", "no function answer"),
    ("missing:f", "there is no"),
    ("scorers", "module:function"),
    ("../evil:f", "module:function"),
    (None, "needs function"),
    ("broken:f", "SyntaxError"),
]


@pytest.mark.parametrize(("function", "message"), MISTAKES)
def test_a_function_that_cannot_be_found_is_a_settings_error(folder: str, function: str | None, message: str) -> None:
    Path(folder, "broken.py").write_text("def f(:\n", "utf-8")
    with pytest.raises(SettingsError, match=message) as raised:
        scorer("python", function=function, folder=folder)
    assert "my python" in str(raised.value)


def test_a_function_that_takes_the_answer_gets_all_of_it(tmp_path: Path) -> None:
    source = "def brief(text, expected, row, answer) -> bool:\n    return len(answer.tool_calls) == 1 and text == ''\n"
    (tmp_path / "own.py").write_text(source, "utf-8")
    brief = scorer("python", function="own:brief", folder=str(tmp_path))
    assert brief.score(called(("f", {})), None, {}).passed is True
    assert brief.score(said("f"), None, {}).passed is False


SIGNATURES: list[tuple[Any, bool]] = [
    (lambda text, expected, row: 1.0, False),
    (lambda text, expected, row, answer: 1.0, True),
    (lambda *, answer, **_: 1.0, True),
    (lambda **_: 1.0, True),
]


@pytest.mark.parametrize(("function", "takes"), SIGNATURES)
def test_the_answer_is_given_to_functions_that_name_it_or_take_anything(function: Any, takes: bool) -> None:
    settings = ScorerSettings(kind="python", name="s", function="m:f")
    built = build_scorer(settings, import_function=lambda folder, target: function)
    assert built.takes_answer is takes  # type: ignore[attr-defined]
    assert built.score(said("x"), None, {}).value == 1.0
