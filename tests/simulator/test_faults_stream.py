"""Faults of streams: what becomes of the frames of a good one."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from pipeline.simulator import fault_streams
from pipeline.simulator.faults import parse
from tests.support.simulator.wire import CHAT_FRAMES, MESSAGE_FRAMES, event

BOTH = [MESSAGE_FRAMES, CHAT_FRAMES]
TOOL_FRAMES = (
    *MESSAGE_FRAMES[:6],
    event(type="content_block_start", index=1, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}}),
    event(type="content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"a": '}),
    event(type="content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": "1}"}),
    *MESSAGE_FRAMES[6:],
)


def chunks(words: str, frames: tuple[bytes, ...] = MESSAGE_FRAMES) -> tuple[bytes, ...]:
    return fault_streams.deform(frames, parse(words))


def raw(words: str, frames: tuple[bytes, ...] = MESSAGE_FRAMES) -> bytes:
    return b"".join(chunks(words, frames))


def payloads(words: str, frames: tuple[bytes, ...] = MESSAGE_FRAMES) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in raw(words, frames).split(b"\n") if line.startswith(b"data: {")]


def types(words: str) -> list[str]:
    return [payload["type"] for payload in payloads(words)]


@pytest.mark.parametrize("frames", BOTH)
def test_a_good_stream_is_not_touched(frames: tuple[bytes, ...]) -> None:
    assert chunks("", frames) == frames


@pytest.mark.parametrize("frames", BOTH)
def test_every_byte_can_come_alone(frames: tuple[bytes, ...]) -> None:
    cut = chunks("sse_bytes", frames)
    assert b"".join(cut) == b"".join(frames)
    assert {len(chunk) for chunk in cut} == {1}


@pytest.mark.parametrize("frames", BOTH)
def test_chunks_can_split_line_ends_and_characters(frames: tuple[bytes, ...]) -> None:
    cut = chunks("sse_split", frames)
    assert b"".join(cut) == b"".join(frames).replace(b"\n", b"\r\n")
    pairs = list(pairwise(cut))
    assert sum(one.endswith(b"\r") and two.startswith(b"\n") for one, two in pairs) == b"".join(frames).count(b"\n")
    assert any(one.endswith(b"\xc3") and two.startswith(b"\xb6") for one, two in pairs)


@pytest.mark.parametrize(("word", "end"), [("sse_crlf", b"\r\n"), ("sse_cr", b"\r")])
def test_lines_can_end_otherwise(word: str, end: bytes) -> None:
    assert raw(word) == b"".join(MESSAGE_FRAMES).replace(b"\n", end)


def test_the_spelling_of_fields_can_vary() -> None:
    assert b"event:" not in raw("sse_no_names")
    assert raw("sse_no_names").count(b"data: ") == len(MESSAGE_FRAMES)
    assert b"event:ping\ndata:{" in raw("sse_no_space")
    assert raw("sse_no_last_blank") == b"".join(MESSAGE_FRAMES)[:-1]
    joined = [
        "\n".join(re.findall(r"^data: (.*)$", frame, re.MULTILINE))
        for frame in raw("sse_multiline").decode().split("\n\n")
    ]
    assert [json.loads(text) for text in joined if text] == payloads("")
    assert all("\n" in text for text in joined if text)


def test_comments_stand_between_the_events() -> None:
    assert payloads("sse_comments") == payloads("")
    assert raw("sse_comments").count(b": OPENROUTER PROCESSING\n") == len(MESSAGE_FRAMES)


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("sse_no_stop", {"message_stop"}),
        ("sse_no_delta", {"message_delta"}),
        ("sse_cut_delta", {"message_delta", "message_stop"}),
    ],
)
def test_the_end_can_be_missing(words: str, missing: set[str]) -> None:
    assert set(types("")) - set(types(words)) == missing


def test_the_end_of_a_chat_stream_can_be_missing() -> None:
    assert b"[DONE]" not in raw("sse_no_stop", CHAT_FRAMES)
    assert raw("sse_no_stop", CHAT_FRAMES) == b"".join(CHAT_FRAMES[:-1])
    reasons = [choice["finish_reason"] for p in payloads("sse_no_delta", CHAT_FRAMES) for choice in p["choices"]]
    assert reasons == [None] * 3
    assert raw("sse_cut_delta", CHAT_FRAMES) == b"".join(CHAT_FRAMES[:3])


@pytest.mark.parametrize("frames", BOTH)
def test_a_stream_can_end_inside_a_character(frames: tuple[bytes, ...]) -> None:
    whole, cut = b"".join(frames), raw("sse_cut_character", frames)
    assert 0 < len(cut) < len(whole)
    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        cut.decode()


def test_a_stream_can_end_inside_the_json_of_a_tool() -> None:
    cut = raw("sse_cut_tool", TOOL_FRAMES)
    assert cut.rpartition(b"data: ")[2].startswith(b'{"type":"content_block_delta","index":1')
    assert not cut.endswith(b"\n")
    assert raw("sse_cut_tool") != b""


@pytest.mark.parametrize("words", ["sse_cut_start", "empty_body"])
def test_a_stream_can_end_before_its_first_byte(words: str) -> None:
    assert chunks(words) == ()


def test_an_error_can_come_after_content() -> None:
    assert types("sse_error")[-2:] == ["content_block_delta", "error"]
    assert payloads("sse_error", CHAT_FRAMES)[-1]["error"]["code"] == 503


def test_done_can_stand_where_it_does_not_belong() -> None:
    assert chunks("sse_stray_done")[-1] == b"data: [DONE]\n\n"
    assert raw("sse_stray_done", CHAT_FRAMES).count(b"[DONE]") == 1


@pytest.mark.parametrize("frames", BOTH)
def test_duplicates_never_double_the_text(frames: tuple[bytes, ...]) -> None:
    doubled = chunks("sse_duplicates", frames)
    assert len(doubled) == 2 * len(frames) - 2
    assert sum("wörld".encode() in frame for frame in doubled) == 1


def test_unknown_things_come_before_the_end() -> None:
    known = set(types(""))
    assert set(types("sse_unknown")) - known == {"sparkle"}
    assert types("sse_unknown")[-2:] == ["message_delta", "message_stop"]
    assert payloads("sse_unknown", CHAT_FRAMES)[-3]["object"] == "sparkle"


def test_input_can_be_known_late() -> None:
    changed = payloads("sse_late_input")
    assert changed[0]["message"]["usage"]["input_tokens"] == 0
    assert changed[-2]["usage"] == {"output_tokens": 7, "input_tokens": 9}


@pytest.mark.parametrize(("word", "said"), [("usage_decreasing", 3), ("usage_negative", -8), ("usage_string", "7")])
def test_a_false_usage_follows_the_true_one(word: str, said: object) -> None:
    deltas = [p["usage"]["output_tokens"] for p in payloads(word) if p["type"] == "message_delta"]
    assert deltas == [7, said]
    usages = [p["usage"]["completion_tokens"] for p in payloads(word, CHAT_FRAMES) if "usage" in p]
    assert usages == [7, said]


@pytest.mark.parametrize("frames", BOTH)
def test_usage_and_model_can_be_taken_out_and_changed(frames: tuple[bytes, ...]) -> None:
    assert b"usage" not in raw("no_usage", frames)
    assert b'"model":"other"' in raw("model=other", frames)
    assert b'"model":"m"' not in raw("model=other", frames)


def test_stop_sequence_can_be_missing() -> None:
    assert b"stop_sequence" not in raw("no_stop_sequence")


def test_a_second_choice_can_stand_between_the_chunks_of_the_first() -> None:
    choices = [choice for payload in payloads("sse_choices", CHAT_FRAMES) for choice in payload["choices"]]
    plain = [choice for payload in payloads("", CHAT_FRAMES) for choice in payload["choices"]]
    assert [choice["index"] for choice in choices] == [1, 0] * len(plain)
    assert choices[1::2] == plain
    text, other = ("".join(choice["delta"].get("content") or "" for choice in part) for part in (plain, choices[::2]))
    assert other != text
    assert sorted(other) == sorted(text)
    assert chunks("sse_choices") == MESSAGE_FRAMES


def test_finish_reason_can_be_blank() -> None:
    reasons = [choice["finish_reason"] for p in payloads("sse_blank_reason", CHAT_FRAMES) for choice in p["choices"]]
    assert reasons == ["", "", "", "stop"]


@pytest.mark.parametrize("frames", BOTH)
@pytest.mark.parametrize(
    ("word", "inside"),
    [
        ("latin1", "wörld".encode() + b'\xe9"'),
        ("lone_surrogate", "wörld".encode() + b'\\ud83d"'),
        ("nul", "wörld".encode() + b'\\u0000"'),
        ("raw_nul", "wörld".encode() + b'\x00"'),
        ("nan", b'"score":NaN,'),
        ("deep_json", b"[" * 100_000),
    ],
)
def test_odd_bytes_stand_in_the_last_text(frames: tuple[bytes, ...], word: str, inside: bytes) -> None:
    assert raw(word, frames).count(inside) == 1


def test_a_flood_is_a_million_events_in_little_memory() -> None:
    for frames, event_bytes in [(MESSAGE_FRAMES, b'data: {"type":"ping"}'), (CHAT_FRAMES, b'data: {"choices":[]}')]:
        flood = chunks("sse_flood", frames)
        assert sum(chunk.count(event_bytes) for chunk in flood) >= 1_000_000
        assert len({id(chunk) for chunk in flood}) < 20
        assert flood[-1] == frames[-1]


@pytest.mark.parametrize("words", ["endless_body", "gzip_bomb"])
def test_padding_stands_before_the_end(words: str) -> None:
    padded = chunks(words)
    assert (padded[0], padded[-7:]) == (MESSAGE_FRAMES[0], MESSAGE_FRAMES[1:])
    assert sum(map(len, padded[1:-7])) == 80 * 1024 * 1024
    assert payloads(words) == payloads("")


def test_faults_combine() -> None:
    assert raw("sse_no_stop,sse_crlf,sse_no_names").endswith(b"}\r\n\r\n")
    assert b"message_stop" not in raw("sse_no_stop,sse_crlf,sse_no_names")
