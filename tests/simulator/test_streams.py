"""Streams, frame by frame: the events of the protocol document, and no other content than without a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulator.answers import AnswerBook
from pipeline.simulator.options import PROFILES
from pipeline.simulator.replies import Reply
from tests.support.simulator.exchanges import ask, body, events_of, exchange, reply_to, serve

BOOK = AnswerBook([("Say it.", "하나 둘 셋 — né 🙂 four five six seven eight nine ten", None)], source="t", replay=True)
WEATHER = {
    "name": "get_weather",
    "description": "Weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
FUNCTION = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a city",
        "parameters": WEATHER["input_schema"],
    },
}
THINKS = {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 1024}}


def streamed(text: str = "Say it.", *, profile: str = "anthropic", route: Any = "messages", **changes: Any) -> Reply:
    return reply_to(exchange(answers=BOOK, profile=profile), body(text, stream=True, **changes), route=route)


def assembled(reply: Reply) -> dict[str, Any]:
    """Put a message together from its events, by the accumulation rules of the protocol document."""
    message: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    for event in events_of(reply):
        kind = event["type"]
        if kind == "message_start":
            message = event["message"]
        elif kind == "content_block_start":
            assert event["index"] == len(message["content"])
            message["content"].append(event["content_block"])
            pieces[event["index"]] = ""
        elif kind == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            if delta["type"] == "text_delta":
                block["text"] += delta["text"]
            elif delta["type"] == "thinking_delta":
                block["thinking"] += delta["thinking"]
            elif delta["type"] == "signature_delta":
                block["signature"] = delta["signature"]
            else:
                pieces[event["index"]] += delta["partial_json"]
        elif kind == "content_block_stop" and message["content"][event["index"]]["type"] == "tool_use":
            message["content"][event["index"]]["input"] = json.loads(pieces[event["index"]] or "{}")
        elif kind == "message_delta":
            message.update(event["delta"])
            message["usage"].update({key: value for key, value in event["usage"].items() if value is not None})
    return message


CASES: list[dict[str, Any]] = [
    {"text": "Say it."},
    {"text": "Say it.", "max_tokens": 3},
    {"text": "Say it.", "stop_sequences": ["four"]},
    {"text": "Weather in Lisbon?", "tools": [WEATHER]},
    {"text": "Weather in Lisbon?", "tools": [WEATHER], "tool_choice": {"type": "any"}},
    {"text": "Weather in Lisbon?", "tools": [WEATHER], **THINKS},
    {"text": "What is up?", **THINKS},
    {"text": "What is up?", "model": "claude-opus-5", "max_tokens": 4096},
    {"text": "[[sim:refusal]]"},
    {"text": "[[sim:empty]]"},
]


@pytest.mark.parametrize("case", CASES)
def test_a_stream_adds_up_to_the_message_that_is_sent_without_one(case: dict[str, Any]) -> None:
    whole = ask(exchange(answers=BOOK), body(**case))[1]
    reply = reply_to(exchange(answers=BOOK), body(**case, stream=True))
    assert reply.content_type == "text/event-stream; charset=utf-8"
    assert reply.body == b""
    assert assembled(reply) == whole


@given(text=st.text(min_size=1, max_size=300).filter(str.strip), seed=st.integers(0, 9))
def test_any_text_survives_being_cut_into_frames(text: str, seed: int) -> None:
    book = AnswerBook([("Say it.", text, None)], source="t", replay=True)
    mind = exchange(answers=book, seed=seed)
    message = assembled(reply_to(mind, body("Say it.", stream=True, max_tokens=4_096)))
    assert message["content"][0]["text"] == text


def test_the_frames_are_those_of_the_protocol_document() -> None:
    reply = streamed(max_tokens=3, profile="apimart", text="Say it.")
    assert reply.events is not None
    assert all(frame.startswith(b"event: ") and frame.endswith(b"}\n\n") for frame in reply.events)
    assert all(frame.count(b"\n") == 3 for frame in reply.events)
    for frame, event in zip(reply.events, events_of(reply), strict=True):
        assert frame.splitlines()[0].decode() == f"event: {event['type']}"
    first, ping, start, *deltas, stop, end, last = events_of(reply)
    assert first["type"] == "message_start"
    message = first["message"]
    assert message["id"].startswith("msg_01")
    assert {key: message[key] for key in ("type", "role", "content", "stop_reason", "stop_sequence", "usage")} == {
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    assert ping == {"type": "ping"}
    assert start == {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    assert {delta["delta"]["type"] for delta in deltas} == {"text_delta"}
    assert stop == {"type": "content_block_stop", "index": 0}
    assert end == {
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
        "usage": {"input_tokens": 10, "output_tokens": 3},
    }
    assert last == {"type": "message_stop"}


def test_usage_grows_and_the_split_of_cache_writes_stands_at_the_start_only() -> None:
    events = events_of(streamed("What is up?", **THINKS))
    start, end = events[0]["message"]["usage"], events[-2]["usage"]
    assert "cache_creation" in start
    assert "cache_creation" not in end
    assert start["output_tokens"] == 1 < end["output_tokens"]
    assert start["output_tokens_details"] == {"thinking_tokens": 0}
    assert end["output_tokens_details"]["thinking_tokens"] > 0


def test_thinking_comes_first_and_is_signed_just_before_its_end() -> None:
    kinds = [event.get("delta", {}).get("type") or event["type"] for event in events_of(streamed("Hm?", **THINKS))]
    thinking = kinds.index("thinking_delta")
    assert kinds[2:4] == ["content_block_start", "thinking_delta"]
    assert kinds[kinds.index("signature_delta") + 1] == "content_block_stop"
    assert thinking < kinds.index("signature_delta") < kinds.index("text_delta")


def test_omitted_thinking_streams_its_signature_alone() -> None:
    events = events_of(streamed("Hm?", model="claude-opus-4-7", max_tokens=4096, thinking={"type": "adaptive"}))
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta" and event["index"] == 0]
    assert [delta["type"] for delta in deltas] == ["signature_delta"]


def test_redacted_thinking_comes_whole() -> None:
    events = events_of(streamed("Hm? ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9", **THINKS))
    block = events[2]["content_block"]
    assert set(block) == {"type", "data"}
    assert block["type"] == "redacted_thinking"
    assert events[3] == {"type": "content_block_stop", "index": 0}


def test_a_tools_input_begins_with_an_empty_piece_and_comes_in_several() -> None:
    events = events_of(streamed("Weather in Constantinople or Saint Petersburg?", tools=[WEATHER], max_tokens=900))
    pieces = [event["delta"]["partial_json"] for event in events if "partial_json" in event.get("delta", {})]
    assert pieces[0] == ""
    assert len(pieces) > 2
    assert set(json.loads("".join(pieces))) == {"city"}


@pytest.mark.parametrize("profile", [name for name in PROFILES if name not in ("anthropic", "new-api")])
def test_no_profile_wraps_its_streams(profile: str) -> None:
    events = events_of(streamed(profile=profile))
    assert events[0]["type"] == "message_start"
    assert events[-1] == {"type": "message_stop"}


def test_new_api_tells_the_input_at_the_end() -> None:
    events = events_of(streamed(profile="new-api"))
    assert events[0]["message"]["usage"]["input_tokens"] == 0
    assert events[-2]["usage"]["input_tokens"] == 10


def test_chat_chunks_begin_with_the_role_and_end_with_the_reason() -> None:
    reply = streamed(profile="openai", route="chat", max_tokens=3)
    assert reply.events is not None
    assert reply.events[-1] == b"data: [DONE]\n\n"
    assert all(frame.startswith(b"data: {") and frame.count(b"\n") == 2 for frame in reply.events[:-1])
    chunks = events_of(reply)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert all("usage" not in chunk for chunk in chunks)
    choices = [chunk["choices"][0] for chunk in chunks]
    assert choices[0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert [choice["finish_reason"] for choice in choices[:-1]] == [None] * (len(choices) - 1)
    assert choices[-1] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}
    whole = ask(exchange(answers=BOOK, profile="openai"), body("Say it.", max_tokens=3), route="chat")[1]
    assert (
        "".join(choice["delta"].get("content", "") for choice in choices) == whole["choices"][0]["message"]["content"]
    )


def test_chat_tells_the_usage_in_a_last_chunk_when_asked() -> None:
    options = {"stream_options": {"include_usage": True}}
    *chunks, last = events_of(streamed(profile="openai", route="chat", **options))
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"]


def test_chat_tool_calls_name_themselves_once_and_add_up() -> None:
    chunks = events_of(streamed("Weather in Lisbon?", profile="openai", route="chat", tools=[FUNCTION]))
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert calls[0]["function"] == {"name": "get_weather", "arguments": ""}
    assert calls[0]["id"].startswith("call_")
    assert all(set(call) == {"index", "function"} for call in calls[1:])
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "Lisbon"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_apimart_streams_chat_unless_told_otherwise() -> None:
    for profile in ("apimart", "apimart-wrapped"):
        mind = exchange(profile=profile)
        assert reply_to(mind, body(), route="chat").events is not None
        assert reply_to(mind, body(stream=False), route="chat").events is None
        assert reply_to(mind, body(), route="messages").events is None
    assert reply_to(exchange(profile="openai"), body(), route="chat").events is None


def test_openrouter_begins_its_streams_with_a_comment() -> None:
    for route in ("messages", "chat"):
        reply = streamed(profile="openrouter", route=route)
        assert reply.events is not None
        assert reply.events[0] == b": OPENROUTER PROCESSING\n\n"


def test_a_streams_time_is_spread_over_its_frames() -> None:
    mind = exchange(answers=BOOK, latency_scale=1.0)
    whole, reply = (
        reply_to(mind, body("Say it.", temperature=0)),
        reply_to(mind, body("Say it.", temperature=0, stream=True)),
    )
    assert reply.events is not None
    assert 0 < reply.wait_seconds < whole.wait_seconds
    total = reply.wait_seconds + reply.gap_seconds * (len(reply.events) - 1)
    assert total == pytest.approx(whole.wait_seconds)


def test_a_request_that_fails_before_its_stream_is_answered_in_json() -> None:
    reply = serve(exchange(), body("[[sim:status=529]]", stream=True))
    assert (reply.status, reply.events, reply.content_type) == (529, None, "application/json")
