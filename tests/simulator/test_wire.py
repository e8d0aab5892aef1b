"""The shapes on the wire, profile by profile, written out from the protocol document."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.simulator.exchanges import HEADERS, ask, body, exchange, reply_to

ANTHROPIC_USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 2,
    "output_tokens_details": {"thinking_tokens": 0},
    "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
    "service_tier": "standard",
    "inference_geo": "global",
    "speed": "standard",
}
SHORT = body("Hello, world", max_tokens=2)


def test_anthropic_answers_with_every_documented_field() -> None:
    reply = reply_to(exchange(), SHORT)
    status, message = ask(exchange(), SHORT)
    assert status == 200
    assert message.pop("id").startswith("msg_01")
    (block,) = message.pop("content")
    assert block == {"type": "text", "text": block["text"], "citations": None}
    assert block["text"]
    assert message == {
        "type": "message",
        "role": "assistant",
        "model": "sim-small",
        "stop_reason": "max_tokens",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": ANTHROPIC_USAGE,
    }
    assert reply.content_type == "application/json"
    assert reply.headers["request-id"].startswith("req_")
    assert reply.headers["anthropic-organization-id"]


@pytest.mark.parametrize("profile", ["apimart", "ofox"])
def test_gateways_answer_with_a_bare_message_and_two_usage_fields(profile: str) -> None:
    _, message = ask(exchange(profile=profile), SHORT)
    expected = {"id", "type", "role", "content", "model", "stop_reason", "usage"}
    assert set(message) == (expected if profile == "ofox" else expected | {"stop_sequence"})
    assert message["usage"] == {"input_tokens": 10, "output_tokens": 2}
    assert set(message["content"][0]) == {"type", "text"}


@pytest.mark.parametrize("route", ["messages", "chat"])
def test_the_wrapped_profile_puts_answers_into_an_envelope_but_not_errors(route: Any) -> None:
    mind = exchange(profile="apimart-wrapped")
    _, answer = ask(mind, {**SHORT, "stream": False}, route=route)
    assert set(answer) == {"code", "data"}
    assert answer["code"] == 200
    assert "usage" in answer["data"]
    _, failed = ask(mind, body("[[sim:status=500]]"), route=route)
    assert set(failed) == {"error"}


ERRORS: list[tuple[str, int, dict[str, Any]]] = [
    ("anthropic", 400, {"type": "invalid_request_error"}),
    ("anthropic", 402, {"type": "billing_error"}),
    ("anthropic", 403, {"type": "permission_error"}),
    ("anthropic", 404, {"type": "not_found_error"}),
    ("anthropic", 409, {"type": "conflict_error"}),
    ("anthropic", 413, {"type": "request_too_large"}),
    ("anthropic", 422, {"type": "invalid_request_error"}),
    ("anthropic", 429, {"type": "rate_limit_error"}),
    ("anthropic", 500, {"type": "api_error"}),
    ("anthropic", 503, {"type": "api_error"}),
    ("anthropic", 504, {"type": "timeout_error"}),
    ("anthropic", 529, {"type": "overloaded_error", "message": "Overloaded"}),
    ("apimart", 400, {"code": 400, "type": "invalid_request_error"}),
    ("apimart", 401, {"code": 401, "type": "authentication_error"}),
    ("apimart", 402, {"code": 402, "type": "payment_required"}),
    ("apimart", 403, {"code": 403, "type": "permission_error"}),
    ("apimart-wrapped", 429, {"code": 429, "type": "rate_limit_error"}),
    ("apimart", 500, {"code": 500, "type": "server_error"}),
    ("apimart", 502, {"code": 502, "type": "bad_gateway"}),
    ("ofox", 400, {"type": "invalid_request_error"}),
    ("ofox", 401, {"type": "authentication_error", "code": "invalid_api_key"}),
    ("ofox", 403, {"type": "permission_error"}),
    ("ofox", 404, {"type": "not_found_error"}),
    ("ofox", 429, {"type": "rate_limit_error", "code": "rate_limit_exceeded"}),
    ("ofox", 500, {"type": "internal_error"}),
    ("ofox", 502, {"type": "upstream_error"}),
    ("ofox", 503, {"type": "service_unavailable"}),
    ("openai", 401, {"code": "invalid_api_key"}),
    ("openai", 429, {"code": "rate_limit_exceeded"}),
    ("openai", 500, {"type": "server_error"}),
    ("openai", 503, {"code": "server_is_overloaded"}),
]


@pytest.mark.parametrize(("profile", "status", "expected"), ERRORS)
def test_errors_have_the_shape_of_their_profile(profile: str, status: int, expected: dict[str, Any]) -> None:
    answered, answer = ask(exchange(profile=profile), body(f"[[sim:status={status}]]"))
    assert answered == status
    outer = {"type", "error", "request_id"} if profile == "anthropic" else {"error"}
    inner = {
        "anthropic": {"type", "message"},
        "openai": {"message", "type", "param", "code"},
    }.get(profile, {"code", "message", "type"})
    assert set(answer) == outer
    assert set(answer["error"]) == inner
    assert expected.items() <= answer["error"].items()


def test_the_request_id_stands_in_header_and_error_body() -> None:
    reply = reply_to(exchange(), body(max_tokens=...))
    assert f'"request_id":"{reply.headers["request-id"]}"' in reply.body.decode()
    assert reply_to(exchange(profile="openai"), SHORT, route="chat").headers["x-request-id"]


def test_a_rate_limit_says_when_to_come_back() -> None:
    assert reply_to(exchange(), body("[[sim:status=429]]")).headers["retry-after"] == "0"
    assert reply_to(exchange(latency_scale=0.5), body("[[sim:status=429]]")).headers["retry-after"] == "1"
    assert "retry-after" not in reply_to(exchange(), body("[[sim:status=500]]")).headers


def test_a_chat_completion_has_the_documented_fields() -> None:
    status, completion = ask(exchange(profile="openai"), SHORT, route="chat")
    assert status == 200
    assert completion.pop("id").startswith("chatcmpl-")
    assert completion.pop("created") == 1795305600
    (choice,) = completion.pop("choices")
    assert choice["message"].pop("content")
    assert choice == {
        "index": 0,
        "message": {"role": "assistant", "refusal": None},
        "finish_reason": "length",
        "logprobs": None,
    }
    assert completion == {
        "object": "chat.completion",
        "model": "sim-small",
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 2,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


CHAT_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": ...}, "messages: Field required"),
    ({"messages": []}, "messages: [] is too short"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role: Input should be 'system'"),
    ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
    ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages.0.content.0.type: "),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a.png"}}]}]},
        "messages.0.content.0.image_url.url: Invalid image URL",
    ),
    (
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]},
        "messages.0.role: messages with role 'tool'",
    ),
    (
        {
            "messages": [
                {"role": "user", "content": "x"},
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                {"role": "user", "content": "y"},
            ]
        },
        "messages.2: an assistant message with 'tool_calls' must be followed",
    ),
    ({"temperature": 2.5}, "temperature: Input should be less than or equal to 2"),
    ({"stop": ["1", "2", "3", "4", "5"]}, "stop: expected an array with at most 4"),
    ({"n": 2}, "n: "),
    ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    ({"max_completion_tokens": 64_001}, "max_completion_tokens: 64001 is too large"),
    ({"tools": [{"type": "function"}]}, "tools.0.function: Input should be a valid dictionary"),
    ({"tool_choice": "required"}, "tool_choice: only allowed when 'tools' are specified"),
    ({"response_format": {"type": "xml"}}, "response_format.type: "),
    ({"stream": "yes"}, "stream: Input should be a valid boolean"),
    ({"model": "claude-opus-5", "temperature": 0.5}, "temperature: only the default (1) value is supported"),
]


@pytest.mark.parametrize(("changes", "message"), CHAT_REFUSED)
def test_a_wrong_chat_body_is_refused(changes: dict[str, Any], message: str) -> None:
    status, answer = ask(exchange(profile="openai"), body(**changes), route="chat")
    assert status == 400
    assert answer["error"]["message"].startswith(message)
    assert answer["error"]["type"] == "invalid_request_error"


def test_a_chat_prompt_over_the_window_has_its_own_code() -> None:
    _, answer = ask(exchange(profile="openai"), body("word " * 210_000), route="chat")
    assert answer["error"]["code"] == "context_length_exceeded"


def test_counting_takes_no_generation_fields_on_the_original_and_any_on_gateways() -> None:
    raw = b'{"model": "sim-small", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello, world"}]}'
    assert exchange().count_tokens(HEADERS, raw).status == 400
    assert exchange(profile="apimart-wrapped").count_tokens(HEADERS, raw).body == b'{"input_tokens":10}'


def test_thinking_ids_answer_with_a_thinking_block_first_and_without_the_suffix() -> None:
    _, message = ask(exchange(profile="apimart"), body(model="claude-sonnet-4-5-20250929-thinking", max_tokens=4096))
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    assert message["content"][0]["signature"]
    assert message["model"] == "claude-sonnet-4-5-20250929"


def test_hidden_tool_prompts_are_counted_as_documented() -> None:
    tool = {"name": "look", "input_schema": {"type": "object"}}

    def tokens(**changes: Any) -> int:
        return int(ask(exchange(), body(model="claude-sonnet-4-5-20250929", **changes))[1]["usage"]["input_tokens"])

    assert tokens(tools=[tool], tool_choice={"type": "any"}) - tokens(tools=[tool]) == 588 - 496
    assert 496 < tokens(tools=[tool]) - tokens() < 530
