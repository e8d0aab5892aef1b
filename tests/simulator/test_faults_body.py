"""Faults of whole bodies and of failures: what stands in them, and in which headers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from pipeline.simulator import fault_replies, profiles
from pipeline.simulator.fault_replies import deformed
from pipeline.simulator.faults import parse
from pipeline.simulator.options import PROFILES
from pipeline.simulator.replies import Reply
from tests.support.simulator.wire import MESSAGE, reply

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CHAT = {
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16},
}


def body(words: str, payload: dict[str, Any] | None = None) -> bytes:
    return deformed(reply(words, body=json.dumps(payload or MESSAGE).encode())).body


def answer(words: str, payload: dict[str, Any] | None = None) -> Any:
    return json.loads(body(words, payload))


def failed(words: str, profile: str = "anthropic") -> Reply:
    made = fault_replies.failed(parse(words), profiles.find(profile), "req_1", retry_after="1", now=NOW)
    assert made is not None
    return made


def test_a_good_body_is_not_touched() -> None:
    plain = reply()
    assert deformed(plain) is plain


def test_answers_can_say_what_they_should_not() -> None:
    assert answer("model=other")["model"] == "other"
    assert "usage" not in answer("no_usage")
    assert "stop_sequence" not in answer("no_stop_sequence")
    assert answer("unknown_block")["content"][0]["type"] == "hologram"
    assert answer("null_content")["content"] is None
    assert answer("null_content", CHAT)["choices"][0]["message"]["content"] is None
    assert answer("usage_negative")["usage"] == {"input_tokens": 9, "output_tokens": -8}
    assert answer("usage_string", CHAT)["usage"]["total_tokens"] == "16"


def test_a_wrapped_answer_is_deformed_inside_its_wrapper() -> None:
    wrapped = answer("model=other,nul", {"code": 200, "data": MESSAGE})
    assert (wrapped["code"], wrapped["data"]["model"]) == (200, "other")
    assert wrapped["data"]["content"][0]["text"] == "Hello, wörld\0"


@pytest.mark.parametrize("payload", [dict(MESSAGE), CHAT])
def test_odd_bytes_stand_in_the_text(payload: dict[str, Any]) -> None:
    assert b'\xe9"' in body("latin1", payload)
    with pytest.raises(UnicodeDecodeError):
        body("latin1", payload).decode()
    assert b'\\ud83d"' in body("lone_surrogate", payload)
    assert b'\\u0000"' in body("nul", payload)
    with pytest.raises(json.JSONDecodeError, match="Invalid control character"):
        json.loads(body("raw_nul", payload))


def test_an_answer_without_text_takes_no_odd_bytes() -> None:
    assert answer("nul", {"type": "message", "content": []})["content"] == []
    silent = {"choices": [{"message": {"content": None}}]}
    assert answer("nul", silent) == silent


def test_bodies_can_be_no_json_at_all() -> None:
    assert answer("nan")["score"] != answer("nan")["score"]
    with pytest.raises(RecursionError):
        answer("deep_json")
    assert body("empty_body") == b""
    assert body("bom").startswith(b"\xef\xbb\xbf{")
    assert json.loads(body("utf16").decode("utf-16"))["model"] == "m"
    assert deformed(reply("utf16")).content_type == "application/json; charset=utf-16"
    assert deformed(reply("latin1")).content_type == "application/json; charset=utf-8"
    assert len(body("notjson")) == len(body("model=m")) // 2


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 504, 524, 529]
)
def test_every_status_has_the_profiles_error_shape(profile: str, status: int) -> None:
    made = failed(f"status={status}", profile)
    assert made.status == status
    assert json.loads(made.body)["error"]["message"]
    assert ("retry-after" in made.headers) == (status == 429)


@pytest.mark.parametrize(
    ("words", "header", "value"),
    [
        ("status=429,retry_after=7", "retry-after", "7"),
        ("status=429,retry_after=0.5", "retry-after", "0.5"),
        ("status=429,retry_after=-5", "retry-after", "-5"),
        ("status=429,retry_after=soon", "retry-after", "soon"),
        ("status=429,retry_after=1000000000", "retry-after", "1000000000"),
        ("status=429,retry_after=none", "retry-after", None),
        ("status=503,retry_after=3", "retry-after", "3"),
        ("status=429,retry_after_ms=250", "retry-after-ms", "250"),
        ("status=400,should_retry=true", "x-should-retry", "true"),
        ("status=500,should_retry=false", "x-should-retry", "false"),
        ("spend_limit", "retry-after", None),
        ("insufficient_quota", "retry-after", None),
        ("status=429", "retry-after", "1"),
    ],
)
def test_failures_say_when_to_come_back(words: str, header: str, value: str | None) -> None:
    assert failed(words).headers.get(header) == value


def test_retry_after_can_be_a_date() -> None:
    assert (parsedate_to_datetime(failed("status=429,retry_after=date").headers["retry-after"]) - NOW).seconds == 2


def test_limits_that_no_waiting_mends() -> None:
    spent = json.loads(failed("spend_limit").body)["error"]
    assert (failed("spend_limit").status, spent["type"]) == (429, "rate_limit_error")
    assert spent["details"] == {"error_code": "enforced_spend_limit_reached"}
    own = failed("spend_limit,status=400")
    assert own.status == 400
    assert json.loads(own.body)["error"]["message"].startswith("You have reached your specified API usage limits")
    quota = failed("insufficient_quota", "openai")
    assert (quota.status, json.loads(quota.body)["error"]["code"]) == (429, "insufficient_quota")


def test_a_redirect_names_another_host() -> None:
    made = failed("redirect=http://127.0.0.2:9/v1")
    assert (made.status, made.headers["location"]) == (307, "http://127.0.0.2:9/v1")


def test_a_page_can_come_with_any_status() -> None:
    for status in (403, 502, 524):
        made = failed(f"html,status={status}")
        assert (made.status, made.content_type) == (status, "text/html; charset=UTF-8")
        assert made.body.startswith(b"<!DOCTYPE html>")


def test_an_answer_that_is_asked_for_is_no_failure() -> None:
    for words in ("", "model=x", "sse_cut_tool", "slow=3", "paid"):
        assert fault_replies.failed(parse(words), profiles.find("ofox"), "r", retry_after="1", now=NOW) is None


def test_streams_and_bodies_take_the_same_word() -> None:
    framed = replace(reply("model=x"), events=(b'data: {"model":"m"}\n\n',))
    assert deformed(framed).events == (b'data: {"model":"x"}\n\n',)
