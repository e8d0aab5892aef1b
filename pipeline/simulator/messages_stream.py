"""A message as the events of a stream (protocol section 3)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson

_LONGEST_CHUNK = 24
_START_OUTPUT = 1
_EMPTIED: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}
_ONLY_AT_THE_START = ("cache_creation", "service_tier", "inference_geo", "speed")
_AT_THE_END = ("stop_reason", "stop_sequence", "stop_details", "container")


def frames(message: dict[str, Any], rng: random.Random, *, late_input: bool = False) -> tuple[bytes, ...]:
    """Write `message` as frames, its texts cut anywhere between characters.

    With `late_input` the first usage says 0 input tokens, as some gateways do.
    """
    return tuple(_frame(event) for event in _events(message, rng, late_input=late_input))


def broken_frames(error: dict[str, Any]) -> tuple[bytes, ...]:
    """Write a stream that fails before its first words."""
    return (_frame({"type": "ping"}), _frame({**error, "type": "error"}))


def chunks(text: str, rng: random.Random) -> Iterator[str]:
    """Cut `text` into stretches of random length."""
    start = 0
    while start < len(text):
        end = start + rng.randint(1, _LONGEST_CHUNK)
        yield text[start:end]
        start = end


def _frame(event: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), orjson.dumps(event))


def _events(message: dict[str, Any], rng: random.Random, *, late_input: bool) -> Iterator[dict[str, Any]]:
    usage = message.get("usage")
    start = {**message, "content": [], **{name: None for name in _AT_THE_END if name in message}}
    if usage is not None:
        start["usage"] = _first_usage(usage, late_input=late_input)
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        yield from _block(index, block, rng)
    end: dict[str, Any] = {
        "type": "message_delta",
        "delta": {name: message[name] for name in _AT_THE_END if name in message},
    }
    if usage is not None:
        end["usage"] = {name: value for name, value in usage.items() if name not in _ONLY_AT_THE_START}
    yield end
    yield {"type": "message_stop"}


def _first_usage(usage: dict[str, Any], *, late_input: bool) -> dict[str, Any]:
    first = {**usage, "output_tokens": min(_START_OUTPUT, usage["output_tokens"])}
    if "output_tokens_details" in first:
        first["output_tokens_details"] = {"thinking_tokens": 0}
    if late_input:
        first["input_tokens"] = 0
    return first


def _block(index: int, block: dict[str, Any], rng: random.Random) -> Iterator[dict[str, Any]]:
    empty = _EMPTIED.get(block["type"], {})
    yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
    for delta in _deltas(block, rng):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _deltas(block: dict[str, Any], rng: random.Random) -> Iterator[dict[str, Any]]:
    """Cut a block into deltas; what has none (redacted thinking) came whole in its start."""
    kind = block["type"]
    if kind == "text":
        for piece in chunks(block["text"], rng):
            yield {"type": "text_delta", "text": piece}
    elif kind == "thinking":
        for piece in chunks(block["thinking"], rng):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif kind == "tool_use":
        yield {"type": "input_json_delta", "partial_json": ""}
        if block["input"]:
            for piece in chunks(orjson.dumps(block["input"]).decode(), rng):
                yield {"type": "input_json_delta", "partial_json": piece}
