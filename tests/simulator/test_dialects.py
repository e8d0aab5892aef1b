"""The dialects of the new-api family and of OpenRouter (protocol 4.5)."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.support.simulator.exchanges import HEADERS, ask, body, events_of, exchange, reply_to

LOCAL: list[Any] = [b"{", body(max_tokens="many"), body(messages=...), body(model=7)]


@pytest.mark.parametrize("asked", LOCAL)
def test_new_apis_own_refusals_are_status_500(asked: Any) -> None:
    status, answer = ask(exchange(profile="new-api"), asked)
    assert status == 500
    assert set(answer) == {"type", "error"}
    assert set(answer["error"]) == {"type", "message"}
    assert (answer["type"], answer["error"]["type"]) == ("error", "new_api_error")
    assert "(request id: req_" in answer["error"]["message"]


CHAT: list[tuple[dict[str, Any], int, str]] = [
    (body(messages=[]), 500, "invalid_request"),
    (body("Hi [[sim:status=403]]"), 403, "insufficient_user_quota"),
    (body("Hi [[sim:status=503]]"), 503, "model_not_found"),
    (body(model="gpt-none"), 503, "model_not_found"),
    (body("Hi [[sim:status=429]]"), 429, "bad_response_status_code"),
    (body(model="claude-opus-5", temperature=0.5), 400, "unsupported_value"),
]


@pytest.mark.parametrize(("asked", "status", "code"), CHAT)
def test_new_api_words_chat_errors_with_codes(asked: dict[str, Any], status: int, code: str) -> None:
    answered, answer = ask(exchange(profile="new-api"), asked, route="chat")
    assert answered == status
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert (answer["error"]["type"], answer["error"]["param"], answer["error"]["code"]) == ("new_api_error", "", code)


def test_new_api_has_no_channel_for_an_unknown_model_and_takes_upstream_refusals_as_they_are() -> None:
    status, answer = ask(exchange(profile="new-api"), body(model="claude-foo"))
    assert status == 503
    assert answer["error"]["message"].startswith("No available channel for model claude-foo under group default")
    assert ask(exchange(profile="new-api"), body(model="claude-opus-5", temperature=0.5))[0] == 400
    assert ask(exchange(profile="new-api"), body(), headers={})[0] == 401
    assert reply_to(exchange(profile="new-api"), body()).headers["x-oneapi-request-id"]


ROUTER: list[tuple[Any, dict[str, str], int]] = [
    (body(messages=[]), HEADERS, 400),
    (body(model="gpt-none"), HEADERS, 400),
    (body(), {}, 401),
    (body("[[sim:status=402]]"), HEADERS, 402),
    (body("[[sim:status=429]]"), HEADERS, 429),
    (body("[[sim:status=502]]"), HEADERS, 502),
]


@pytest.mark.parametrize(("asked", "headers", "status"), ROUTER)
def test_openrouters_code_is_its_status(asked: Any, headers: dict[str, str], status: int) -> None:
    answered, answer = ask(exchange(profile="openrouter"), asked, route="chat", headers=headers)
    assert answered == status
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"code", "message", "metadata"}
    assert answer["error"]["code"] == status


def test_openrouter_names_the_provider_and_its_finish_reason() -> None:
    _, completion = ask(exchange(profile="openrouter"), body(), route="chat")
    assert completion["provider"] == "Simulator"
    assert completion["choices"][0]["native_finish_reason"] == "end_turn"
    _, thoughtful = ask(
        exchange(profile="openrouter"), body(model="claude-opus-4-6", reasoning_effort="high"), route="chat"
    )
    assert thoughtful["choices"][0]["message"]["reasoning"]


def test_half_of_openrouters_failures_come_inside_a_200() -> None:
    mind = exchange(profile="openrouter", error_rate=1.0)
    replies = [reply_to(mind, body(f"row {n}"), route="chat") for n in range(200)]
    seen = Counter(reply.status for reply in replies)
    assert 70 < seen[200] < 130
    assert set(seen) == {200, 502, 503}
    for reply in replies:
        assert json.loads(reply.body)["error"]["code"] in (502, 503)
        assert reply.entry is not None
        assert not reply.entry.billed


def test_a_stream_that_fails_late_ends_in_a_chunk_with_the_error() -> None:
    mind = exchange(profile="openrouter", error_rate=1.0)
    replies = [reply_to(mind, body(f"row {n}", stream=True), route="chat") for n in range(40)]
    late = [reply for reply in replies if reply.status == 200]
    assert 5 < len(late) < 35
    for reply in late:
        *_, last = events_of(reply)
        assert last["error"]["code"] in (502, 503)
        assert last["choices"][0]["finish_reason"] == "error"
        assert reply.events is not None
        assert reply.events[-1] != b"data: [DONE]\n\n"
    messages = [reply_to(mind, body(f"row {n}", stream=True)) for n in range(40)]
    ends = [events_of(reply)[-1] for reply in messages if reply.status == 200]
    assert ends
    assert {end["type"] for end in ends} == {"error"}
