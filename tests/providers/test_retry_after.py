from __future__ import annotations

import pytest

from pipeline.providers.retry_after import reset_seconds, retry_after_seconds

DATE = {"date": "Sun, 22 Nov 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1000000000"}, 1e9),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after-ms": "-1", "retry-after": "9"}, 9.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"} | DATE, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 11:59:00 GMT"} | DATE, None),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT", "date": "yesterday"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "1_0"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "a while"} | DATE, None),
        ({}, None),
    ],
)
def test_a_demand_to_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "12s"}, 12.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "3"}, 3.0),
        ({"x-ratelimit-reset-requests": "9s", "x-ratelimit-remaining-requests": "4"}, None),
        ({"x-ratelimit-reset-requests": "later"}, None),
        ({"anthropic-ratelimit-requests-reset": "2026-11-22T12:00:10Z"} | DATE, 10.0),
        ({"anthropic-ratelimit-requests-reset": "2026-11-22T12:00:10Z"}, None),
        (
            {
                "anthropic-ratelimit-requests-reset": "2026-11-22T12:00:10Z",
                "anthropic-ratelimit-requests-remaining": "3",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-22T12:00:04Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
            }
            | DATE,
            4.0,
        ),
        ({"anthropic-ratelimit-tokens-reset": "noon"} | DATE, None),
        ({}, None),
    ],
)
def test_the_reset_of_an_exhausted_limit_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert reset_seconds(headers) == seconds
