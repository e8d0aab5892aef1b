"""Limits are read from headers of either family, and only what holds per minute is written."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.settings import Limits
from pipeline.doctor.read_limits import read_limit_hit, read_limits
from pipeline.doctor.records import Change, Reply
from tests.support.doctor import reply, subject

ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-23T00:00:01Z",
    "anthropic-ratelimit-input-tokens-limit": "2000000",
    "anthropic-ratelimit-output-tokens-limit": "8000.5",
    "date": "Mon, 23 Nov 2026 00:00:00 GMT",
}
TABLE = ("providers", "lab", "models", "claude-haiku-4-5", "limits")


def with_headers(headers: dict[str, str]) -> Reply:
    return Reply(status=200, headers=headers)


def test_anthropic_limits_are_found_and_would_be_written_for_the_model() -> None:
    found = read_limits(subject(), with_headers(ANTHROPIC))
    assert found.found == "50 requests, 2,000,000 input tokens, 8,000.5 output tokens per minute"
    assert found.catalog is None
    assert found.differs
    assert found.change == Change(
        table=TABLE,
        values={
            "requests_per_minute": 50,
            "input_tokens_per_minute": 2000000,
            "output_tokens_per_minute": 8000.5,
        },
    )


def test_a_combined_token_limit_bounds_either_side() -> None:
    found = read_limits(subject(), with_headers({"x-ratelimit-limit-tokens": "30000"}))
    assert found.change is not None
    assert found.change.values == {"input_tokens_per_minute": 30000, "output_tokens_per_minute": 30000}


def test_limits_that_settings_know_change_nothing() -> None:
    known = subject(limits=Limits(requests_per_minute=100))
    found = read_limits(known, with_headers({"x-ratelimit-limit-requests": "100"}))
    assert (found.found, found.catalog, found.differs, found.change) == (
        "100 requests per minute",
        "100 requests per minute",
        False,
        None,
    )


def test_what_settings_know_beside_goes_along() -> None:
    # A model's own table stands instead of the provider's, so it must hold all of it.
    known = subject(limits=Limits(requests_per_minute=100, input_tokens_per_minute=9, burst_seconds=1))
    found = read_limits(known, with_headers({"x-ratelimit-limit-requests": "200"}))
    assert found.change is not None
    assert found.change.values == {
        "requests_per_minute": 200,
        "input_tokens_per_minute": 9,
        "burst_seconds": 1,
    }


def test_the_users_own_limits_are_kept() -> None:
    mine = subject(limits=Limits(requests_per_minute=20), keeps_limits=True)
    found = read_limits(mine, with_headers({"x-ratelimit-limit-requests": "200"}))
    assert found.differs
    assert found.change is None
    assert "your own limits are kept" in found.note


@pytest.mark.parametrize(
    ("headers", "minute"),
    [
        ({"x-ratelimit-limit-requests": "14400", "x-ratelimit-reset-requests": "2m59.56s"}, False),
        ({"x-ratelimit-limit-requests": "14400", "x-ratelimit-reset-requests": "6m0s"}, False),
        ({"x-ratelimit-limit-requests": "100", "x-ratelimit-reset-requests": "12s"}, True),
        ({"x-ratelimit-limit-requests": "100", "x-ratelimit-reset-requests": "1m0s"}, True),
        ({"x-ratelimit-limit-requests": "100", "x-ratelimit-reset-requests": "soon"}, True),
        ({**ANTHROPIC, "anthropic-ratelimit-requests-reset": "2026-11-23T01:00:00Z"}, False),
    ],
)
def test_a_limit_that_refills_for_longer_than_a_minute_is_not_one_per_minute(
    headers: dict[str, str], minute: bool
) -> None:
    found = read_limits(subject(), with_headers(headers))
    values: Any = found.change.values if found.change else {}
    assert ("requests_per_minute" in values) == minute
    assert ("not per minute" in found.note) != minute


@pytest.mark.parametrize("value", ["", "0", "-5", "nan", "inf", "many"])
def test_a_limit_that_is_no_number_is_ignored(value: str) -> None:
    found = read_limits(subject(), with_headers({"x-ratelimit-limit-requests": value}))
    assert (found.found, found.change) == ("no limit per minute", None)


def test_no_headers_are_said_to_be_missing() -> None:
    assert read_limits(subject(), with_headers({"date": "x"})).found == "no headers"


def test_a_429_tells_its_retry_after_and_none_is_asked_for() -> None:
    assert read_limit_hit([reply({})]).found == "not seen"
    assert read_limit_hit([reply({}), reply({}, 429, retry_after="7")]).found == "retry-after: 7"
    assert read_limit_hit([reply({}, 429)]).found == "missing"
