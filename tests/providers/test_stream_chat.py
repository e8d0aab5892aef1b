from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from pipeline.core.records import Failure, Response, Usage
from pipeline.providers.formats import wire_format
from tests.support.providers import decode
from tests.support.streams import a_completion, chat_chunks, cut, frames

HEADERS = {"content-type": "text/event-stream", "x-request-id": "req_1"}
USAGE = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
DONE = "[DONE]"


def chunk(delta: Any = None, reason: Any = None, *, index: Any = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta or {}, "finish_reason": reason}
    return {"object": "chat.completion.chunk", "model": "gpt-x", "choices": [choice]} | more


def content(*parts: str) -> list[dict[str, Any]]:
    return [chunk({"content": part}) for part in parts]


LAST: dict[str, Any] = {"model": "gpt-x", "choices": [], "usage": USAGE}
HELLO = [chunk({"role": "assistant", "content": ""}), *content("hel", "lo"), chunk({}, "stop"), LAST]


def outcome(events: bytes | list[Any], **more: Any) -> Response | Failure:
    body = events if isinstance(events, bytes) else frames([(None, event) for event in events])
    return decode("openai-chat", body, **({"headers": HEADERS} | more))


def read(events: bytes | list[Any], **more: Any) -> Response:
    found = outcome(events, **more)
    assert isinstance(found, Response), found
    return found


def fail(events: bytes | list[Any], **more: Any) -> Failure:
    found = outcome(events, **more)
    assert isinstance(found, Failure), found
    return found


def test_a_stream_is_an_answer() -> None:
    answer = read([*HELLO, DONE])

    assert (answer.text, answer.stop_reason, answer.stop_reason_raw) == ("hello", "end_turn", "stop")
    assert (answer.model_served, answer.request_id, answer.flags) == ("gpt-x", "req_1", ())
    assert answer.usage == Usage(input_tokens=20, output_tokens=9, source="reported", raw=USAGE)


@pytest.mark.parametrize("seed", range(150))
def test_a_streamed_answer_is_the_answer_that_a_whole_body_would_have_been(seed: int) -> None:
    chance = Random(seed)
    completion = a_completion(chance)
    whole = decode("openai-chat", json.dumps(completion).encode(), headers={"x-request-id": "req_1"})
    events = [(None, event) for event in chat_chunks(completion, chance)]
    body = frames([*events, (None, DONE)], chance.choice(("\n", "\r\n", "\r")), chance.choice(("", " ")))

    assert read(body) == whole


def test_every_cut_of_the_network_gives_the_same_answer() -> None:
    chance = Random(7)
    for _ in range(40):
        body = frames([(None, event) for event in chat_chunks(a_completion(chance), chance)], "\r\n")
        expected = read(body)
        for _ in range(25):
            decoder = wire_format("openai-chat").decoder(200, HEADERS)
            for part in cut(body, chance):
                decoder.feed(part)
            assert decoder.finish() == expected


def test_no_stream_that_ended_early_is_an_answer() -> None:
    chance = Random(3)
    for events in (HELLO, chat_chunks(a_completion(chance), chance)[-12:]):
        body = frames([(None, event) for event in [*events, DONE]])
        finished = body.index(b"\n\n", body.index(b'"finish_reason": "'))
        paid = body.index(b"\n\ndata: [DONE]")
        for place in range(len(body) + 1):
            found = outcome(body[:place])
            if place >= paid:
                assert isinstance(found, Response)
                assert found.flags == ()
            elif isinstance(found, Response):
                assert found.flags == ("no_done",)
                assert place >= finished
                assert body[:place].rstrip().endswith(b"}")
            else:
                assert (found.kind, found.transient, found.possibly_paid) == ("transport", True, True)


def test_an_early_end_says_how_much_came() -> None:
    failure = fail(HELLO[:3])

    assert failure.message == "HTTP 200: the stream ended early after 5 characters"
    assert failure.usage is None
    assert fail([*HELLO[:3], DONE]).message == failure.message
    assert "after 0 characters" in fail([]).message
    used = fail([chunk({"content": "x"}, usage=USAGE)]).usage
    assert used is not None
    assert used.output_tokens == 9


@pytest.mark.parametrize(
    "body",
    [
        frames([(None, event) for event in HELLO], "\r\n"),
        frames([(None, event) for event in HELLO], space=""),
        frames([(None, event) for event in HELLO]).rstrip(),
        b": OPENROUTER PROCESSING\n\n" + frames([(None, event) for event in HELLO]),
        frames([(None, {"code": 200, "data": event}) for event in HELLO]),
        frames([("ping", "x"), *((None, event) for event in HELLO), (None, DONE)]),
        frames([("chunk", event) for event in HELLO]),
        frames([(None, {"choices": [], "prompt_filter_results": []}), *((None, event) for event in HELLO)]),
        frames([(None, {"choices": None}), (None, {"choices": [None]}), *((None, event) for event in HELLO)]),
        frames([(None, event | {"usage": event.get("usage")}) for event in HELLO]),
    ],
)
def test_every_documented_dialect_is_read_alike(body: bytes) -> None:
    assert read(body) == read(HELLO)


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_finish_reason_is_none(empty: Any) -> None:
    assert "ended early" in fail([chunk({"content": "x"}, empty), LAST, DONE]).message


@pytest.mark.parametrize(
    ("tail", "flags"),
    [([], ("no_done",)), ([DONE], ()), ([LAST], ()), ([LAST, DONE], ())],
)
def test_an_end_mark_is_welcome_and_not_needed(tail: list[Any], flags: tuple[str, ...]) -> None:
    answer = read([*HELLO[:4], *tail])

    assert (answer.text, answer.flags) == ("hello", flags)
    assert (answer.usage.source == "reported") is (LAST in tail)


def test_an_end_mark_may_be_cut_but_no_chunk() -> None:
    body = frames([(None, event) for event in HELLO[:4]])

    assert read(body + b"data: [DO").flags == ("no_done",)
    assert "ended early" in fail(body + b'data: {"choices": [').message


def test_an_answer_is_done_with_its_usage_or_end_mark() -> None:
    for events in (HELLO, [*HELLO[:4], DONE], [*content("x"), chunk({}, "stop", usage=USAGE)]):
        decoder = wire_format("openai-chat").decoder(200, HEADERS)
        done = []
        for event in events:
            decoder.feed(frames([(None, event)]))
            done.append(decoder.done)
        assert done == [False] * (len(events) - 1) + [True]

    counting = [chunk({"content": "x"}, usage=USAGE), chunk({}, "stop"), LAST]
    assert read(counting).flags == ()


@pytest.mark.parametrize(
    ("delta", "is_token"),
    [
        ({"role": "assistant", "content": ""}, False),
        ({"content": None}, False),
        ({"content": "x"}, True),
        ({"reasoning": "x"}, True),
        ({"reasoning_content": "x"}, True),
        ({"refusal": "x"}, True),
        ({"tool_calls": [{"index": 0, "id": "c"}]}, True),
        ({"tool_calls": []}, False),
        ({"function_call": {"name": "f"}}, True),
        ({"content": [{"type": "text", "text": "x"}]}, True),
        ({"content": 7}, False),
    ],
)
def test_the_first_content_is_told_from_what_comes_before_it(delta: Any, is_token: bool) -> None:
    decoder = wire_format("openai-chat").decoder(200, HEADERS)
    decoder.feed(frames([(None, chunk(delta))]))

    assert decoder.has_token is is_token


def calls(*fragments: dict[str, Any]) -> tuple[Any, ...]:
    events = [chunk({"tool_calls": [fragment]}) for fragment in fragments]
    answer = read([json.dumps(event) for event in [*events, chunk({}, "tool_calls")]])
    return tuple((call["id"], call["name"], call["input"]) for call in answer.tool_calls)


def fragment(arguments: Any, **more: Any) -> dict[str, Any]:
    name = {"name": more.pop("name")} if "name" in more else {}
    return more | {"function": name | {"arguments": arguments}}


def test_calls_are_put_together_by_index() -> None:
    assert calls(
        fragment("", index=1, id="b", name="g"),
        fragment('{"x"', index=0, id="a", name="f"),
        fragment("{}", index=1),
        fragment(': "\ud83d', index=0),
        fragment('\ude00"}', index=0),
        {"index": 0},
    ) == (("a", "f", {"x": "😀"}), ("b", "g", {}))


def test_calls_without_numbers_or_all_numbered_zero_are_told_apart_by_their_ids() -> None:
    expected = (("a", "f", {"x": 1}), ("b", "g", {"y": 2}))
    parts = (("a", "f", '{"x": 1}'), ("b", "g", '{"y": 2}'))

    assert calls(*(fragment(text, index=0, id=id_, name=name) for id_, name, text in parts)) == expected
    assert calls(*(fragment(text, id=id_, name=name) for id_, name, text in parts)) == expected
    assert calls(fragment('{"x"', id="a", name="f"), fragment(": 1}")) == (("a", "f", {"x": 1}),)


def test_arguments_may_come_as_an_object_and_calls_in_the_old_form() -> None:
    assert calls(fragment({"x": 1}, index=0, id="a", name="f")) == (("a", "f", {"x": 1}),)
    old = [chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": "{}"}})]
    assert read([*old, chunk({}, "function_call")]).tool_calls == ({"id": None, "name": "f", "input": {}},)


def test_of_several_interleaved_choices_the_first_is_read() -> None:
    events = [
        chunk({"content": "B"}, index=1),
        chunk({"content": "a"}, index=0),
        chunk({}, "stop", index=0, usage=USAGE),
        chunk({"content": "!"}, "length", index=1),
        LAST | {"usage": USAGE | {"completion_tokens": 12, "total_tokens": 32}},
    ]
    answer = read(events)

    assert (answer.text, answer.stop_reason, answer.usage.output_tokens) == ("a", "end_turn", 12)
    assert "ended early" in fail([events[0], events[1], events[3]]).message


def test_a_whole_message_in_one_chunk_is_read() -> None:
    whole = {"model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": USAGE}

    assert (read([whole]).text, read([whole]).flags) == ("hi", ())


def test_a_refusal_in_words_is_a_refusal() -> None:
    answer = read([chunk({"refusal": "I "}), chunk({"refusal": "cannot."}), chunk({}, "stop"), LAST])

    assert (answer.status, answer.text) == ("refused", "I cannot.")


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ((None, {"error": {"code": 429, "message": "slow"}}), "rate"),
        ((None, {"error": {"type": "server_error", "message": "m"}}), "overload"),
        ((None, {"error": {"code": "insufficient_quota", "message": "m"}}), "billing"),
        (("error", {"message": "m"}), "overload"),
        ((None, chunk({"content": ""}, "error")), "overload"),
        ((None, chunk({"content": ""}, "error", error={"code": 502, "message": "m"})), "overload"),
        ((None, {"choices": [{"finish_reason": "error", "error": {"code": 429, "message": "m"}}]}), "rate"),
    ],
)
def test_an_error_on_the_way_is_classified_by_what_it_says(event: Any, kind: str) -> None:
    before, after = fail(frames([event])), fail(frames([*((None, part) for part in content("half")), event]))

    assert (before.kind, before.possibly_paid) == (kind, False)
    assert (after.kind, after.possibly_paid) == (kind, True)


def test_counts_that_fall_are_rejected_and_flagged() -> None:
    lower = USAGE | {"completion_tokens": 3}
    answer = read([chunk({"content": "x"}, usage=USAGE), chunk({}, "stop", usage=lower)])

    assert (answer.flags, answer.usage.output_tokens, answer.usage.source) == (("usage_rejected",), None, "missing")
    details = {"prompt_tokens_details": {"cached_tokens": "many", "deep": {}}, "novel": {"x": 1}}
    assert read([*content("x"), chunk({}, "stop", usage=USAGE | details)]).flags == ("usage_rejected",)


def test_what_a_gateway_charges_is_kept_beside_the_usage() -> None:
    raw = read([*HELLO[:4], LAST | {"cost": "0.1"}]).usage.raw

    assert raw == {"cost": "0.1", **USAGE}


def test_a_whole_completion_in_reply_to_a_stream_request_is_read() -> None:
    completion = a_completion(Random(1))
    expected = decode("openai-chat", json.dumps(completion).encode())

    assert isinstance(expected, Response)
    assert read(json.dumps(completion).encode()) == replace(expected, request_id="req_1")


def test_lone_surrogates_in_names_do_not_reach_the_answer() -> None:
    body = frames([(None, json.dumps(event)) for event in [chunk({"content": "a\ud800"}, model="m\ud800"), HELLO[3]]])
    answer = read(body)

    assert (answer.text, answer.model_served) == ("a\ufffd", "m\ufffd")
