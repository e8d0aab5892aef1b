"""`evalmill check` finds what is wrong with judges, with file and line, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.judged import CORRECT, PREFERRED, SECOND_MODEL, judge, mistakes_of

BUDGET = "\n[run]\nbudget_usd = 1.0\n"
OWN = '\n[[scorers]]\nkind = "judge"\nname = "own"\ntemplate = "own.jinja"\nscale = [0, 1]\n'
RECORDED = '\n[[judges]]\nname = "judge"\nid = "recorded/x"\nanswer = "{{ answer }}"\n'
PRICELESS = judge(model="anthropic/claude-invented-9")


@pytest.mark.parametrize(
    ("tables", "code", "said"),
    [
        ((CORRECT,), 78, "it needs a judge; there is no [[judges]] table; add one"),
        ((judge(), CORRECT + 'judges = ["opus"]\n'), 78, "there is no judge 'opus'; there are: judge"),
        ((judge(), judge(), CORRECT), 78, "the name 'judge' stands twice in [[judges]]"),
        ((judge(), CORRECT.replace("{{ answer }}", "{{ anser }}")), 65, "no column 'anser'; did you mean 'answer'?"),
        ((judge(), CORRECT.replace("correctness", "correct")), 78, 'there is no ready rubric "correct"'),
        ((judge(), CORRECT + 'template = "x.jinja"\n'), 78, "needs one of rubric"),
        ((judge(), OWN), 78, "own.jinja, which cannot be read"),
        ((judge(), CORRECT + 'human = { path = "labels.csv" }\n'), 65, "labels.csv: the human labels cannot be read"),
        ((judge(), SECOND_MODEL, PREFERRED + 'against = "lrge"\n'), 78, "no model 'lrge'; did you mean 'large'?"),
        ((PRICELESS, CORRECT, BUDGET), 78, "anthropic/claude-invented-9 has no price for input and output"),
        ((RECORDED, CORRECT), 78, "the judge 'judge' is recorded"),
        ((judge(model="nowhere/x"), CORRECT), 78, "there is no provider 'nowhere'"),
        ((judge(), CORRECT + 'scoring = "strict"\n'), 78, 'unknown option "scoring"'),
        (
            (judge(model="anthropic/claude-haiku-4-5") + "top_p = 0.5\n", CORRECT),
            78,
            "judge 'judge' (anthropic/claude-haiku-4-5)",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told(tmp_path: Path, tables: tuple[str, ...], code: int, said: str) -> None:
    found, err = mistakes_of(tmp_path / "sums", *tables)
    assert found == code, err
    assert said in " ".join(err.split())


def test_a_rubrics_unknown_names_are_told_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "sums"
    folder.mkdir()
    (folder / "own.jinja").write_text("{{ task }}\n{{ candidat }}\n{{ question }}")
    code, err = mistakes_of(folder, judge(), OWN)
    assert code == 65
    assert "own.jinja:2: no column 'candidat'" in err
    assert "own.jinja:1" not in err


def test_what_may_be_ignored_is_a_warning(tmp_path: Path) -> None:
    code, err = mistakes_of(
        tmp_path / "sums",
        judge(model="simulator/sim-small"),
        judge("idle"),
        CORRECT + 'judges = ["judge"]\n',
        PREFERRED,
    )
    assert code == 0
    said = " ".join(err.split())
    assert "judge 'judge' is the model that it judges ('small')" in said
    assert "only small runs: no pairs" in said
    assert "no scorer asks it" not in said


def test_labels_of_a_model_that_does_not_run_are_told(tmp_path: Path) -> None:
    tmp_path.joinpath("labels.csv").write_text("row_id,model,prompt,label\nr1,smal,,correct\nr2,small,plain,correct\n")
    code, said = mistakes_of(tmp_path, judge(), CORRECT + 'human = { path = "labels.csv" }\n')
    assert code == 0
    assert "human labels of a model that does not run: 'smal'; there is small" in said
    assert "of a prompt" not in said
