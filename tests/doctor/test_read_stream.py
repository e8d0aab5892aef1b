"""A stream tells how it ends and where its usage stands."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.doctor.read_stream import read_stream
from pipeline.doctor.records import Finding, Reply
from tests.support.doctor import chat_subject, completion, error, message, reply, sse, subject

START = message(content=[], stop_reason=None, usage={"input_tokens": 12, "output_tokens": 1})
WHOLE: list[tuple[str | None, Any]] = [
    ("message_start", {"type": "message_start", "message": START}),
    ("ping", {"type": "ping"}),
    ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok"}}),
    ("content_block_stop", {"type": "content_block_stop", "index": 0}),
    (
        "message_delta",
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
    ),
    ("message_stop", {"type": "message_stop"}),
]


def chunk(finish: str | None = None, **more: Any) -> tuple[None, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", "content": "ok"}, "finish_reason": finish}
    return None, {"object": "chat.completion.chunk", "model": "gpt-x", "choices": [choice], **more}


USAGE = {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}


def streamed(frames: list[tuple[str | None, Any]], content_type: str = "text/event-stream; charset=utf-8") -> Reply:
    return Reply(status=200, headers={"content-type": content_type}, body=sse(*frames))


def read(frames: list[tuple[str | None, Any]], *, chat: bool = False) -> dict[str, Finding]:
    found = read_stream(chat_subject() if chat else subject(), streamed(frames))
    return {finding.aspect: finding for finding in found}


def test_a_whole_stream_ends_with_message_stop_and_its_usage_has_two_places() -> None:
    found = read(WHOLE)
    assert found["streaming"].found == "yes, ends with message_stop"
    assert (found["streaming"].note, found["streaming"].differs) == ("7 events", False)
    assert found["usage in stream"].found == "message_start: input_tokens, output_tokens; message_delta: output_tokens"


@pytest.mark.parametrize(
    ("frames", "end", "readable"),
    [
        (WHOLE[:-1], "yes, ends after the stop reason, without message_stop", True),
        (WHOLE[:4], "yes, ended early", False),
        (
            [*WHOLE[:4], ("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})],
            "yes, ended by an error",
            False,
        ),
    ],
)
def test_other_ends_are_told(frames: list[tuple[str | None, Any]], end: str, readable: bool) -> None:
    found = read(frames)["streaming"]
    assert found.found == end
    assert found.differs != readable
    assert ("a run could not read it" in found.note) != readable


def test_counts_that_are_zero_until_the_end_stand_at_the_end() -> None:
    late = [*WHOLE]
    late[0] = ("", {"type": "message_start", "message": {**START, "usage": {"input_tokens": 0, "output_tokens": 0}}})
    late[5] = ("", {**WHOLE[5][1], "usage": {"input_tokens": 12, "output_tokens": 2}})
    assert read(late)["usage in stream"].found == "message_delta: input_tokens, output_tokens"


def test_events_without_names_and_wrapped_ones_are_noted() -> None:
    assert "no event: names" in read([(None, value) for _, value in WHOLE])["streaming"].note
    wrapped = read([(name, {"code": 200, "data": value}) for name, value in WHOLE])["streaming"]
    assert wrapped.found == "yes, ends with message_stop"
    assert "wrapped in {code, data}" in wrapped.note


@pytest.mark.parametrize(
    ("frames", "end", "usage"),
    [
        (
            [chunk(), chunk("stop"), (None, {"choices": [], "usage": USAGE}), (None, "[DONE]")],
            "yes, ends with [DONE]",
            "a chunk of its own: completion_tokens, prompt_tokens, total_tokens",
        ),
        (
            [chunk(), chunk("stop", usage=USAGE)],
            "yes, ends after the finish reason, without [DONE]",
            "a chunk with the finish reason: completion_tokens, prompt_tokens, total_tokens",
        ),
        (
            [chunk(usage=USAGE), chunk("stop", usage=USAGE), (None, "[DONE]")],
            "yes, ends with [DONE]",
            "2 of 2 chunks: completion_tokens, prompt_tokens, total_tokens",
        ),
        ([chunk(), chunk("stop"), (None, "[DONE]")], "yes, ends with [DONE]", "none"),
        ([chunk(), chunk()], "yes, ended early", "none"),
        ([chunk(), (None, {"error": {"message": "boom"}})], "yes, ended by an error", "none"),
    ],
)
def test_chat_streams_tell_their_end_and_their_usage(
    frames: list[tuple[str | None, Any]], end: str, usage: str
) -> None:
    found = read(frames, chat=True)
    assert found["streaming"].found == end
    assert found["usage in stream"].found == usage
    assert found["usage in stream"].differs == (usage == "none")


@pytest.mark.parametrize("chat", [False, True])
def test_a_refused_stream_and_one_that_came_whole_are_no_streams(chat: bool) -> None:
    asked = chat_subject() if chat else subject()
    refused = error(400, "invalid_request_error", "stream: not here")
    (found,) = read_stream(asked, Reply(status=400, headers=refused.headers, body=refused.body))
    assert found.found == "no"
    assert "stream: not here" in found.note
    (found,) = read_stream(asked, reply(completion() if chat else message()))
    assert (found.found, found.note) == ("no", "an answer came whole")
    (found,) = read_stream(asked, Reply(broken="no complete answer within 60 s"))
    assert (found.found, found.note) == ("no", "no complete answer within 60 s")


def test_a_page_of_html_is_no_stream() -> None:
    (found,) = read_stream(subject(), Reply(status=200, headers={"content-type": "text/html"}, body=b"<html>hi</html>"))
    assert found.found == "no"


def test_a_stream_under_another_content_type_is_one_all_the_same() -> None:
    found = read_stream(subject(), streamed(WHOLE, "text/plain"))
    assert found[0].found == "yes, ends with message_stop"
    assert "content-type: text/plain" in found[0].note
