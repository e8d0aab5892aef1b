from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pipeline.core.records import Failure, Request, Response
from pipeline.providers.formats import wire_format
from tests.support.providers import decode, encode, neutral, provider

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
ASK = Request(messages=({"role": "user", "content": "hi"},))


def read(value: Any, **more: Any) -> Response:
    found = decode("anthropic-messages", value if isinstance(value, bytes) else json.dumps(value).encode(), **more)
    assert isinstance(found, Response), found
    return found


def fail(value: Any, **more: Any) -> Failure:
    found = decode("anthropic-messages", value if isinstance(value, bytes) else json.dumps(value).encode(), **more)
    assert isinstance(found, Failure), found
    return found


def test_unknown_parameters_pass_through_and_decimals_become_numbers() -> None:
    request = replace(ASK, params={"temperature": Decimal("0.0"), "novel": {"deep": Decimal("1.5")}})
    body = encode(provider("anthropic"), request, "m")

    assert body == {"model": "m", "temperature": 0.0, "novel": {"deep": 1.5}, "messages": list(ASK.messages)}


def test_parameters_cannot_replace_model_or_messages() -> None:
    request = replace(ASK, params={"model": "other", "messages": []})

    assert encode(provider("anthropic"), request, "m") == {"model": "m", "messages": list(ASK.messages)}


@pytest.mark.parametrize(
    ("params", "streams"),
    [
        ({}, None),
        ({"stream": None}, None),
        ({"stream": True}, True),
        ({"stream": False}, False),
        ({"max_tokens": 16_000}, None),
        ({"max_tokens": 16_001}, True),
        ({"max_tokens": 64_000, "stream": False}, False),
        ({"max_tokens": 64_000, "stream": None}, True),
        ({"max_tokens": "many"}, None),
    ],
)
def test_long_answers_are_streamed_unless_the_evaluation_says_otherwise(params: Any, streams: bool | None) -> None:
    request = replace(ASK, params=params)

    for protocol in ("anthropic-messages", "openai-chat"):
        assert wire_format(protocol).streams(request) is bool(streams)
    assert encode(provider("anthropic"), request, "m").get("stream") is streams
    assert encode(provider("openai"), request, "m")["stream"] is bool(streams)


SHORT, LONG = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}


@pytest.mark.parametrize(
    ("request_", "ttl"),
    [
        (ASK, "5m"),
        (replace(ASK, params={"cache_control": SHORT}), "5m"),
        (replace(ASK, params={"cache_control": LONG}), "1h"),
        (replace(ASK, params={"tools": [{"name": "f", "cache_control": LONG}]}), "1h"),
        (replace(ASK, system=({"type": "text", "text": "s", "cache_control": LONG},)), "1h"),
        (replace(ASK, system="s", params={"cache_control": None}), "5m"),
        (
            Request(
                messages=(
                    {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": LONG}]},
                    {"role": "user", "content": [{"type": "text", "text": "b", "cache_control": SHORT}]},
                )
            ),
            "1h",
        ),
    ],
)
def test_cache_writes_without_a_split_are_booked_as_what_was_asked_for(request_: Request, ttl: str) -> None:
    format_ = wire_format("anthropic-messages")
    usage = {"input_tokens": 1, "cache_creation_input_tokens": 9, "output_tokens": 2}
    decoder = format_.decoder(200, {}, cache_ttl=format_.cache_ttl(request_))
    decoder.feed(json.dumps(MESSAGE | {"usage": usage}).encode())
    answer = decoder.finish()

    assert isinstance(answer, Response)
    booked = (answer.usage.cache_write_5m_tokens, answer.usage.cache_write_1h_tokens)
    assert booked == ((9, None) if ttl == "5m" else (None, 9))
    assert wire_format("openai-chat").cache_ttl(request_) == "5m"


EVERY_PARAMETER: dict[str, Any] = {
    "max_tokens": 1024,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "stop_sequences": ["x", "y"],
    "metadata": {"user_id": "u"},
    "service_tier": "standard_only",
    "speed": "fast",
    "inference_geo": "us",
    "container": {"id": "c", "skills": []},
    "cache_control": LONG,
    "tools": [
        {
            "name": "f",
            "input_schema": {"type": "object"},
            "strict": True,
            "cache_control": SHORT,
            "defer_loading": False,
        },
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 9},
        {"type": "computer_20251124", "name": "computer", "display_width_px": 1, "display_height_px": 1},
        {"type": "web_search_20260318", "name": "web_search", "max_uses": 2, "blocked_domains": ["a.example"]},
    ],
    "output_config": {"effort": "xhigh", "format": {"type": "json_schema", "schema": {"type": "object"}}},
}


@pytest.mark.parametrize("name", list(EVERY_PARAMETER))
def test_every_parameter_of_the_protocol_goes_out_as_it_is(name: str) -> None:
    sent = encode(provider("anthropic"), replace(ASK, params={name: EVERY_PARAMETER[name]}), "m")

    assert sent == {"model": "m", name: EVERY_PARAMETER[name], "messages": list(ASK.messages)}


@pytest.mark.parametrize(
    "thinking",
    [
        {"type": "enabled", "budget_tokens": 2048, "display": "omitted"},
        {"type": "adaptive", "display": "summarized"},
        {"type": "disabled"},
        {"type": "between_tools"},
    ],
)
@pytest.mark.parametrize(
    "choice",
    [
        {"type": "auto", "disable_parallel_tool_use": True},
        {"type": "any", "disable_parallel_tool_use": True},
        {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        {"type": "none"},
    ],
)
def test_every_form_of_thinking_and_tool_choice_goes_out_as_it_is(thinking: Any, choice: Any) -> None:
    params = {"thinking": thinking, "tool_choice": choice}
    sent = encode(provider("anthropic"), replace(ASK, params=params), "m")

    assert {name: sent[name] for name in params} == params


def test_histories_with_thinking_go_back_word_for_word() -> None:
    turns = (
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "b3BhcXVl"},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": 2}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "r"}]},
    )
    sent = wire_format("anthropic-messages").encode(Request(messages=turns), "m", provider("anthropic"))

    assert json.loads(sent)["messages"] == list(turns)
    assert b'{"b":1,"a":2}' in sent


def test_headers_hold_version_and_beta_but_no_key() -> None:
    headers = wire_format("anthropic-messages").headers(provider("anthropic"), ("files-api-2025-04-14", "x-1"))

    assert headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "files-api-2025-04-14,x-1",
    }


def test_the_providers_own_headers_win_and_their_beta_names_are_kept() -> None:
    lab = replace(
        provider("anthropic"), headers={"Anthropic-Version": "2026-10-21", "anthropic-beta": "a", "x-team": "7"}
    )
    headers = wire_format("anthropic-messages").headers(lab, ("b",))

    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["anthropic-beta"] == "a,b"
    assert headers["x-team"] == "7"


def test_the_key_is_a_bearer_token_where_the_provider_wants_one() -> None:
    format_, anthropic = wire_format("anthropic-messages"), provider("anthropic")

    assert format_.auth_header(anthropic, "k") == ("x-api-key", "k")
    assert format_.auth_header(replace(anthropic, auth="bearer"), "k") == ("authorization", "Bearer k")


def test_thinking_comes_first_and_is_no_part_of_the_text() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "a"},
        {"type": "novel_block", "x": 1},
        {"type": "text", "text": "b"},
    ]
    answer = read(MESSAGE | {"content": content})

    assert (answer.text, answer.thinking) == ("ab", "hm")
    assert answer.content == tuple(content)


@pytest.mark.parametrize("text", ["a\u2028b\u2029c\x85d", "nul \x00 esc \x1b[2J", "  spaces \n", "안녕 😀", "\ufeff"])
def test_text_is_kept_byte_for_byte(text: str) -> None:
    for ascii_only in (True, False):
        body = json.dumps(MESSAGE | {"content": [{"type": "text", "text": text}]}, ensure_ascii=ascii_only)
        assert read(body.encode()).text == text


def test_a_body_in_single_bytes_reads_like_one_in_a_piece() -> None:
    body = json.dumps(MESSAGE | {"content": [{"type": "text", "text": "안녕"}]}, ensure_ascii=False).encode()
    decoder = wire_format("anthropic-messages").decoder(200, {})
    for place in range(len(body)):
        decoder.feed(body[place : place + 1])

    assert decoder.finish() == read(body)


@pytest.mark.parametrize(
    ("reason", "expected", "status"),
    [
        ("end_turn", "end_turn", "ok"),
        ("max_tokens", "max_tokens", "truncated"),
        ("stop_sequence", "stop_sequence", "ok"),
        ("tool_use", "tool_use", "ok"),
        ("pause_turn", "pause_turn", "ok"),
        ("refusal", "refusal", "refused"),
        ("model_context_window_exceeded", "model_context_window_exceeded", "truncated"),
        ("compaction", "compaction", "ok"),
        ("novel_reason", "unknown", "ok"),
        (None, "unknown", "ok"),
        (7, "unknown", "ok"),
    ],
)
def test_a_stop_reason_is_ours_and_the_raw_word_is_kept(reason: Any, expected: str, status: str) -> None:
    answer = read(MESSAGE | {"stop_reason": reason})

    assert (answer.stop_reason, answer.status) == (expected, status)
    assert answer.stop_reason_raw == (reason if isinstance(reason, str) else None)


@pytest.mark.parametrize("content", [[], None, [{"type": "text", "text": ""}], [{"type": "text", "text": None}]])
def test_an_answer_without_text_is_empty_not_an_error(content: Any) -> None:
    answer = read(MESSAGE | {"content": content})

    assert (answer.text, answer.status) == ("", "empty")


def test_content_that_is_a_bare_string_is_text() -> None:
    assert read(MESSAGE | {"content": "hello"}).text == "hello"


@pytest.mark.parametrize(
    "headers",
    [
        {"request-id": "req_9"},
        {"X-Request-Id": "req_9"},
        {"X-Oneapi-Request-Id": "req_9", "via": "x"},
        {"X-Generation-Id": "req_9"},
        httpx.Headers({"Request-ID": "req_9"}),
    ],
)
def test_the_request_id_is_found_under_any_usual_header(headers: Any) -> None:
    assert read(MESSAGE, headers=headers).request_id == "req_9"
    assert fail(b"", status=500, headers=headers).request_id == "req_9"
    assert fail(b"", headers=headers).request_id == "req_9"


@pytest.mark.sdk
def test_the_official_sdk_sends_the_same_body_and_headers_and_reads_the_same_answer() -> None:
    import anthropic
    import httpx2

    sent: list[httpx2.Request] = []
    usage = {
        "input_tokens": 3,
        "output_tokens": 2,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
    }
    value = MESSAGE | {"usage": usage, "stop_sequence": None}

    def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json=value, headers={"request-id": "req_7"})

    body = {
        "model": "claude-haiku-4-5-20251001",
        "max_tokens": 64,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "안녕"}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"},
        "stop_sequences": ["x"],
        "metadata": {"user_id": "u"},
    }
    format_, ours = wire_format("anthropic-messages"), provider("apimart")
    with httpx2.Client(transport=httpx2.MockTransport(respond)) as http:
        client = anthropic.Anthropic(api_key="k", base_url=ours.base_url, http_client=http)
        theirs = client.messages.create(**body)  # type: ignore[call-overload]
    answer = read(value, headers={"request-id": "req_7"})

    assert json.loads(sent[0].content) == encode(ours, neutral(body), body["model"])
    assert str(sent[0].url) == ours.base_url + format_.path()
    for name in ("content-type", "accept"):
        assert sent[0].headers[name] == format_.headers(ours, ())[name]
    assert theirs.usage.cache_creation is not None
    assert answer.usage.cache_write_1h_tokens == theirs.usage.cache_creation.ephemeral_1h_input_tokens
    assert answer.usage.cache_read_tokens == theirs.usage.cache_read_input_tokens
    assert (answer.model_served, answer.stop_reason) == (theirs.model, theirs.stop_reason)
    assert answer.request_id == theirs._request_id
