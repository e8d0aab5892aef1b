"""Event streams made by hand: an answer as its provider would stream it, in pieces and dialects of one's choice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

TEXTS = (
    "hello world",
    "안녕하세요, 세계 😀",
    "a\u2028b\u2029c\x85d\x0ce\x0bf\x1cg",
    'quotes " and \\ and \t tabs',
    "line\nbreaks\r\nof\rall kinds\n\n",
    "data: not a field\n\nevent: nor this\n: nor that",
    "",
    "null \x00 and \ufeff marks",
)


def frames(events: list[tuple[str | None, Any]], line_end: str = "\n", space: str = " ") -> bytes:
    """Write events; a string is written as it is."""
    lines: list[str] = []
    for name, value in events:
        data = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if name is not None:
            lines.append(f"event:{space}{name}")
        lines += [f"data:{space}{data}", ""]
    return line_end.join([*lines, ""]).encode("utf-8")


def named(events: list[dict[str, Any]]) -> list[tuple[str | None, Any]]:
    return [(event["type"], event) for event in events]


def pieces(text: str, chance: Random) -> Iterator[str]:
    """Cut `text` anywhere; the pieces joined are the text."""
    while text:
        size = chance.randint(1, max(1, len(text)))
        yield text[:size]
        text = text[size:]


def cut(body: bytes, chance: Random) -> Iterator[bytes]:
    """Cut a body into chunks as a network might."""
    place = 0
    while place < len(body):
        size = chance.choice((1, 1, 2, 3, 7, 64, 1000))
        yield body[place : place + size]
        place += size


def messages_events(message: dict[str, Any], chance: Random) -> list[dict[str, Any]]:
    """The events that stream `message`."""
    usage = message["usage"]
    at_start = {"output_tokens": min(1, usage["output_tokens"])}
    start = message | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage | at_start}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(message["content"]):
        begin, deltas = _block_parts(block, chance)
        events.append({"type": "content_block_start", "index": index, "content_block": begin})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    final = {name: message[name] for name in ("stop_reason", "stop_sequence") if name in message}
    late = {"output_tokens": usage["output_tokens"], "input_tokens": chance.choice((None, usage["input_tokens"]))}
    events += [{"type": "message_delta", "delta": final, "usage": late}, {"type": "message_stop"}]
    for _ in range(chance.randint(0, 3)):
        extra = chance.choice(({"type": "ping"}, {"type": "vendor_event", "index": 0, "delta": {"text": "no"}}))
        events.insert(chance.randint(1, len(events) - 1), extra)
    return events


def _block_parts(block: dict[str, Any], chance: Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kind = block["type"]
    if kind == "text":
        deltas = [{"type": "text_delta", "text": part} for part in pieces(block["text"], chance)]
        deltas += [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or ()]
        empty = {"citations": None} if "citations" in block else {}
        return {"type": "text", "text": "", **empty}, deltas
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": part} for part in pieces(block["thinking"], chance)]
        signed = [{"type": "signature_delta", "signature": block["signature"]}]
        return block | {"thinking": "", "signature": ""}, deltas + signed + [{"type": "novel_delta", "x": 1}]
    if kind in ("tool_use", "server_tool_use"):
        text = json.dumps(block["input"], ensure_ascii=chance.random() < 0.5) if block["input"] else ""
        parts = ["", *pieces(text, chance)]
        return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]
    return block, []


def a_message(chance: Random) -> dict[str, Any]:
    """A generated answer with blocks of every kind."""
    text = lambda: chance.choice(TEXTS)  # noqa: E731
    makers = [
        lambda: {"type": "text", "text": text()},
        lambda: {"type": "text", "text": text(), "citations": [{"cited_text": text()}, {"cited_text": "x"}]},
        lambda: {"type": "thinking", "thinking": text(), "signature": "c2ln"},
        lambda: {"type": "redacted_thinking", "data": "b3BhcXVl"},
        lambda: {
            "type": "tool_use",
            "id": f"toolu_{chance.random()}",
            "name": "f",
            "input": {text(): [text(), 1.5, None]},
        },
        lambda: {"type": "tool_use", "id": "toolu_0", "name": "g", "input": {}},
        lambda: {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": text()}},
        lambda: {"type": "novel_block", "deep": [{"text": text()}]},
    ]
    reason = chance.choice(("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "novel"))
    cache = {
        "cache_creation_input_tokens": chance.randint(0, 9),
        "cache_read_input_tokens": chance.choice((None, 0, 7)),
    }
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [chance.choice(makers)() for _ in range(chance.randint(0, 4))],
        "stop_reason": reason,
        "stop_sequence": "\n\nHuman:" if reason == "stop_sequence" else None,
        "usage": {
            "input_tokens": chance.randint(0, 999),
            "output_tokens": chance.randint(0, 999),
            **chance.choice(({}, cache)),
        },
    }


def a_completion(chance: Random) -> dict[str, Any]:
    """A generated chat completion."""
    text = lambda: chance.choice(TEXTS)  # noqa: E731
    message: dict[str, Any] = {"role": "assistant", "content": text() or None, "refusal": None}
    if chance.random() < 0.3:
        message["reasoning_content"] = text()
    if chance.random() < 0.5:
        message["tool_calls"] = [
            {
                "id": f"call_{position}",
                "type": "function",
                "function": {"name": "f", "arguments": json.dumps({text(): text()})},
            }
            for position in range(chance.randint(1, 3))
        ]
    elif chance.random() < 0.2:
        message["refusal"] = "I cannot."
    prompt, completion = chance.randint(8, 99), chance.randint(0, 99)
    details = {"prompt_tokens_details": {"cached_tokens": chance.randint(0, 8)}}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1763800000,
        "model": "gpt-x",
        "choices": [{"index": 0, "message": message, "finish_reason": chance.choice(("stop", "length", "tool_calls"))}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            **chance.choice(({}, details)),
        },
    }


def chat_chunks(completion: dict[str, Any], chance: Random) -> list[dict[str, Any]]:
    """The chunks that stream `completion`, usage last."""
    (choice,) = completion["choices"]
    message = choice["message"]
    deltas: list[dict[str, Any]] = []
    for name in ("reasoning_content", "content", "refusal"):
        deltas += [{name: part} for part in pieces(message.get(name) or "", chance)]
    for index, call in enumerate(message.get("tool_calls", ())):
        named_part = {"index": index, "id": call["id"], "type": "function", "function": {"name": "f", "arguments": ""}}
        deltas.append({"tool_calls": [named_part]})
        for part in pieces(call["function"]["arguments"], chance):
            deltas.append({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    head = {name: completion[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    first = {"role": "assistant", "content": "", "refusal": None}
    nothing = chance.choice((None, ""))
    chunks = [
        head | {"choices": [{"index": 0, "delta": delta, "finish_reason": nothing}], "usage": None}
        for delta in [first, *deltas]
    ]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    return [*chunks, head | {"choices": [], "usage": completion["usage"]}]
