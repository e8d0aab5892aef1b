"""Faults: forced ones do what they say, drawn ones come at their rate and again in the same places."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import SettingsError
from pipeline.simulator import faults
from pipeline.simulator.options import Options
from tests.support.clock import ManualClock
from tests.support.simulator.exchanges import HEADERS, ask, body, exchange, reply_to, text_of


def statuses(requests: int = 1_000, **options: float) -> list[int]:
    mind = exchange(**options)
    return [reply_to(mind, body(f"row {n}")).status for n in range(requests)]


def test_rates_are_met_and_reproducible() -> None:
    seen = statuses(error_rate=0.1, rate_limited=0.2, seed=4)
    assert seen == statuses(error_rate=0.1, rate_limited=0.2, seed=4)
    assert seen != statuses(error_rate=0.1, rate_limited=0.2, seed=5)
    assert set(seen) == {200, 429, 500, 529}
    assert 150 < seen.count(429) < 250
    assert 60 < seen.count(500) + seen.count(529) < 140
    assert min(seen.count(500), seen.count(529)) > 20


def test_gateways_fail_with_503_where_the_original_is_overloaded() -> None:
    mind = exchange(error_rate=1.0, profile="ofox")
    assert {reply_to(mind, body(f"row {n}")).status for n in range(40)} == {500, 503}


def test_any_fault_can_have_a_rate() -> None:
    shares = {"status=503,retry_after=9": 0.2, "cut_chunked": 0.1}
    mind = exchange(faults=shares, rate_limited=0.1, seed=1)
    seen = Counter(reply_to(mind, body(f"row {n}")).directives.label for n in range(1_000))
    assert set(seen) == {None, "status=429", "cut_chunked", "status=503,retry_after=9"}
    assert 150 < seen["status=503,retry_after=9"] < 250
    assert 60 < seen["cut_chunked"] < 140
    again = exchange(faults=shares, rate_limited=0.1, seed=1)
    assert seen == Counter(reply_to(again, body(f"row {n}")).directives.label for n in range(1_000))


def test_a_sighting_draws_anew() -> None:
    mind = exchange(faults={"notjson": 0.5})
    assert {reply_to(mind, body("one row")).directives.label for _ in range(30)} == {None, "notjson"}


def test_what_a_request_asks_for_leaves_nothing_to_chance() -> None:
    mind = exchange(faults={"notjson": 1.0})
    assert reply_to(mind, body("[[sim:model=other]]")).directives.label == "model=other"
    assert reply_to(mind, body("[[sim:model=other,times=0]]")).directives.label == "notjson"


@pytest.mark.parametrize(("words", "status"), [("status=524,html,paid", 524), ("reset,paid", 0)])
def test_a_fault_can_cost_what_its_answer_costs(words: str, status: int) -> None:
    failed = reply_to(exchange(), body(f"Tell me more. [[sim:{words}]]")).entry
    assert failed is not None
    assert (failed.billed, failed.status) == (True, status)
    assert failed.output_tokens > 0
    assert failed.input_tokens > 0


def test_every_fault_has_its_explanation_and_can_be_asked_for() -> None:
    assert len(faults.FLAGS) > 50
    for word, about in faults.FLAGS.items():
        assert faults.parse(word).words == {word}
        assert len(about) > 5
    examples = {"status": "503", "code": "1", "slow": "1", "gap": "1", "should_retry": "true", "times": "1"}
    for name in faults.VALUES:
        assert getattr(faults.parse(f"{name}={examples.get(name, 'x')}"), name) is not None


def test_the_document_explains_every_fault() -> None:
    text = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z_0-9]+)[^`]*` \| (.+) \|$", text, re.MULTILINE))
    explained = {**faults.FLAGS, **{name: about for name, (_, about) in faults.VALUES.items()}}
    assert {name: rows.get(name) for name in explained} == explained


def test_no_rate_means_no_fault() -> None:
    assert set(statuses(300)) == {200}


def test_retries_succeed_in_the_end_with_the_answer_of_an_undisturbed_run() -> None:
    mind, calm = exchange(error_rate=0.4, rate_limited=0.3), exchange()
    for n in range(50):
        tries = [ask(mind, body(f"row {n}")) for _ in range(40)]
        first = next(message for status, message in tries if status == 200)
        assert first == ask(calm, body(f"row {n}"))[1]


def test_a_forced_status_lasts_as_many_times_as_it_says() -> None:
    mind = exchange()
    asked = body("Hello [[sim:status=503,times=2]]")
    assert [reply_to(mind, asked).status for _ in range(4)] == [503, 503, 200, 200]
    assert reply_to(mind, body("Another [[sim:status=503 times=2]]")).status == 503


def test_the_header_forces_as_the_marker_does() -> None:
    headers = {**HEADERS, "x-sim": "status=418"}
    assert reply_to(exchange(), body(), headers=headers).status == 418
    assert reply_to(exchange(), body(), headers=headers, route="chat").status == 418


def test_only_the_last_user_turn_is_searched_for_markers() -> None:
    asked = body()
    asked["messages"] = [
        {"role": "user", "content": "[[sim:status=500]]"},
        {"role": "assistant", "content": "oh"},
        {"role": "user", "content": "again"},
    ]
    assert reply_to(exchange(), asked).status == 200


def test_a_refusal_is_an_answer_without_content() -> None:
    _, message = ask(exchange(), body("[[sim:refusal]]"))
    assert (message["content"], message["stop_reason"]) == ([], "refusal")
    assert message["stop_details"]["type"] == "refusal"
    _, completion = ask(exchange(), body("[[sim:refusal]]"), route="chat")
    assert completion["choices"][0]["finish_reason"] == "content_filter"


def test_an_empty_answer_ends_in_order() -> None:
    _, message = ask(exchange(), body("[[sim:empty]]"))
    assert (message["content"], message["stop_reason"], message["usage"]["output_tokens"]) == ([], "end_turn", 2)


def test_a_forced_truncation_stops_half_way() -> None:
    _, whole = ask(exchange(), body("Tell me about whales. [[sim:slow=1]]"))
    _, cut = ask(exchange(), body("Tell me about whales. [[sim:max_tokens]]"))
    assert cut["stop_reason"] == "max_tokens"
    assert 0 < len(text_of(cut)) < len(text_of(whole)) * 2


def test_html_can_come_with_any_status() -> None:
    plain, bad = (reply_to(exchange(), body(f"[[sim:{words}]]")) for words in ("html", "html,status=502"))
    assert (plain.status, bad.status) == (200, 502)
    assert plain.content_type.startswith("text/html")
    assert plain.body.startswith(b"<!DOCTYPE html>")


def test_an_error_inside_200_has_the_profiles_error_shape() -> None:
    status, answer = ask(exchange(), body("[[sim:error200]]"))
    assert (status, answer["type"], answer["error"]["type"]) == (200, "error", "overloaded_error")
    assert set(ask(exchange(profile="ofox"), body("[[sim:error200]]"))[1]) == {"error"}


def test_a_wrapper_can_carry_a_bad_code() -> None:
    status, answer = ask(exchange(profile="apimart-wrapped"), body("[[sim:code=429]]"))
    assert (status, answer["code"], answer["data"]) == (200, 429, {})
    assert "Rate limit" in answer["message"]


def test_a_broken_body_is_half_of_a_good_one() -> None:
    reply = reply_to(exchange(), body("[[sim:notjson]]"))
    assert reply.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.body)


def test_usage_and_stop_reason_can_be_deformed() -> None:
    _, message = ask(exchange(), body("[[sim:no_usage]] [[sim:stop_reason=pause_turn]]"))
    assert "usage" not in message
    assert message["stop_reason"] == "pause_turn"
    _, completion = ask(exchange(), body("[[sim:stop_reason=error]]"), route="chat")
    assert completion["choices"][0]["finish_reason"] == "error"


@pytest.mark.parametrize("word", ["sttus=500", "status=abc", "status=99", "slow=-1", "times", "refusal=1"])
def test_an_unknown_marker_is_refused_by_name(word: str) -> None:
    status, answer = ask(exchange(), body(f"[[sim:{word}]]"))
    assert status == 400
    assert repr(word) in answer["error"]["message"]
    assert "slow=SECONDS" in answer["error"]["message"]


def test_latency_is_seeded_scaled_and_grows_with_the_answer() -> None:
    def waits(model: str = "sim-small", **options: float) -> list[float]:
        mind = exchange(**{"latency_scale": 1.0, **options})
        return sorted(reply_to(mind, body(f"row {n}", model=model)).wait_seconds for n in range(300))

    small, medium, large = (waits(f"sim-{size}") for size in ("small", "medium", "large"))
    assert small == waits()
    assert waits(latency_scale=0.0) == [0.0] * 300
    assert waits(latency_scale=3.0)[150] == pytest.approx(3 * small[150])
    assert [0.03 < small[150] < 0.09, 0.06 < medium[150] < 0.18, 0.12 < large[150] < 0.36] == [True] * 3
    assert small[299] > 1.5 * small[150] > 2.0 * small[0]
    mind = exchange(latency_scale=1.0)
    short, long = (
        sum(reply_to(mind, body(f"row {n}", max_tokens=most)).wait_seconds for n in range(50)) for most in (1, 200)
    )
    assert long > 1.2 * short


def test_a_slow_answer_waits_unscaled() -> None:
    assert reply_to(exchange(), body("[[sim:slow=2.5]]")).wait_seconds == 2.5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"profile": "nobody"}, "no profile 'nobody'; choose one of anthropic, apimart-wrapped"),
        ({"error_rate": 1.5}, "error_rate is 1.5; it must lie between 0 and 1"),
        ({"error_rate": 0.6, "rate_limited": 0.6}, "add up to more than 1"),
        ({"faults": {"resett": 0.1}}, "does not know the marker 'resett'"),
        ({"faults": {"reset": 1.5}}, "the share of the fault 'reset' is 1.5"),
        ({"faults": {"reset": 0.6, "html": 0.6}}, "reset 0.6, html 0.6 add up to more than 1"),
        ({"latency_scale": -1.0}, "latency_scale is -1.0"),
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Options(**wrong)
    assert message in str(caught.value)


def test_an_outage_begins_and_ends_when_it_was_asked_for() -> None:
    clock = ManualClock()
    mind = exchange(clock, outage=(10.0, 60.0))
    seen = []
    for seconds in (0, 9.9, 0.2, 59.8, 0.2):
        clock.advance(seconds)
        seen.append(reply_to(mind, body()).status)
    assert seen == [200, 200, 503, 503, 200]


def test_a_request_that_asks_for_a_fault_gets_it_in_an_outage_too() -> None:
    assert reply_to(exchange(outage=(0.0, 60.0)), body("[[sim:status=418]]")).status == 418


@pytest.mark.parametrize("outage", [(-1.0, 5.0), (1.0, -5.0)])
def test_an_outage_of_negative_time_is_refused(outage: tuple[float, float]) -> None:
    with pytest.raises(SettingsError, match="cannot be negative"):
        exchange(outage=outage)
