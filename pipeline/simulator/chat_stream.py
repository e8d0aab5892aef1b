"""A chat completion as the chunks of a stream (protocol section 10)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson

from pipeline.simulator.messages_stream import chunks

_DONE = b"data: [DONE]\n\n"
_REASONING = ("reasoning_content", "reasoning")


def frames(completion: dict[str, Any], rng: random.Random, *, with_usage: bool) -> tuple[bytes, ...]:
    """Write `completion` as frames; with `with_usage` a last chunk has no choices but the usage."""
    head = {**completion, "object": "chat.completion.chunk"}
    head.pop("usage", None)
    (choice,) = completion["choices"]
    written = [_chunk(head, delta, None, with_usage=with_usage) for delta in _deltas(choice["message"], rng)]
    rest = {name: value for name, value in choice.items() if name not in ("index", "message", "logprobs")}
    written.append(_chunk(head, {}, rest, with_usage=with_usage))
    if with_usage and "usage" in completion:
        written.append({**head, "choices": [], "usage": completion["usage"]})
    return (*map(_frame, written), _DONE)


def broken_frames(completion: dict[str, Any], error: dict[str, Any], rng: random.Random) -> tuple[bytes, ...]:
    """Write a stream that fails after its first words, the error inside a last chunk."""
    whole = frames(completion, rng, with_usage=False)
    head = {**completion, "object": "chat.completion.chunk", **error}
    head.pop("usage", None)
    head["choices"] = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error", "native_finish_reason": None}]
    return (*whole[:2], _frame(head))


def _frame(chunk: dict[str, Any]) -> bytes:
    return b"data: %s\n\n" % orjson.dumps(chunk)


def _chunk(
    head: dict[str, Any], delta: dict[str, Any], end: dict[str, Any] | None, *, with_usage: bool
) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, **(end or {})}
    usage = {"usage": None} if with_usage else {}
    return {**head, "choices": [choice], **usage}


def _deltas(message: dict[str, Any], rng: random.Random) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": "", "refusal": message["refusal"]}
    for name in _REASONING:
        for piece in chunks(message.get(name) or "", rng):
            yield {name: piece}
    for piece in chunks(message["content"] or "", rng):
        yield {"content": piece}
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        named = {**call, "function": {"name": function["name"], "arguments": ""}}
        yield {"tool_calls": [{"index": index, **named}]}
        for piece in chunks(function["arguments"], rng):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
