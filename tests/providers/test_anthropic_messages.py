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


def test_parameters_cannot_replace_model_or_messages_and_never_ask_for_a_stream() -> None:
    request = replace(ASK, params={"model": "other", "messages": [], "stream": True})

    assert encode(provider("anthropic"), request, "m") == {
        "model": "m",
        "messages": list(ASK.messages),
        "stream": False,
    }


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
