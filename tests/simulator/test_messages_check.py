"""Bodies and headers that are refused, and the words of the refusal (protocol 1.2 to 1.9, 4.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.simulator.exchanges import HEADERS, ask, body, exchange

NEWEST = {**HEADERS, "anthropic-version": "2026-10-21"}
TOOL = {"name": "look", "input_schema": {"type": "object"}}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
URL = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
PREFILL_REFUSED = (
    "This model does not support assistant message prefill. The conversation must end with a user message."
)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def call(name: str = "t1") -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "look", "input": {}}


def result(name: str = "t1") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name, "content": "seen"}


TEXT = {"type": "text", "text": "words"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": ...}, "model: Field required"),
    ({"max_tokens": ...}, "max_tokens: Field required"),
    ({"messages": ...}, "messages: Field required"),
    ({"messages": []}, "messages: at least one message is required"),
    ({"messages": "hello"}, "messages: Input should be a valid list"),
    ({"messages": ["hello"]}, "messages.0: Input should be a valid dictionary"),
    ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role: "),
    ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "messages.0.name: Extra inputs are not permitted"),
    ({"messages": [assistant("first")]}, "messages: first message must use"),
    ({"messages": [user("")]}, "messages.0: all messages must have non-empty content"),
    ({"messages": [user("a"), assistant(""), user("b")]}, "messages.1: all messages must have non-empty content"),
    ({"messages": [user(7)]}, "messages.0.content: Input should be a valid string or list"),
    (
        {"messages": [user([{"type": "text", "text": ""}])]},
        "messages.0.content.0.text: text content blocks must be non-",
    ),
    ({"messages": [user([{"type": "video"}])]}, "messages.0.content.0: Input tag 'video'"),
    ({"messages": [user([call()])]}, "messages.0.content.0: Input tag 'tool_use'"),
    ({"messages": [user([{"text": "x"}])]}, "messages.0.content.0.type: Field required"),
    ({"model": 7}, "model: Input should be a valid string"),
    ({"max_tokens": "256"}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": 1.5}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
    ({"max_tokens": 64_001}, "max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens"),
    ({"model": "claude-opus-4-1-20250805", "max_tokens": 32_001}, "max_tokens: 32001 > 32000"),
    ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
    ({"temperature": "hot"}, "temperature: Input should be a valid number"),
    ({"top_p": -0.1}, "top_p: Input should be greater than or equal to 0"),
    ({"top_k": 1.5}, "top_k: Input should be a valid integer"),
    (
        {"model": "claude-sonnet-4-5-20250929", "temperature": 0.5, "top_p": 0.9},
        "`temperature` and `top_p` cannot both",
    ),
    ({"model": "claude-opus-5", "temperature": 0.5}, "`temperature` may only be left at its default"),
    ({"model": "claude-opus-4-7", "top_k": 5}, "`top_k` may only be left at its default"),
    ({"stop_sequences": "END"}, "stop_sequences: Input should be a valid list"),
    ({"stop_sequences": ["ok", "\n"]}, "stop_sequences.1: each stop sequence must contain non-whitespace"),
    ({"stream": "yes"}, "stream: Input should be a valid boolean"),
    ({"metadata": {"user_id": 7}}, "metadata.user_id: Input should be a valid string"),
    ({"system": 7}, "system: Input should be a valid list"),
    ({"system": [{"type": "text", "text": ""}]}, "system.0.text: text content blocks must be non-empty"),
    ({"system": [PNG]}, "system.0.type: Input should be 'text'"),
    ({"system": [{**TEXT, "cache_control": {"type": "ephemeral", "ttl": "2h"}}]}, "system.0.cache_control.ttl: "),
    ({"top_a": 1}, "top_a: Extra inputs are not permitted"),
    ({"messages": [{"role": "system", "content": "x"}]}, "role 'system' is not supported on this model"),
    (
        {"messages": [user("a"), assistant("b ")]},
        "messages: final assistant content cannot end with trailing whitespace",
    ),
    ({"model": "claude-opus-4-6", "messages": [user("a"), assistant("b")]}, PREFILL_REFUSED),
    ({"model": "claude-sonnet-5-5", "messages": [user("a"), assistant("b")]}, PREFILL_REFUSED),
    (
        {"messages": [user([{"type": "image", "source": {"type": "file"}}])]},
        "messages.0.content.0.source.file_id: Field",
    ),
    (
        {"messages": [user([{**PNG, "source": {**PNG["source"], "data": "@@"}}])]},
        "messages.0.content.0.source.data: inv",
    ),
    (
        {"messages": [user([{**PNG, "source": {**PNG["source"], "media_type": "image/bmp"}}])]},
        "messages.0.content.0.source.media_type: Input should be 'image/jpeg'",
    ),
    ({"tools": [{"name": "look"}]}, "tools.0.input_schema: Field required"),
    ({"tools": [{**TOOL, "name": "look here"}]}, "tools.0.name: String should match pattern"),
    ({"tools": [{**TOOL, "input_schema": {"type": "array"}}]}, "tools.0.input_schema.type: Input should be 'object'"),
    ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique"),
    ({"tools": [{"type": "bash_20241022", "name": "bash"}]}, "tools.0: Input tag 'bash_20241022'"),
    ({"tool_choice": {"type": "auto"}}, "tool_choice may only be specified while providing tools"),
    ({"tools": [TOOL], "tool_choice": {"type": "must"}}, "tool_choice.type: Input should be 'auto'"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "go"}}, "tool_choice.name: Tool 'go' not found"),
    (
        {"model": "claude-opus-5-5", "tools": [TOOL], "tool_choice": {"type": "any"}},
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    ({"messages": [user("a"), assistant([call()]), user([result()])]}, "tools: Field required when"),
    ({"tools": [TOOL], "messages": [user("a"), assistant([call()])]}, "messages.2: `tool_use` ids were found without"),
    (
        {"tools": [TOOL], "messages": [user("a"), assistant([call()]), user("b")]},
        "messages.2: `tool_use` ids were found",
    ),
    (
        {"tools": [TOOL], "messages": [user("a"), assistant([call("t1"), call("t2")]), user([result("t1")])]},
        "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: t2",
    ),
    ({"tools": [TOOL], "messages": [user([result()])]}, "messages.0.content.0: unexpected `tool_use_id` found"),
    (
        {"tools": [TOOL], "messages": [user("a"), assistant([call()]), user([TEXT, result()])]},
        "messages.2.content.1: `tool_result` blocks must come first",
    ),
    (
        {
            "tools": [TOOL],
            "messages": [user("a"), assistant([call()]), user([result()]), assistant([call()]), user([result()])],
        },
        "messages.3.content.0: `tool_use` ids must be unique",
    ),
    (
        {"tools": [TOOL], "messages": [user("a"), assistant([call("t 1")])]},
        "messages.1.content.0.id: String should match",
    ),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens: Field required"),
    ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "thinking.enabled.budget_tokens: Input should be greater"),
    ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "`max_tokens` must be greater than"),
    (
        {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2048}, "temperature": 0.5},
        "`temperature` may only be set to 1 when thinking is enabled",
    ),
    ({"model": "claude-haiku-4-5-20251001", "thinking": {"type": "adaptive"}}, "adaptive thinking is not supported"),
    (
        {"model": "claude-opus-4-7", "thinking": {"type": "enabled", "budget_tokens": 2048}},
        '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"',
    ),
    ({"output_config": {"format": {"type": "yaml"}}}, "output_config.format.type: Input should be 'json_schema'"),
    ({"model": "claude-opus-4-1-20250805", "output_config": {}}, "output_config is not supported on this model"),
    ({"max_tokens": 0, "tools": [TOOL], "tool_choice": {"type": "any"}}, "max_tokens: 0 is not supported with"),
    ({"model": "claude-opus-4-1-20250805", "messages": [user("a " * 210_000)]}, "prompt is too long: "),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[message[:50] for _, message in REFUSED])
def test_a_wrong_body_is_refused_in_the_documented_words(changes: dict[str, Any], message: str) -> None:
    status, answer = ask(exchange(), body(**changes))
    assert status == 400
    assert answer["type"] == "error"
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"].startswith(message)


TAKEN: list[dict[str, Any]] = [
    {"messages": [user("a"), user("b"), assistant("c"), assistant("d"), user("e")]},
    {"messages": [user("a"), assistant("The answer is (")]},
    {"messages": [user([PNG, URL, TEXT])]},
    {"messages": [user([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}])]},
    {"tools": [TOOL], "messages": [user("a"), assistant([TEXT, call()]), user([result(), TEXT])]},
    {"tools": [TOOL], "messages": [user("a"), assistant([call()]), user([result()]), user("go on")]},
    {"tools": [{"type": "bash_20250124", "name": "bash"}, TOOL], "tool_choice": {"type": "none"}},
    {"temperature": 0, "top_p": 0.5, "top_k": 3, "metadata": {"user_id": None}, "service_tier": "auto"},
    {"model": "claude-opus-5", "temperature": 1, "max_tokens": 128_000},
    {"model": "claude-opus-5", "messages": [user("a"), {"role": "system", "content": "be brief"}]},
    {"system": [{**TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}}], "cache_control": {"type": "ephemeral"}},
    {"stop_sequences": ["a1", "b1", "c1", "d1", "e1"], "stream": False},
    {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}},
]


@pytest.mark.parametrize("changes", TAKEN)
def test_a_documented_body_is_taken(changes: dict[str, Any]) -> None:
    status, answer = ask(exchange(), body(**changes))
    assert status == 200, answer


def test_a_body_that_is_no_json_is_refused() -> None:
    for raw in (b"", b"{", b'{"model": "\xff"}'):
        status, answer = ask(exchange(), raw)
        assert status == 400
        assert "not valid JSON" in answer["error"]["message"]
    assert ask(exchange(), [1])[1]["error"]["message"] == "body: Input should be a valid dictionary"


@pytest.mark.parametrize("model", ["claude-foo", "claude-retired-1", "anthropic/claude-foo"])
def test_unknown_and_retired_models_are_not_found(model: str) -> None:
    status, answer = ask(exchange(), body(model=model))
    assert (status, answer["error"]["type"]) == (404, "not_found_error")
    assert answer["error"]["message"] == f"model: {model}"


HEADER_CASES = [
    ({"anthropic-version": ""}, 400, "anthropic-version: header is required"),
    ({"anthropic-version": "2024-01-01"}, 400, "anthropic-version: '2024-01-01' is not a valid version"),
    ({"anthropic-beta": "files-api-2025-04-14, made-up-1"}, 400, "Unexpected value(s) `made-up-1` for the"),
    ({"x-api-key": ""}, 401, "no key"),
    ({"x-api-key": "wrong-key"}, 401, "invalid x-api-key"),
    ({"x-api-key": "", "authorization": "Bearer wrong"}, 401, "invalid x-api-key"),
    ({"x-api-key": "", "authorization": "Basic abc"}, 401, "no key"),
]


@pytest.mark.parametrize(("headers", "status", "message"), HEADER_CASES)
def test_wrong_headers_are_refused(headers: dict[str, str], status: int, message: str) -> None:
    answered, answer = ask(exchange(), body(), headers={**HEADERS, **headers})
    assert answered == status
    assert answer["error"]["message"].startswith(message)


def test_a_bearer_key_and_known_beta_names_are_taken() -> None:
    headers = {
        "authorization": "Bearer k",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "prompt-caching-2024-07-31,interleaved-thinking-2025-05-14",
    }
    assert ask(exchange(), body(), headers=headers)[0] == 200


def test_thinking_between_tool_calls_may_have_a_budget_above_one_answer() -> None:
    asked = body(max_tokens=512, thinking={"type": "enabled", "budget_tokens": 2048})
    betas = {**HEADERS, "anthropic-beta": "files-api-2025-04-14, interleaved-thinking-2025-05-14"}
    status, message = ask(exchange(), asked, headers=betas)
    assert status == 200
    assert 0 < message["usage"]["output_tokens"] <= 512
    assert ask(exchange(), asked)[0] == 400


def test_the_newest_version_takes_no_sampling_parameters_at_all() -> None:
    status, answer = ask(exchange(), body(temperature=1.0), headers=NEWEST)
    assert (status, answer["error"]["message"]) == (400, "temperature: Extra inputs are not permitted")
    assert ask(exchange(), body(), headers=NEWEST)[0] == 200
    assert ask(exchange(profile="ofox"), body(temperature=1.0), headers=NEWEST)[0] == 200


@pytest.mark.parametrize("profile", ["apimart", "apimart-wrapped", "ofox"])
def test_gateways_ignore_unknown_fields_versions_and_betas(profile: str) -> None:
    headers = {"x-api-key": "k", "anthropic-beta": "made-up-1"}
    assert ask(exchange(profile=profile), body(top_a=1), headers=headers)[0] == 200
    assert ask(exchange(profile=profile), body(max_tokens=0), headers=headers)[0] == 400


def test_only_apimart_limits_the_number_of_stop_sequences() -> None:
    five = body(stop_sequences=["1", "2", "3", "4", "5"])
    assert ask(exchange(profile="apimart"), five)[0] == 400
    assert ask(exchange(profile="apimart-wrapped"), five)[0] == 400
    assert ask(exchange(profile="ofox"), five)[0] == 200


def test_only_ofox_takes_tool_results_as_text_alone() -> None:
    asked = body(tools=[TOOL], messages=[user("a"), assistant([call()]), user([{**result(), "content": [TEXT]}])])
    status, answer = ask(exchange(profile="ofox"), asked)
    assert status == 400
    assert answer["error"]["message"] == "messages.2.content.0.content: Input should be a valid string"
    assert ask(exchange(profile="apimart"), asked)[0] == 200


def test_only_ofox_takes_no_image_addresses() -> None:
    asked = body(messages=[user([URL, TEXT])])
    status, answer = ask(exchange(profile="ofox"), asked)
    assert status == 400
    assert "base64" in answer["error"]["message"]
    assert ask(exchange(profile="apimart"), asked)[0] == 200
