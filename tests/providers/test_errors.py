from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.providers.errors import classify
from tests.support.error_shapes import CASES, CDN_PAGE, anthropic, openai


def encoded(body: Any) -> bytes | None:
    return body if body is None or isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize(("status", "body", "kind"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_error_is_classified(status: int, body: Any, kind: str) -> None:
    failure = classify(status, {}, encoded(body))

    assert failure.kind == kind
    assert failure.transient == (kind in ("rate", "overload", "conflict", "transport"))
    expected = {"auth": "run", "billing": "run", "model": "lane", "endpoint": "run"}
    assert failure.stops == expected.get(kind, "nothing")


@pytest.mark.parametrize(
    ("status", "answer", "body", "transient"),
    [
        (500, "false", anthropic("api_error"), False),
        (529, "false", anthropic("overloaded_error"), False),
        (400, "true", anthropic("invalid_request_error"), True),
        (401, "true", anthropic("authentication_error"), True),
        (400, "true", openai("context_length_exceeded"), False),
        (429, "true", openai("insufficient_quota"), False),
        (302, "true", b"", False),
        (500, "perhaps", b"", True),
    ],
)
def test_x_should_retry_is_obeyed_over_the_status_but_not_over_a_decisive_code(
    status: int, answer: str, body: Any, transient: bool
) -> None:
    failure = classify(status, {"X-Should-Retry": answer}, encoded(body))

    assert failure.transient is transient
    assert not (transient and failure.stops != "nothing")


def test_a_code_in_the_body_decides_over_the_http_status() -> None:
    assert classify(500, {}, encoded({"error": {"code": 429, "message": "m"}})).kind == "rate"


def test_the_effective_status_is_shown_for_an_error_inside_200() -> None:
    failure = classify(200, {}, encoded({"code": 401, "message": "bad key"}))

    assert (failure.kind, failure.http_status) == ("auth", 401)
    assert "bad key" in failure.message


def test_the_message_holds_the_providers_words_and_its_request_id() -> None:
    failure = classify(429, {}, encoded(anthropic("rate_limit_error", "slow down, please")))

    assert failure.message == "HTTP 429 rate_limit_error: slow down, please"
    assert failure.request_id == "req_1"


def test_what_the_upstream_said_is_shown_too() -> None:
    body = {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "upstream broke"}}}

    assert classify(502, {}, encoded(body)).message == "HTTP 502: Provider returned error: upstream broke"


def test_every_wrong_field_of_a_fastapi_error_is_named() -> None:
    body = {"detail": [{"loc": ["body", "a"], "msg": "required"}, {"loc": ["body", "b"], "msg": "too big"}]}

    assert classify(422, {}, encoded(body)).message == "HTTP 422: body.a: required; body.b: too big"


def test_a_page_is_reduced_to_its_title() -> None:
    failure = classify(502, {}, CDN_PAGE)

    assert failure.message == "HTTP 502: an HTML page instead of an API answer (Just a moment...)"
    assert "blocked by a CDN" in classify(403, {}, CDN_PAGE).message


def test_a_page_without_a_title_is_reduced_to_its_text() -> None:
    page = b"<html><script>var secret = 1</script><body>Bad &amp; gateway</body></html>"

    assert classify(502, {}, page).message.endswith("(Bad & gateway)")


def test_a_redirect_names_where_it_leads_without_query_or_user() -> None:
    failure = classify(302, {"Location": "https://user:pw@other.example/v1?token=abc"}, b"")

    assert "other.example/v1" in failure.message
    assert "abc" not in failure.message
    assert "pw" not in failure.message


@pytest.mark.parametrize("model", ["claude-opus-4-1-20250805", "anthropic/claude-opus-4.1", "claude-opus-4-1"])
def test_a_retired_model_is_told_its_successor(model: str) -> None:
    message = classify(404, {}, encoded(anthropic("not_found_error", f"model: {model}"))).message

    assert message.endswith("retires on 2026-08-05; its successor is claude-opus-4-8")


def test_an_unknown_model_gets_no_hint() -> None:
    message = classify(404, {}, encoded(anthropic("not_found_error", "model: claude-foo"))).message

    assert message == "HTTP 404 not_found_error: model: claude-foo"


def test_a_long_message_is_cut_without_leaving_half_a_key() -> None:
    key = "sk-CANARY-7f3a7f3a7f3a7f3a7f3a7f3a"
    for padding in range(1940, 2000):
        message = classify(400, {}, encoded({"error": "x " * (padding // 2) + key + " tail" * 100})).message
        assert len(message) <= 2000
        assert key in message or "sk-" not in message


@pytest.mark.parametrize(
    ("status", "body", "paid"),
    [
        (502, b"", True),
        (504, b"", True),
        (524, CDN_PAGE, True),
        (500, b"", False),
        (503, b"", False),
        (529, b"", False),
    ],
)
def test_a_proxy_that_gave_up_may_have_left_a_paid_generation(status: int, body: bytes, paid: bool) -> None:
    assert classify(status, {}, body).possibly_paid is paid


def test_a_refusal_costs_nothing_however_it_is_sent() -> None:
    for status, body in ((429, anthropic("rate_limit_error")), (400, b""), (200, {"code": 401, "message": "m"})):
        assert not classify(status, {}, encoded(body)).possibly_paid


def test_a_demand_to_wait_is_read_where_waiting_helps() -> None:
    headers = {"Retry-After": "7"}

    assert classify(429, headers, b"").retry_after_seconds == 7.0
    assert classify(503, headers, b"").retry_after_seconds == 7.0
    assert classify(401, headers, b"").retry_after_seconds is None


def test_levels_of_limits_ask_for_a_wait_only_where_one_was_hit() -> None:
    headers = {"x-ratelimit-reset-requests": "12s"}

    assert classify(429, headers, b"").retry_after_seconds == 12.0
    assert classify(500, headers, b"").retry_after_seconds is None


def test_googles_retry_info_is_read() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [{"x": 1}, info]}}

    assert classify(429, {}, encoded(body)).retry_after_seconds == 34.5


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"0",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"error":[[]]}',
        b'{"error":{"code":[1]}}',
        b'{"detail":7}',
        b'{"error":{"error":{"error":{"error":{"error":{}}}}}}',
        b'{"message":["a"],"errors":[1]}',
        b'{"code":true}',
    ],
)
def test_no_body_breaks_the_classifier(body: bytes) -> None:
    failure = classify(500, {}, body)

    assert failure.http_status == 500
    assert failure.message.startswith("HTTP 500")


@pytest.mark.parametrize(
    ("status", "headers", "value", "kind"),
    [
        (404, {}, {"error": {"type": "not_found_error", "message": "Not found: POST /v1/v1/messages"}}, "endpoint"),
        (400, {}, {"error": {"code": 400, "message": "x/y is not a valid model ID"}}, "model"),
        (302, {"location": "http://[::1"}, {}, "endpoint"),
    ],
)
def test_a_wrong_address_is_told_from_a_wrong_model(
    status: int, headers: dict[str, str], value: dict[str, Any], kind: str
) -> None:
    assert classify(status, headers, json.dumps(value).encode()).kind == kind
