from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipeline.core.records import Request
from pipeline.providers.cautions import cautions
from tests.support.providers import provider

TODAY = date(2026, 11, 22)
MARK = {"cache_control": {"type": "ephemeral"}}


def about(
    name: str, model: str, params: dict[str, Any] | None = None, *, content: Any = "hi", system: Any = None
) -> list[str]:
    request = Request(messages=({"role": "user", "content": content},), system=system, params=params or {})
    return cautions(request, provider=provider(name), model=model, today=TODAY)


def test_an_unknown_model_passes_with_a_warning() -> None:
    (found,) = about("apimart", "claude-foo")

    assert "nothing is known of claude-foo" in found
    assert about("simulator", "claude-foo") == about("recorded", "claude-foo") == []


@pytest.mark.parametrize("name", ["apimart", "simulator"])
@pytest.mark.parametrize(
    ("written", "meant"),
    [("max_tokns", "max_tokens"), ("temprature", "temperature"), ("stop_sequence", "stop_sequences")],
)
def test_a_parameter_that_looks_misspelt_is_warned_of(name: str, written: str, meant: str) -> None:
    (found,) = about(name, "claude-haiku-4-5-20251001", {written: 1})

    assert found == f"{written!r} is sent as it stands, and no parameter is known by that name; did you mean {meant!r}?"


@pytest.mark.parametrize("name", ["seed", "speed", "top_p", "stop", "repetition_penalty", "min_p", "provider", "top_a"])
def test_a_parameter_of_another_name_passes_in_silence(name: str) -> None:
    assert about("apimart", "claude-haiku-4-5-20251001", {name: 1}) == []


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("claude-opus-4-1-20250805", "was to retire on 2026-08-05; its successor is claude-opus-4-8"),
        ("claude-sonnet-4-5-20250929", "retires on 2026-11-30; its successor is claude-sonnet-4-6"),
        ("gpt-4.1", "retires on 2027-01-14"),
    ],
)
def test_a_model_that_retires_soon_or_did_is_named_with_its_successor(model: str, words: str) -> None:
    found = cautions(None, provider=provider("anthropic"), model=model, today=TODAY)

    assert found == [f"{model} {words}"]


def test_a_model_that_retires_late_or_never_is_fine() -> None:
    early = date(2026, 1, 1)

    assert cautions(None, provider=provider("anthropic"), model="claude-sonnet-4-5", today=early) == []
    assert about("anthropic", "claude-haiku-4-5") == []


@pytest.mark.parametrize(
    ("params", "content", "system"),
    [
        ({}, [{"type": "text", "text": "short"} | MARK, {"type": "text", "text": "long " * 20_000}], None),
        ({}, "long " * 20_000, ({"type": "text", "text": "short"} | MARK,)),
        ({"tools": [{"name": "f", "input_schema": {}} | MARK]}, "long " * 20_000, "long " * 20_000),
        (MARK, "short", None),
    ],
)
def test_a_cached_prefix_under_the_minimum_is_warned_of(params: Any, content: Any, system: Any) -> None:
    (found,) = about("anthropic", "claude-haiku-4-5", params, content=content, system=system)

    assert "caches nothing under 4,096" in found


@pytest.mark.parametrize(
    ("params", "content", "system"),
    [
        ({}, [{"type": "text", "text": "long " * 20_000} | MARK], None),
        ({}, "short", ({"type": "text", "text": "long " * 20_000} | MARK,)),
        (MARK, "long " * 20_000, None),
        ({}, "short", None),
    ],
)
def test_a_long_cached_prefix_is_fine(params: Any, content: Any, system: Any) -> None:
    assert about("anthropic", "claude-haiku-4-5", params, content=content, system=system) == []


def test_the_new_tokenizer_counts_more_for_the_same_text() -> None:
    words = [{"type": "text", "text": "word " * 1200} | MARK]

    assert len(about("anthropic", "claude-opus-4-7", content=words)) == 1
    words = [{"type": "text", "text": "word " * 1600} | MARK]
    assert about("anthropic", "claude-opus-4-7", content=words) == []


def test_what_chat_completions_cannot_carry_is_told() -> None:
    found = about("openai", "gpt-4.1-mini", {"thinking": {"type": "adaptive"}, **MARK})

    assert [caution.split()[0] for caution in found] == ["gpt-4.1-mini", "thinking", "cache_control"]


def test_an_id_that_always_thinks_wants_room() -> None:
    model = "claude-haiku-4-5-thinking"

    assert "leave room" in about("apimart", model, {"max_tokens": 1024})[0]
    assert about("apimart", model, {"max_tokens": 4096}) == []


def test_deprecated_thinking_and_tools_are_told() -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    tools = {"tools": [{"type": "bash_20241022", "name": "bash"}, {"name": "f", "input_schema": {}}]}

    assert "deprecated" in about("anthropic", "claude-opus-4-6", thinking)[0]
    assert about("anthropic", "claude-haiku-4-5", thinking) == []
    assert about("anthropic", "claude-opus-4-8", thinking) == []  # refused, and told as a mistake
    assert "bash_20241022 belong" in about("anthropic", "claude-haiku-4-5", tools)[0]
