from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.core.records import Failure, Request, Response
from pipeline.providers.body import MAX_BODY_BYTES
from pipeline.providers.formats import wire_format
from tests.support.providers import decode

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


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"<html><title>Login</title></html>", "Login"),
        (json.dumps(MESSAGE).encode()[:-5], "not JSON"),
        (b"event: message_start\ndata: {}\n\n", "the stream ended early"),
        (b"{}", "neither an answer nor an error"),
        (b"null", "no JSON object"),
        (b'"hello"', "no JSON object"),
        (b'{"type":"message"}', "no content"),
        (b'{"type":"message","content":{"a":1}}', "no content"),
        (b'{"code":200,"data":{"id":1}}', "wrapper holds no answer"),
        (b'{"code":200,"data":null}', "neither an answer nor an error"),
        (b'{"message":"ok"}', "neither an answer nor an error"),
    ],
)
def test_a_200_that_is_no_answer_is_tried_again_and_may_have_been_paid(body: bytes, reason: str) -> None:
    failure = fail(body)

    assert reason in failure.message
    assert (failure.kind, failure.transient, failure.possibly_paid) == ("transport", True, True)


def test_an_excerpt_of_an_unreadable_body_is_short() -> None:
    assert len(fail(b"x " * 100_000).message) <= 2000


@pytest.mark.parametrize(
    ("value", "kind", "status"),
    [
        ({"error": {"type": "overloaded_error", "message": "m"}}, "overload", 200),
        ({"error": "quota"}, "overload", 200),
        ({"code": 429, "message": "m"}, "rate", 429),
        ({"code": "401", "message": "m"}, "auth", 401),
        ({"code": 500, "data": MESSAGE}, "overload", 500),
        ({"code": 200, "data": {"error": {"type": "billing_error", "message": "m"}}}, "billing", 200),
        (MESSAGE | {"content": [], "error": {"type": "api_error", "message": "m"}}, "overload", 200),
        ([{"error": {"code": 503, "message": "m"}}], "overload", 503),
    ],
)
def test_an_error_inside_200_is_a_failure(value: Any, kind: str, status: int) -> None:
    failure = fail(value)

    assert (failure.kind, failure.http_status) == (kind, status)


def test_what_a_failed_answer_was_billed_is_kept() -> None:
    failure = fail({"error": {"code": 502, "message": "m"}, "usage": {"input_tokens": 9, "output_tokens": 4}})

    assert failure.usage is not None
    assert (failure.usage.input_tokens, failure.usage.output_tokens) == (9, 4)
    assert failure.possibly_paid


@pytest.mark.parametrize("code", [200, 201, "200", 200.0])
def test_a_wrapper_with_any_2xx_code_is_taken_off(code: Any) -> None:
    assert read({"code": code, "data": MESSAGE}).text == "hi"


def test_a_null_error_beside_an_answer_means_nothing() -> None:
    assert read(MESSAGE | {"error": None}).text == "hi"


def test_an_answer_without_a_type_is_known_by_content_and_usage() -> None:
    assert read({name: value for name, value in MESSAGE.items() if name != "type"}).text == "hi"


def test_what_the_gateway_says_it_billed_is_kept_with_the_usage() -> None:
    answer = read({"code": 200, "cost": 0.01, "data": MESSAGE | {"credits_cost": 3}})

    assert answer.usage.raw == {"cost": 0.01, "credits_cost": 3, "input_tokens": 3, "output_tokens": 2}


def test_an_endless_body_is_a_permanent_failure_and_says_when_to_stop() -> None:
    decoder = wire_format("anthropic-messages").decoder(200, {})
    chunk = b" " * (MAX_BODY_BYTES // 4)
    for _ in range(4):
        decoder.feed(chunk)
        assert not decoder.done
    decoder.feed(b" ")
    failure = decoder.finish()

    assert decoder.done
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.transient) == ("output", False)
    assert "64 MiB" in failure.message


def test_a_bottomless_body_is_a_permanent_failure() -> None:
    failure = fail(MESSAGE | {"content": [{"type": "text", "text": "x", "deep": _nested(80)}]})

    assert (failure.kind, failure.transient) == ("output", False)


def test_an_error_body_over_the_cap_is_still_classified_by_its_status() -> None:
    decoder = wire_format("anthropic-messages").decoder(429, {"retry-after": "2"})
    for _ in range(5):
        decoder.feed(b" " * (MAX_BODY_BYTES // 4))
    failure = decoder.finish()

    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retry_after_seconds) == ("rate", 2.0)


def test_a_lone_surrogate_and_a_nan_do_not_lose_the_answer() -> None:
    body = (
        b'{"type":"message","content":[{"type":"text","text":"a\\ud800b"}],"stop_reason":"end_turn","usage":{"x":NaN}}'
    )

    assert read(body).text == "a\ufffdb"


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value
