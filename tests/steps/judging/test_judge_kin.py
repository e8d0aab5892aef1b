"""Judges that are asked about answers of their own kind."""

from __future__ import annotations

import pytest

from pipeline.core.settings import ModelSettings
from pipeline.steps.judging.kin import family, kin, kin_warnings


def model(name: str, full: str) -> ModelSettings:
    provider, _, bare = full.partition("/")
    return ModelSettings(name=name, provider=provider, model=bare)


@pytest.mark.parametrize(
    ("full", "expected"),
    [
        ("apimart/claude-sonnet-4-5-20250929", "claude"),
        ("ofox/anthropic/claude-opus-4.6", "claude"),
        ("openai/gpt-5-mini", "gpt"),
        ("openai/chatgpt-4o-latest", "gpt"),
        ("openai/o3-mini", "gpt"),
        ("local/Qwen/Qwen2.5-7B", "qwen"),
        ("recorded/gpt-4", None),
        ("simulator/sim-small", None),
    ],
)
def test_families_are_told_by_their_names_whatever_the_gateway(full: str, expected: str | None) -> None:
    assert family(model("m", full)) == expected


def test_a_judge_of_the_models_family_is_told_apart_from_the_model_itself() -> None:
    judge = model("judge", "anthropic/claude-opus-4-6")
    models = [
        model("same", "ofox/anthropic/claude-opus-4-6"),
        model("sister", "apimart/claude-sonnet-4-5"),
        model("other", "openai/gpt-5"),
    ]
    assert kin([judge], models) == [
        {"judge": "judge", "model": "same", "relation": "same model"},
        {"judge": "judge", "model": "sister", "relation": "same family"},
    ]
    assert "is the model that it judges ('same')" in kin_warnings([judge], models)[0]
    assert "is of the family of what it judges ('sister')" in kin_warnings([judge], models[1:])[0]
    assert kin_warnings([judge], models[2:]) == []
