"""Token buckets by a manual clock: who is let in, what the headers say, when to come back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import SettingsError
from pipeline.simulator.options import Options
from pipeline.simulator.rate_limits import Demand, RateLimits, duration
from tests.support.clock import ManualClock
from tests.support.simulator.exchanges import HEADERS, ask, body, exchange, reply_to, serve

# 1,000 tokens with the frame around it: a word of four letters is one token, the frame costs seven.
THOUSAND = " ".join(["word"] * 993)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_requests_refill_continuously_and_not_by_the_minute(clock: ManualClock) -> None:
    mind = exchange(clock, requests_per_minute=6)
    assert [serve(mind, body(f"row {n}")).status for n in range(8)] == [200] * 6 + [429] * 2
    clock.advance(9.9)
    assert serve(mind, body("row")).status == 429
    clock.advance(0.1)
    assert [serve(mind, body(f"row {n}")).status for n in range(2)] == [200, 429]
    assert mind.limits.refused == {"requests": 4}


def test_a_refusal_is_a_429_that_says_when_to_come_back(clock: ManualClock) -> None:
    mind = exchange(clock, requests_per_minute=6)
    for n in range(6):
        serve(mind, body(f"row {n}"))
    reply = reply_to(mind, body("row"))
    assert reply.headers["retry-after"] == "10"
    _, answer = ask(mind, body("row"))
    assert answer["error"]["type"] == "rate_limit_error"
    assert "6 requests per minute" in answer["error"]["message"]
    assert reply.entry is not None
    assert (reply.entry.status, reply.entry.billed) == (429, False)
    clock.advance(10)
    assert serve(mind, body("row")).status == 200


def test_whoever_waits_as_told_is_let_in(clock: ManualClock) -> None:
    mind = exchange(clock, requests_per_minute=7, input_tokens_per_minute=2_345)
    for n in range(40):
        reply = serve(mind, body(f"{THOUSAND} {n}"))
        if reply.status == 429:
            clock.advance(float(reply.headers["retry-after"]))
            assert serve(mind, body(f"{THOUSAND} {n}")).status == 200


@given(
    waits=st.lists(st.floats(0, 30), min_size=1, max_size=80),
    sizes=st.lists(st.integers(1, 40), min_size=80, max_size=80),
)
def test_never_more_gets_in_than_a_full_bucket_and_its_refill(waits: list[float], sizes: list[int]) -> None:
    clock = ManualClock()
    options = Options(requests_per_minute=10, input_tokens_per_minute=100)
    limits = RateLimits(options, clock, accounting="as-used", style="none")
    admitted: list[tuple[float, int]] = []
    for wait, size in zip(waits, sizes, strict=False):
        clock.advance(wait)
        if limits.admit(Demand(account=("k", "m"), input_tokens=size)) is None:
            admitted.append((clock.monotonic(), size))
    for start, (begin, _) in enumerate(admitted):
        for end in range(start, len(admitted)):
            span = admitted[end][0] - begin
            assert end - start + 1 <= 10 + 10 * span / 60 + 1e-3
            assert sum(size for _, size in admitted[start : end + 1]) <= 100 + 100 * span / 60 + 1e-3


def test_input_is_charged_at_the_start(clock: ManualClock) -> None:
    mind = exchange(clock, input_tokens_per_minute=3_000)
    assert [serve(mind, body(THOUSAND)).status for _ in range(4)] == [200, 200, 200, 429]
    clock.advance(20)
    assert [serve(mind, body(THOUSAND)).status for _ in range(2)] == [200, 429]
    assert mind.limits.refused == {"input-tokens": 2}


def test_cache_reads_are_not_counted(clock: ManualClock) -> None:
    mind = exchange(clock, input_tokens_per_minute=1_700)
    asked = body(
        "Why?", system=[{"type": "text", "text": " ".join(["word"] * 1_500), "cache_control": {"type": "ephemeral"}}]
    )
    assert [serve(mind, asked).status for _ in range(20)] == [200] * 20
    assert serve(mind, body(THOUSAND)).status == 429


def test_output_counts_when_it_has_been_sent_and_max_tokens_does_not(clock: ManualClock) -> None:
    mind = exchange(clock, output_tokens_per_minute=60)
    asked = body("Tell me something about the sea, please.", max_tokens=64_000)
    together = [reply_to(mind, asked) for _ in range(20)]
    assert {reply.status for reply in together} == {200}
    for reply in together:
        mind.finished(reply)
    spent = sum(reply.entry.output_tokens for reply in together if reply.entry is not None)
    assert spent > 120
    assert reply_to(mind, asked).status == 429
    clock.advance(spent - 60)
    assert reply_to(mind, asked).status == 429
    clock.advance(1.5)
    assert reply_to(mind, asked).status == 200


def test_openai_charges_the_promised_output_at_the_start(clock: ManualClock) -> None:
    mind = exchange(clock, profile="openai", input_tokens_per_minute=3_000, output_tokens_per_minute=1)
    asked = body("Hi", max_tokens=1_500)
    assert [serve(mind, asked, route="chat").status for _ in range(3)] == [200, 200, 429]
    clock.advance(30)
    assert serve(mind, body(THOUSAND, max_tokens=1), route="chat").status == 200
    assert serve(mind, asked, route="chat").status == 429
    assert mind.limits.refused == {"tokens": 2}


def test_keys_and_models_have_buckets_of_their_own(clock: ManualClock) -> None:
    mind = exchange(clock, requests_per_minute=1)
    assert serve(mind, body()).status == 200
    assert serve(mind, body()).status == 429
    assert serve(mind, body(model="sim-large")).status == 200
    assert serve(mind, body(), headers={**HEADERS, "x-api-key": "another"}).status == 200


def test_a_refused_body_costs_nothing_and_a_refusal_is_no_sighting(clock: ManualClock) -> None:
    mind = exchange(clock, requests_per_minute=1)
    assert ask(mind, body(max_tokens=...))[0] == 400
    asked = body("Hi [[sim:status=500,times=1]]")
    assert [serve(mind, asked).status for _ in range(2)] == [500, 429]
    clock.advance(60)
    assert serve(mind, asked).status == 200


def test_anthropic_tells_limits_on_every_answer(clock: ManualClock) -> None:
    mind = exchange(clock, requests_per_minute=50, input_tokens_per_minute=30_000, output_tokens_per_minute=8_000)
    headers = serve(mind, body(THOUSAND + " word" * 600)).headers
    told = {name.removeprefix("anthropic-ratelimit-"): value for name, value in headers.items() if "limit" in name}
    assert told == {
        "requests-limit": "50",
        "requests-remaining": "49",
        "requests-reset": "2026-01-02T03:04:07Z",
        "input-tokens-limit": "30000",
        "input-tokens-remaining": "28000",
        "input-tokens-reset": "2026-01-02T03:04:09Z",
        "output-tokens-limit": "8000",
        "output-tokens-remaining": "8000",
        "output-tokens-reset": "2026-01-02T03:04:05Z",
        "tokens-limit": "8000",
        "tokens-remaining": "8000",
        "tokens-reset": "2026-01-02T03:04:05Z",
    }
    assert "anthropic-ratelimit-requests-limit" in reply_to(mind, body(stream=True)).headers


def test_openai_tells_limits_with_durations(clock: ManualClock) -> None:
    mind = exchange(clock, profile="openai", requests_per_minute=60, input_tokens_per_minute=600)
    headers = serve(mind, body("Hi", max_tokens=100), route="chat").headers
    assert {name: value for name, value in headers.items() if name.startswith("x-ratelimit")} == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "600",
        "x-ratelimit-remaining-tokens": "500",
        "x-ratelimit-reset-tokens": "10s",
    }


def test_ofox_tells_the_requests_only(clock: ManualClock) -> None:
    mind = exchange(clock, profile="ofox", requests_per_minute=5, input_tokens_per_minute=60_000)
    told = {name for name in serve(mind, body()).headers if "ratelimit" in name}
    assert told == {f"x-ratelimit-{what}-requests" for what in ("limit", "remaining", "reset")}


def test_no_limit_means_no_header_and_no_refusal() -> None:
    mind = exchange()
    replies = [serve(mind, body(f"row {n}")) for n in range(200)]
    assert {reply.status for reply in replies} == {200}
    assert not any("ratelimit" in name for name in replies[0].headers)
    assert not mind.limits.refused


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.0, "0ms"), (0.02, "20ms"), (1.0, "1s"), (9.2, "10s"), (60.0, "1m0s"), (360.0, "6m0s")]
)
def test_durations_are_written_as_openai_does(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize("name", ["requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute"])
def test_a_limit_below_one_is_refused(name: str) -> None:
    given: dict[str, Any] = {name: 0}
    with pytest.raises(SettingsError, match=f"{name} is 0; it must be at least 1"):
        Options(**given)
