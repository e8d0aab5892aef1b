"""Thinking: its forms by model, what is shown, what it costs, and blocks that come back changed."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.simulator.exchanges import ask, body, exchange

ENABLED = {"type": "enabled", "budget_tokens": 1_024}
TOOL = {
    "name": "get_weather",
    "description": "Weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
MODIFIED = (
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
    "These blocks must remain as they were in the original response."
)


def answer(model: str = "claude-sonnet-4-5-20250929", text: str = "What is up?", **changes: Any) -> dict[str, Any]:
    status, message = ask(exchange(), body(text, **{"model": model, "max_tokens": 4_096, **changes}))
    assert status == 200, message
    return message


def kinds(message: dict[str, Any]) -> list[str]:
    return [block["type"] for block in message["content"]]


THINKS = ["thinking", "text"]
FORMS: list[tuple[str, dict[str, Any] | None, list[str]]] = [
    ("claude-sonnet-4-5-20250929", None, ["text"]),
    ("claude-sonnet-4-5-20250929", ENABLED, THINKS),
    ("claude-sonnet-4-5-20250929", {"type": "disabled"}, ["text"]),
    ("claude-opus-4-6", {"type": "adaptive"}, THINKS),
    ("claude-opus-4-6", ENABLED, THINKS),
    ("claude-opus-4-6", None, ["text"]),
    ("claude-opus-4-7", None, ["text"]),
    ("claude-opus-5", None, THINKS),
    ("claude-opus-5", {"type": "disabled"}, ["text"]),
    ("claude-fable-5", None, THINKS),
    ("claude-sonnet-5-5", {"type": "between_tools"}, ["text"]),
    ("claude-haiku-5-5", None, THINKS),
]


@pytest.mark.parametrize(("model", "thinking", "expected"), FORMS)
def test_models_think_when_asked_or_by_default(
    model: str, thinking: dict[str, Any] | None, expected: list[str]
) -> None:
    changes = {} if thinking is None else {"thinking": thinking}
    assert kinds(answer(model, **changes)) == expected


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("claude-fable-5", {"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported'),
    ("claude-opus-5", {"thinking": ENABLED}, '"thinking.type.enabled" is not supported for this model. Use'),
    ("claude-haiku-5-5", {"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is only supported with'),
    ("claude-opus-4-6", {"thinking": {"type": "adaptive", "display": "full"}}, "thinking.adaptive.display: "),
    ("claude-opus-4-6", {"thinking": "on"}, "thinking: Input should be a valid dictionary"),
]


@pytest.mark.parametrize(("model", "changes", "message"), REFUSED)
def test_other_forms_are_refused(model: str, changes: dict[str, Any], message: str) -> None:
    status, refused = ask(exchange(), body(model=model, max_tokens=4_096, **changes))
    assert status == 400
    assert refused["error"]["message"].startswith(message)


def test_low_effort_lets_the_small_model_be_switched_off_and_saves_adaptive_thought() -> None:
    low = {"effort": "low"}
    assert kinds(answer("claude-haiku-5-5", thinking={"type": "disabled"}, output_config=low)) == ["text"]
    assert kinds(answer("claude-opus-4-7", thinking={"type": "adaptive"}, output_config=low)) == ["text"]


@pytest.mark.parametrize(
    ("model", "display", "shown"),
    [
        ("claude-opus-4-6", None, True),
        ("claude-opus-4-6", "omitted", False),
        ("claude-opus-4-7", None, False),
        ("claude-opus-4-7", "summarized", True),
    ],
)
def test_display_decides_what_is_shown_and_not_what_is_billed(model: str, display: str | None, shown: bool) -> None:
    thinking = {"type": "adaptive", **({} if display is None else {"display": display})}
    message = answer(model, thinking=thinking)
    assert bool(message["content"][0]["thinking"]) is shown
    assert message["content"][0]["signature"]
    assert message["usage"]["output_tokens_details"]["thinking_tokens"] > 10
    assert message["usage"]["output_tokens"] > message["usage"]["output_tokens_details"]["thinking_tokens"]


def test_thinking_keeps_to_its_budget_and_to_max_tokens() -> None:
    message = answer("claude-opus-5", max_tokens=20)
    details = message["usage"]["output_tokens_details"]
    assert details["thinking_tokens"] <= 10
    assert message["usage"]["output_tokens"] <= 20


def test_the_vendors_test_text_gets_thinking_redacted() -> None:
    message = answer(text="Hi ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9A13E193C", thinking=ENABLED)
    assert kinds(message) == ["redacted_thinking", "text"]
    assert set(message["content"][0]) == {"type", "data"}
    assert kinds(answer(text="Hi [[sim:redacted]]", thinking=ENABLED)) == ["redacted_thinking", "text"]


def loop(text: str = "What is the weather in Lisbon?") -> dict[str, Any]:
    """A request whose last turn brings back what the model asked of a tool."""
    asked = body(text, model="claude-sonnet-4-5-20250929", max_tokens=4_096, tools=[TOOL], thinking=ENABLED)
    _, message = ask(exchange(), asked)
    (call,) = [block for block in message["content"] if block["type"] == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "21 degrees"}
    asked["messages"] += [{"role": "assistant", "content": message["content"]}, {"role": "user", "content": [result]}]
    return asked


@pytest.mark.parametrize("text", ["Weather in Lisbon?", "Weather? ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46"])
def test_thinking_that_comes_back_unmodified_is_taken(text: str) -> None:
    asked = loop(text)
    assert asked["messages"][1]["content"][0]["type"] in ("thinking", "redacted_thinking")
    status, message = ask(exchange(seed=9), asked)
    assert status == 200
    assert "21 degrees" in message["content"][-1]["text"]
    assert message["stop_reason"] == "end_turn"


def test_omitted_thinking_comes_back_as_it_was() -> None:
    asked = body("Weather in Lisbon?", model="claude-opus-5", max_tokens=4_096, tools=[TOOL])
    _, message = ask(exchange(), asked)
    assert message["content"][0]["thinking"] == ""
    call = message["content"][-1]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "21 degrees"}
    asked["messages"] += [{"role": "assistant", "content": message["content"]}, {"role": "user", "content": [result]}]
    assert ask(exchange(), asked)[0] == 200
    message["content"][0]["thinking"] = "made up"
    assert ask(exchange(), asked)[0] == 400


TAMPERED: list[tuple[str, dict[str, Any]]] = [
    ("thinking", {"thinking": "Something else."}),
    ("thinking", {"signature": "EqQBCgIYAhIM"}),
    ("thinking", {"signature": "not base64!"}),
    ("thinking", {"type": "redacted_thinking", "data": base64.b64encode(b"x" * 33).decode()}),
]


@pytest.mark.parametrize(("kind", "change"), TAMPERED)
def test_thinking_that_comes_back_changed_is_refused(kind: str, change: dict[str, Any]) -> None:
    asked = loop()
    block = asked["messages"][1]["content"][0]
    assert block["type"] == kind
    asked["messages"][1]["content"][0] = {**block, **change}
    status, refused = ask(exchange(), asked)
    assert status == 400
    assert refused["error"]["message"] == f"messages.1.content.0: {MODIFIED}"


def test_thinking_that_is_missing_is_refused() -> None:
    asked = loop()
    del asked["messages"][1]["content"][0]
    status, refused = ask(exchange(), asked)
    assert status == 400
    assert "Expected `thinking` or `redacted_thinking`" in refused["error"]["message"]


def test_older_turns_may_hold_any_thinking() -> None:
    asked = loop()
    asked["messages"][1]["content"][0]["thinking"] = "Something else."
    asked["messages"] += [{"role": "assistant", "content": "21."}, {"role": "user", "content": "And in Porto?"}]
    assert ask(exchange(), asked)[0] == 200


def test_models_that_think_between_tools_think_after_a_result() -> None:
    asked = body("Weather in Lisbon?", model="claude-sonnet-5-5", max_tokens=4_096, tools=[TOOL])
    asked["thinking"] = {"type": "between_tools"}
    _, message = ask(exchange(), asked)
    assert kinds(message) == ["text", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": message["content"][1]["id"], "content": "21"}
    asked["messages"] += [{"role": "assistant", "content": message["content"]}, {"role": "user", "content": [result]}]
    assert kinds(ask(exchange(), asked)[1]) == ["thinking", "text"]


TWIN = "claude-sonnet-4-5-20250929-thinking"


def test_thinking_ids_are_expanded_as_gateways_do() -> None:
    message = answer(TWIN, max_tokens=16, temperature=0.2, top_p=0.5)
    assert kinds(message) == THINKS
    assert message["model"] == "claude-sonnet-4-5-20250929"
    assert message["usage"]["output_tokens"] > 16
    assert kinds(answer(TWIN, thinking={"type": "disabled"})) == ["text"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            "messages: prefill is not supported when thinking is enabled",
        ),
        ({"tools": [TOOL], "tool_choice": {"type": "any"}}, "Thinking may not be enabled when tool_choice forces"),
        ({"top_k": 5}, "`top_k` must be unset when thinking is enabled."),
    ],
)
def test_thinking_ids_have_the_limits_of_thinking(changes: dict[str, Any], message: str) -> None:
    status, refused = ask(exchange(), body(**{"model": TWIN, "max_tokens": 4_096, **changes}))
    assert status == 400
    assert refused["error"]["message"].startswith(message)


def test_chat_models_reason_when_asked_for_effort() -> None:
    _, quiet = ask(exchange(profile="openai"), body(model="claude-opus-4-6"), route="chat")
    assert "reasoning_content" not in quiet["choices"][0]["message"]
    _, thoughtful = ask(
        exchange(profile="openai"), body(model="claude-opus-4-6", reasoning_effort="high"), route="chat"
    )
    assert thoughtful["choices"][0]["message"]["reasoning_content"]
    usage = thoughtful["usage"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
