from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import httpx
import pytest

from pipeline.core.records import Failure, Response, Usage
from pipeline.providers.formats import wire_format
from tests.support.providers import decode
from tests.support.streams import a_message, cut, frames, messages_events, named

STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "request-id": "req_1"}
START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 1},
    },
}
STOP: dict[str, Any] = {"type": "message_stop"}


def begin(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def text(*parts: str, index: int = 0) -> list[dict[str, Any]]:
    return [begin(index, type="text", text=""), *(delta(index, "text_delta", text=part) for part in parts)]


def end(reason: Any = "end_turn", **usage: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 9} | usage,
    }


HELLO = [START, *text("hel", "lo"), {"type": "content_block_stop", "index": 0}, end(), STOP]


def outcome(body: bytes | list[dict[str, Any]], **more: Any) -> Response | Failure:
    more = {"headers": STREAM_HEADERS} | more
    return decode("anthropic-messages", body if isinstance(body, bytes) else frames(named(body)), **more)


def read(body: bytes | list[dict[str, Any]], **more: Any) -> Response:
    found = outcome(body, **more)
    assert isinstance(found, Response), found
    return found


def fail(body: bytes | list[dict[str, Any]], **more: Any) -> Failure:
    found = outcome(body, **more)
    assert isinstance(found, Failure), found
    return found


def test_a_stream_is_an_answer() -> None:
    answer = read(HELLO)

    assert (answer.text, answer.stop_reason, answer.status, answer.flags) == ("hello", "end_turn", "ok", ())
    assert answer.content == ({"type": "text", "text": "hello"},)
    assert (answer.model_served, answer.request_id) == ("claude-x", "req_1")
    assert answer.usage == Usage(
        input_tokens=25, output_tokens=9, source="reported", raw={"input_tokens": 25, "output_tokens": 9}
    )


@pytest.mark.parametrize("seed", range(150))
def test_a_streamed_answer_is_the_answer_that_a_whole_body_would_have_been(seed: int) -> None:
    chance = Random(seed)
    message = a_message(chance)
    whole = decode("anthropic-messages", json.dumps(message).encode(), headers={"request-id": "req_1"})
    body = frames(
        named(messages_events(message, chance)), chance.choice(("\n", "\r\n", "\r")), chance.choice(("", " "))
    )

    assert isinstance(whole, Response)
    assert replace(read(body), flags=()) == whole


def test_every_cut_of_the_network_gives_the_same_answer() -> None:
    chance = Random(7)
    for _ in range(40):
        body = frames(named(messages_events(a_message(chance), chance)), chance.choice(("\n", "\r\n", "\r")))
        expected = read(body)
        for _ in range(25):
            decoder = wire_format("anthropic-messages").decoder(200, STREAM_HEADERS)
            for chunk in cut(body, chance):
                decoder.feed(chunk)
            assert decoder.finish() == expected


@pytest.mark.parametrize("headers", [STREAM_HEADERS, {}])
@pytest.mark.parametrize("seed", range(3))
def test_no_stream_that_ended_early_is_an_answer(headers: dict[str, str], seed: int) -> None:
    chance = Random(seed)
    events = [HELLO, *(messages_events(a_message(chance), chance) for _ in range(2))][seed]
    body = frames(named(events))
    concluded = body.index(b"\n\n", body.index(b"event: message_delta"))
    stopped = len(body) - len(b"\n\n")
    for place in range(len(body) + 1):
        found = outcome(body[:place], headers=headers)
        if place >= stopped:
            assert isinstance(found, Response)
            assert "no_message_stop" not in found.flags
        elif isinstance(found, Response):
            # Whole frames only, and the one with the stop reason among them.
            assert found.flags == ("no_message_stop",)
            assert place >= concluded
            assert body[:place].rstrip().endswith(b"}")
        else:
            assert (found.kind, found.transient, found.possibly_paid) == ("transport", True, True)


def test_an_early_end_says_how_much_came_and_what_it_used() -> None:
    failure = fail([START, *text("hel", "lo")])

    assert failure.message == "HTTP 200: the stream ended early after 5 characters"
    assert failure.usage is not None
    assert (failure.usage.input_tokens, failure.usage.output_tokens, failure.usage.source) == (25, None, "missing")
    assert failure.request_id == "req_1"
    assert fail(b"").usage is None


@pytest.mark.parametrize(
    "body",
    [
        frames(named(HELLO), "\r\n"),
        frames(named(HELLO), "\r"),
        frames(named(HELLO), space=""),
        frames(named(HELLO)).rstrip(b"\n"),
        b"\xef\xbb\xbf" + frames(named(HELLO)),
        b": OPENROUTER PROCESSING\n\n" + frames(named(HELLO)),
        b"\n\n" + frames(named(HELLO)),
        b"retry: 10\nid: 1\n\n" + frames(named(HELLO)),
        frames([(None, event) for event in HELLO]),
        frames([(event["type"], {name: event[name] for name in event if name != "type"}) for event in HELLO]),
        frames([("message", event) for event in HELLO]),
        frames([(None, {"code": 200, "data": event}) for event in HELLO]),
        frames([(None, {"code": 200, "message": "ok"}), *named(HELLO)]),
        frames([*named(HELLO), (None, "[DONE]")]),
        frames(named(HELLO)).replace(b'data: {"type": "message_stop"', b'data: {"type":\ndata:  "message_stop"'),
        frames([("ping", {"type": "ping"}), *named(HELLO)]),
        frames([("ping", "not json"), ("vendor", "not json"), (None, "null"), (None, "7"), *named(HELLO)]),
        frames([("novel", {"type": "novel", "index": 0}), *named(HELLO)]),
        frames(named([*HELLO[:3], delta(0, "novel_delta", text="no"), *HELLO[3:]])),
        frames(named([{"type": "message_start"}, *HELLO])),
    ],
)
@pytest.mark.parametrize("headers", [STREAM_HEADERS, {}, {"Content-Type": "application/json"}])
def test_every_documented_dialect_is_read_alike(body: bytes, headers: dict[str, str]) -> None:
    answer = read(body, headers=headers)

    assert replace(answer, request_id=None) == replace(read(HELLO), request_id=None)


def test_headers_may_be_a_case_insensitive_mapping() -> None:
    assert read(HELLO, headers=httpx.Headers(STREAM_HEADERS)).request_id == "req_1"


def test_a_stop_reason_and_then_the_end_is_an_answer_with_a_flag() -> None:
    for tail in ([], [(None, "[DONE]")]):
        answer = read(frames([*named(HELLO[:-1]), *tail]))
        assert (answer.text, answer.flags) == ("hello", ("no_message_stop",))


@pytest.mark.parametrize(
    "tail", [b"event: mes", b"event: message_stop\n", b'data: {"type": "mess', b"event: x\ndata: {"]
)
def test_a_frame_that_is_cut_after_the_stop_reason_is_an_early_end(tail: bytes) -> None:
    assert "ended early" in fail(frames(named(HELLO[:-1])) + tail).message


def test_an_end_mark_before_the_stop_reason_is_an_early_end() -> None:
    assert "ended early" in fail(frames([*named(HELLO[:4]), (None, "[DONE]")])).message


def test_message_stop_alone_is_no_answer() -> None:
    assert "ended early after 0 characters" in fail([STOP]).message


def test_a_missing_message_delta_leaves_reason_and_output_unknown() -> None:
    answer = read([*HELLO[:5], STOP])

    assert (answer.text, answer.stop_reason, answer.flags) == ("hello", "unknown", ("no_output_count",))
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.source) == (25, None, "missing")


def test_a_stop_reason_in_message_start_does_not_count() -> None:
    start = {"type": "message_start", "message": START["message"] | {"stop_reason": "end_turn"}}

    assert "ended early" in fail([start, *text("x")]).message


def test_nothing_after_message_stop_is_waited_for_or_read() -> None:
    decoder = wire_format("anthropic-messages").decoder(200, STREAM_HEADERS)
    done = []
    for event in HELLO:
        decoder.feed(frames(named([event])))
        done.append(decoder.done)
    assert done == [False] * (len(HELLO) - 1) + [True]

    decoder.feed(frames([("error", {"type": "error", "error": {"type": "api_error"}})]))
    assert decoder.finish() == read(HELLO)
    assert decoder.finish() == read(HELLO)
    assert read(frames([*named(HELLO), ("error", {"type": "error", "error": {}})])) == read(HELLO)


@pytest.mark.parametrize(
    ("event", "is_token"),
    [
        (START, False),
        ({"type": "ping"}, False),
        (begin(0, type="text", text=""), False),
        (begin(0, type="thinking", thinking="", signature=""), False),
        (begin(0, type="text", text="x"), True),
        (begin(0, type="tool_use", id="t", name="f", input={}), True),
        (begin(0, type="redacted_thinking", data="x"), True),
        (delta(0, "text_delta", text=""), False),
        (delta(0, "text_delta", text="x"), True),
        (delta(0, "thinking_delta", thinking="x"), True),
        (delta(0, "signature_delta", signature="x"), False),
    ],
)
def test_the_first_content_is_told_from_what_comes_before_it(event: dict[str, Any], is_token: bool) -> None:
    decoder = wire_format("anthropic-messages").decoder(200, {})
    assert decoder.has_token is False
    decoder.feed(frames(named([event])))

    assert decoder.has_token is is_token


@pytest.mark.parametrize(
    ("kind", "expected", "transient"),
    [
        ("overloaded_error", "overload", True),
        ("api_error", "overload", True),
        ("rate_limit_error", "rate", True),
        ("timeout_error", "overload", True),
        ("invalid_request_error", "request", False),
        ("billing_error", "billing", False),
        ("authentication_error", "auth", False),
    ],
)
def test_an_error_event_is_classified_by_its_own_type(kind: str, expected: str, transient: bool) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "Overloaded"}, "request_id": "req_9"}
    for body in (frames(named([START, error])), frames([(None, START), (None, error)])):
        failure = fail(body, headers={})
        assert (failure.kind, failure.transient, failure.http_status) == (expected, transient, 200)
        assert (failure.possibly_paid, failure.usage, failure.request_id) == (False, None, "req_9")
        assert "Overloaded" in failure.message

    later = fail([START, *text("half"), error])
    assert (later.kind, later.possibly_paid) == (expected, True)
    assert later.usage is not None
    assert later.usage.input_tokens == 25


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("error", "Overloaded", "overload"),
        ("error", {"message": "m"}, "overload"),
        (None, {"type": "error"}, "overload"),
        (None, {"error": {"type": "rate_limit_error", "message": "m\ud800"}}, "rate"),
        (None, {"error": "quota"}, "overload"),
        (None, {"code": 429, "message": "m"}, "rate"),
        (None, {"code": 200, "data": {"error": {"type": "billing_error"}}}, "billing"),
        (None, {"code": 500, "data": {"type": "ping"}}, "overload"),
    ],
)
def test_an_error_is_seen_in_any_dress(name: str | None, data: Any, kind: str) -> None:
    body = frames(named([START, *text("x")])) + frames([(name, data if isinstance(data, str) else json.dumps(data))])
    failure = fail(body)

    assert (failure.kind, failure.possibly_paid) == (kind, True)
    failure.message.encode()


def test_a_frame_in_the_middle_that_is_not_json_makes_no_hole_in_an_answer() -> None:
    bad = ("content_block_delta", '{"type": "content_block_delta", "index": 0, "delta": {"te')
    failure = fail(frames([*named(HELLO[:3]), bad, *named(HELLO[3:])]))

    assert "not JSON" in failure.message
    assert (failure.kind, failure.transient, failure.possibly_paid) == ("transport", True, True)


def test_caps_end_a_stream_for_good() -> None:
    deep = frames([*named(HELLO[:3]), (None, '{"a":' * 70 + "1" + "}" * 70)])
    failure = fail(deep)
    assert (failure.kind, failure.transient, failure.possibly_paid) == ("output", False, True)
    assert "nested" in failure.message

    decoder = wire_format("anthropic-messages").decoder(200, STREAM_HEADERS)
    decoder.feed(frames(named(HELLO[:3])))
    for _ in range(20):
        decoder.feed(b"data: " + b"x" * 2**20)
    assert decoder.done
    failure = decoder.finish()
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.transient, failure.possibly_paid) == ("output", False, True)
    assert "16 MiB" in failure.message
    assert failure.usage is not None


def test_blocks_are_put_together_by_index() -> None:
    body = [
        START,
        begin(2, type="tool_use", id="toolu_1", name="f", input={}),
        begin(0, type="thinking", thinking="", signature=""),
        delta(2, "input_json_delta", partial_json=""),
        delta(0, "thinking_delta", thinking="h"),
        begin(1, type="text", text="so", citations=None),
        delta(2, "input_json_delta", partial_json='{"a": "\\ud83d'),
        delta(1, "text_delta", text=": \ud83d"),
        delta(0, "thinking_delta", thinking="m"),
        delta(1, "text_delta", text="\ude00 \ud800"),
        delta(2, "input_json_delta", partial_json='\\ude00"}'),
        delta(1, "citations_delta", citation={"cited_text": "c"}),
        delta(0, "signature_delta", signature="c2ln"),
        begin(3, type="redacted_thinking", data="d"),
        begin(4, type="novel", x={"y": [1]}),
        {"type": "content_block_start", "index": 5, "content_block": None},
        {"type": "content_block_delta", "index": 1, "delta": None},
        end("tool_use"),
        STOP,
    ]
    answer = read(frames([(event["type"], json.dumps(event)) for event in body]))

    assert answer.content == (
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "so: 😀 \ufffd", "citations": [{"cited_text": "c"}]},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": "😀"}},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "novel", "x": {"y": [1]}},
    )
    assert (answer.thinking, answer.text) == ("hm", "so: 😀 \ufffd")
    assert answer.tool_calls == ({"id": "toolu_1", "name": "f", "input": {"a": "😀"}},)


@pytest.mark.parametrize(
    ("at_start", "parts", "expected"),
    [
        ({}, [], {}),
        ({}, [""], {}),
        (None, [""], {}),
        ({"a": 1}, [""], {"a": 1}),
        ({}, ['{"a": ', "1}"], {"a": 1}),
        ({}, ['{"a": '], '{"a": '),
        ({}, [None, "{}"], {}),
    ],
)
def test_tool_input_is_joined_and_kept_as_it_is_where_it_was_cut(at_start: Any, parts: Any, expected: Any) -> None:
    block = begin(0, type="tool_use", id="t", name="f", input=at_start)
    deltas = [delta(0, "input_json_delta", partial_json=part) for part in parts]

    assert read([START, block, *deltas, end("max_tokens"), STOP]).tool_calls[0]["input"] == expected


def test_deltas_without_their_block_or_index_find_a_place() -> None:
    answer = read([START, delta(0, "thinking_delta", thinking="h"), delta(1, "text_delta", text="x"), end(), STOP])
    assert (answer.thinking, answer.text) == ("h", "x")

    lost = delta(7, "input_json_delta", partial_json="{}")
    bare = [{name: value for name, value in event.items() if name != "index"} for event in [*HELLO[:4], lost]]
    assert read([*bare, *text("!", index=1), end(), STOP]).text == "hello!"


def test_a_refusal_takes_back_what_was_written() -> None:
    answer = read([START, *text("Sure, first"), end("refusal", output_tokens=0), STOP])

    assert (answer.text, answer.content, answer.status) == ("", (), "refused")
    assert answer.flags == ("text_discarded",)
    assert (answer.usage.output_tokens, answer.usage.source) == (0, "reported")
    assert read([START, end("refusal"), STOP]).flags == ()


def test_later_counts_overwrite_earlier_ones_only_where_they_are_given() -> None:
    usage = {
        "input_tokens": 0,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        "output_tokens": 1,
        "output_tokens_details": None,
    }
    start = {"type": "message_start", "message": START["message"] | {"usage": usage}}
    first = end(None, output_tokens=4, input_tokens=None)
    last = end(
        output_tokens=8,
        input_tokens=30,
        cache_read_input_tokens=None,
        output_tokens_details={"thinking_tokens": 2},
        server_tool_use={"web_search_requests": 1},
    )
    answer = read([start, *text("x"), first, last, {"type": "message_delta", "delta": None, "usage": None}, STOP])

    assert answer.usage == Usage(
        input_tokens=30,
        cache_read_tokens=5,
        cache_write_5m_tokens=3,
        cache_write_1h_tokens=4,
        output_tokens=8,
        thinking_tokens=2,
        source="reported",
        raw=usage
        | {
            "input_tokens": 30,
            "output_tokens": 8,
            "output_tokens_details": {"thinking_tokens": 2},
            "server_tool_use": {"web_search_requests": 1},
        },
    )


@pytest.mark.parametrize("nonsense", [-1, "7", 1.5, True, 3])
def test_a_count_that_falls_or_is_none_is_rejected_and_flagged(nonsense: Any) -> None:
    start = {"type": "message_start", "message": START["message"] | {"usage": {"input_tokens": 25, "output_tokens": 5}}}
    for later in (end(output_tokens=nonsense), end(input_tokens=nonsense)):
        answer = read([start, *text("x"), later, STOP])
        assert (answer.flags, answer.usage.source) == (("usage_rejected",), "missing")
        assert None in (answer.usage.input_tokens, answer.usage.output_tokens)

    corrected = read([start, *text("x"), end(output_tokens="7"), end(output_tokens=8), STOP])
    assert corrected.usage.output_tokens is None


def test_a_stream_without_usage_has_none() -> None:
    start = {"type": "message_start", "message": {"id": "m", "model": "x"}}
    answer = read([start, *text("x"), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP])

    assert (answer.usage, answer.flags) == (Usage(), ("no_output_count",))


def test_what_a_gateway_charges_is_kept_beside_the_usage() -> None:
    events = [{"code": 200, "cost": "0.01", "data": START}, *text("x"), end() | {"credits_cost": 3}, STOP]

    assert read(frames([(None, event) for event in events])).usage.raw == {
        "cost": "0.01",
        "credits_cost": 3,
        "input_tokens": 25,
        "output_tokens": 9,
    }


def test_a_whole_answer_in_reply_to_a_stream_request_is_read() -> None:
    message = START["message"] | {"content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}
    for headers in (STREAM_HEADERS, {"content-type": "application/json"}, {}):
        answer = read(b" \n" + json.dumps(message).encode(), headers=headers)
        assert (answer.text, answer.flags) == ("hi", ())


@pytest.mark.parametrize(
    ("body", "kind", "part"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', "overload", "overloaded_error"),
        (b"<html><title>Login</title></html>", "transport", "Login"),
        (b"plain words", "transport", "ended early"),
        (b"", "transport", "ended early"),
        (b" " * 5000, "transport", "ended early"),
    ],
)
def test_whatever_comes_as_a_stream_and_is_none_fails(body: bytes, kind: str, part: str) -> None:
    failure = fail(body)

    assert failure.kind == kind
    assert part in failure.message


def test_a_few_letters_of_nothing_are_not_json() -> None:
    assert "not JSON" in fail(b"da", headers={}).message


def test_an_error_status_with_an_event_is_classified_by_both() -> None:
    body = frames([("error", {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}})])
    failure = fail(body, status=429, headers={**STREAM_HEADERS, "retry-after": "3"})
    assert (failure.kind, failure.retry_after_seconds) == ("rate", 3.0)
    assert "slow" in failure.message

    decoder = wire_format("anthropic-messages").decoder(503, STREAM_HEADERS)
    decoder.feed(b": nothing else\n\n")
    assert (decoder.done, decoder.has_token) == (False, False)
    found = decoder.finish()
    assert isinstance(found, Failure)
    assert found.kind == "overload"
    assert fail(b'{"error":{"message":"m"}}', status=500).kind == "overload"


def test_a_whole_body_has_no_first_token() -> None:
    decoder = wire_format("anthropic-messages").decoder(200, {})
    decoder.feed(b'{"type":"message"')

    assert (decoder.has_token, decoder.done) == (False, False)
