from __future__ import annotations

from datetime import date
from pathlib import Path

from pipeline.config.load import Overrides
from pipeline.steps.mistakes import find_mistakes, find_warnings
from pipeline.steps.prepare import prepare
from tests.support.evals import EVAL, write_eval

TODAY = date(2026, 11, 22)


def test_a_retired_and_an_unknown_model_pass_with_warnings_said_once(tmp_path: Path) -> None:
    for model, words in (
        ("claude-opus-4-1-20250805", "was to retire on 2026-08-05; its successor is claude-opus-4-8"),
        ("claude-foo", "nothing is known of claude-foo"),
    ):
        evaluation = write_eval(tmp_path / model, EVAL.replace("simulator/sim-small", f"apimart/{model}"))
        prepared = prepare(evaluation, Overrides())

        assert find_mistakes(prepared, today=TODAY) == []
        assert len([warning for warning in find_warnings(prepared, today=TODAY) if words in warning]) == 1


def test_a_template_that_cannot_be_rendered_is_a_mistake_and_no_warning(tmp_path: Path) -> None:
    text = EVAL.replace("simulator/sim-small", "apimart/claude-opus-4-1-20250805")
    prepared = prepare(write_eval(tmp_path, text, template="{{ questoin }}"), Overrides())

    assert "questoin" in str(find_mistakes(prepared, today=TODAY)[0])
    assert any("was to retire" in warning for warning in find_warnings(prepared, today=TODAY))
