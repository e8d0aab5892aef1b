"""Limits are read out of the headers of both families, and nonsense is left out."""

from __future__ import annotations

import pytest

from pipeline.providers.limit_headers import ToldLimit, told_limits


def raw(**headers: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]


def test_anthropics_headers_name_three_limits() -> None:
    headers = raw(
        anthropic_ratelimit_requests_limit="50",
        anthropic_ratelimit_requests_remaining="49",
        Anthropic_Ratelimit_Input_Tokens_Limit="30000",
        anthropic_ratelimit_input_tokens_remaining="29000",
        anthropic_ratelimit_output_tokens_limit="8000",
        anthropic_ratelimit_tokens_limit="38000",
        request_id="req_1",
    )
    assert told_limits(headers) == (
        ToldLimit(kind="requests", per_minute=50, remaining=49),
        ToldLimit(kind="input", per_minute=30_000, remaining=29_000),
        ToldLimit(kind="output", per_minute=8_000),
    )


def test_openais_headers_name_requests_and_tokens_together() -> None:
    headers = raw(
        x_ratelimit_limit_requests="500",
        x_ratelimit_remaining_requests="499",
        x_ratelimit_reset_requests="120ms",
        x_ratelimit_limit_tokens="30000",
        x_ratelimit_remaining_tokens="12000",
        x_ratelimit_reset_tokens="36s",
    )
    assert told_limits(headers) == (
        ToldLimit(kind="requests", per_minute=500, remaining=499),
        ToldLimit(kind="tokens", per_minute=30_000, remaining=12_000),
    )


def test_a_limit_by_the_day_does_not_pace() -> None:
    headers = raw(
        x_ratelimit_limit_requests="200", x_ratelimit_remaining_requests="199", x_ratelimit_reset_requests="7m12s"
    )
    assert told_limits(headers) == ()


@pytest.mark.parametrize(("reset", "paces"), [("2026-11-23T00:00:40Z", True), ("2026-11-23T06:00:00Z", False)])
def test_a_reset_at_a_time_counts_from_the_date_of_the_answer(reset: str, paces: bool) -> None:
    headers = raw(
        date="Mon, 23 Nov 2026 00:00:00 GMT",
        anthropic_ratelimit_requests_limit="50",
        anthropic_ratelimit_requests_reset=reset,
    )
    assert told_limits(headers) == ((ToldLimit(kind="requests", per_minute=50),) if paces else ())


@pytest.mark.parametrize("value", ["", "many", "-1", "0", "5e-324", "nan", "inf", "1e999"])
def test_a_limit_that_is_no_number_is_left_out(value: str) -> None:
    assert told_limits(raw(anthropic_ratelimit_requests_limit=value, x_ratelimit_limit_requests=value)) == ()


def test_a_remaining_count_that_is_no_number_is_unknown() -> None:
    headers = raw(anthropic_ratelimit_requests_limit="50", anthropic_ratelimit_requests_remaining="some")
    assert told_limits(headers) == (ToldLimit(kind="requests", per_minute=50),)


def test_other_headers_tell_nothing() -> None:
    assert told_limits(raw(content_type="application/json", retry_after="3")) == ()
