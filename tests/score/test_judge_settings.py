"""The settings of judges: what they default to, and what is wrong with them is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import SettingsError
from pipeline.core.settings import ScorerSettings
from pipeline.score.judge import Judge, build_judge
from pipeline.score.judge_rubrics import READY


def judge(kind: str = "judge", expected: str | None = None, folder: str = ".", **options: Any) -> Judge:
    settings = ScorerSettings(kind=kind, name="it", expected=expected, options=options, folder=folder)
    return build_judge(settings)


def test_ready_rubrics_bring_their_labels_and_scales() -> None:
    correct = judge(rubric="correctness", expected="{{ answer }}")
    assert dict(correct.form.labels) == {"correct": 1.0, "partly": 0.5, "incorrect": 0.0}
    assert (correct.graded, correct.scale, correct.better, correct.worst) == (True, "share", "higher", 0.0)
    helpful = judge(rubric="helpfulness")
    assert (helpful.form.scale, helpful.scale, helpful.worst) == ((1.0, 5.0), "number", 1.0)
    assert judge(rubric="toxicity").better == "lower"
    assert judge(rubric="faithfulness", context="{{ text }}").form.lowest == 0.0
    pair = judge("pairwise", rubric="helpfulness")
    assert (pair.graded, pair.scale, pair.form.key) == (True, "share", "winner")


def test_pass_at_and_labels_of_0_and_1_make_it_pass_or_fail() -> None:
    helpful = judge(rubric="helpfulness", pass_at=4)
    assert not helpful.graded
    assert [helpful.passes(value) for value in (3.9, 4.0, 5.0)] == [False, True, True]
    assert not judge(rubric="correctness", expected="x", labels={"yes": 1, "no": 0}).graded


def test_labels_of_ones_own_are_not_explained_by_the_rubric() -> None:
    assert judge(rubric="correctness", expected="x", labels={"yes": 1, "no": 0}).own_labels
    assert not judge(rubric="helpfulness", scale=[0, 10]).own_labels


def test_a_template_of_ones_own_needs_its_scale(tmp_path: Path) -> None:
    (tmp_path / "my.jinja").write_text("{{ candidate }}")
    assert judge(template="my.jinja", scale=[0, 1], folder=str(tmp_path)).rubric == "my.jinja"
    with pytest.raises(SettingsError, match="needs scale"):
        judge(template="my.jinja", folder=str(tmp_path))
    with pytest.raises(SettingsError, match="cannot be read"):
        judge(template="other.jinja", scale=[0, 1], folder=str(tmp_path))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs one of rubric"),
        ({"rubric": "helpfulness", "template": "x"}, "needs one of rubric"),
        ({"rubric": "helpful"}, 'no ready rubric "helpful"'),
        ({"rubric": "correctness"}, "needs expected"),
        ({"rubric": "faithfulness"}, "needs context"),
        ({"rubric": "helpfulness", "scale": [5, 1]}, "low below high"),
        ({"rubric": "helpfulness", "scale": [1, 5], "labels": {"a": 0, "b": 1}}, "one of them"),
        ({"rubric": "helpfulness", "labels": {"a": 1}}, "at least two"),
        ({"rubric": "helpfulness", "labels": {"a": 1, "A": 0}}, "differ"),
        ({"rubric": "helpfulness", "pass_at": 1}, "above 1 and up to 5"),
        ({"rubric": "helpfulness", "pass_at": 6}, "above 1 and up to 5"),
        ({"rubric": "helpfulness", "judges": "opus"}, "list of texts"),
        ({"rubric": "helpfulness", "human": "labels.csv"}, "human must be"),
        ({"rubric": "helpfulness", "verdict": "guess"}, "verdict must be one of"),
        ({"rubric": "helpfulness", "longest": 0}, "whole number of characters"),
        ({"rubric": "helpfulness", "against": "base"}, 'unknown option "against"'),
        ({"rubric": "helpfulness", "pass_at": 4, "better": "lower"}, "better"),
    ],
)
def test_mistakes_are_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        judge(**options)


def test_every_ready_rubric_has_its_prompt() -> None:
    for kind, rubrics in READY.items():
        for name in rubrics:
            assert (
                "{% system %}"
                in judge(kind, rubric=name, expected="x", **({"context": "y"} if kind == "judge" else {})).template
            )
