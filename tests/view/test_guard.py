"""Only this machine's browser gets an answer, and only by GET."""

from __future__ import annotations

import pytest

from pipeline.view.guard import refusal

HOST = {"Host": "127.0.0.1:4000"}


@pytest.mark.parametrize(
    ("headers", "is_data", "status"),
    [
        (HOST, True, None),
        ({"Host": "localhost:4000"}, False, None),
        ({"Host": "LOCALHOST:4000"}, False, None),
        ({"Host": "127.0.0.1"}, False, 421),
        ({"Host": "127.0.0.1:80"}, False, 421),
        ({"Host": "evil.example:4000"}, False, 421),
        ({"Host": "127.0.0.1.evil.example:4000"}, False, 421),
        ({}, False, 421),
        ({**HOST, "Origin": "http://127.0.0.1:4000", "Sec-Fetch-Site": "same-origin"}, True, None),
        ({**HOST, "Origin": "http://evil.example"}, True, 403),
        ({**HOST, "Origin": "null"}, True, 403),
        ({**HOST, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, True, 403),
        ({**HOST, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, True, 403),
        ({**HOST, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False, 403),
        ({**HOST, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False, None),
    ],
)
def test_who_may_ask(headers: dict[str, str], is_data: bool, status: int | None) -> None:
    found = refusal("GET", headers, 4000, is_data=is_data)
    assert (found and found[0]) == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_but_get_is_answered(method: str) -> None:
    found = refusal(method, HOST, 4000, is_data=False)
    assert found is not None
    assert found[0] == 405
