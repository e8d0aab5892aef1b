"""Reads a Messages answer into the neutral form (protocol section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.core.records import Block, Response, StopReason, Usage
from pipeline.providers.envelope import Answer
from pipeline.providers.usage import messages_usage

ReadUsage = Callable[[Any, Mapping[str, Any]], Usage]

STOP_REASONS: Mapping[str, StopReason] = {
    "end_turn": "end_turn",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_use",
    "pause_turn": "pause_turn",
    "refusal": "refusal",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "compaction": "compaction",
}


def is_message(value: Mapping[str, Any]) -> bool:
    """Tell a message from every other object."""
    return value.get("type") == "message" or ("content" in value and "usage" in value)


def read_message(answer: Answer, request_id: str | None, *, read_usage: ReadUsage = messages_usage) -> Response | None:
    """Read a message object; None when it has no content that could be read."""
    message = answer.body
    if "content" not in message:
        return None
    blocks = _blocks(message["content"])
    if blocks is None:
        return None
    raw_reason = message.get("stop_reason")
    reason = raw_reason if isinstance(raw_reason, str) else None
    sequence = message.get("stop_sequence")
    model = message.get("model")
    return Response(
        text=_joined_field(blocks, "text"),
        content=blocks,
        thinking=_joined_field(blocks, "thinking") or None,
        tool_calls=_tool_calls(blocks),
        stop_reason=STOP_REASONS.get(reason, "unknown") if reason else "unknown",
        stop_reason_raw=reason,
        stop_sequence=sequence if isinstance(sequence, str) else None,
        usage=read_usage(message.get("usage"), answer.bill),
        model_served=model if isinstance(model, str) else None,
        request_id=request_id,
    )


def _blocks(content: Any) -> tuple[Block, ...] | None:
    if content is None:
        return ()
    if isinstance(content, str):
        return ({"type": "text", "text": content},)
    return tuple([block for block in content if isinstance(block, dict)]) if isinstance(content, list) else None


def _joined_field(blocks: tuple[Block, ...], kind: str) -> str:
    parts = [part for block in blocks if block.get("type") == kind and isinstance(part := block.get(kind), str)]
    return "".join(parts)


def _tool_calls(blocks: tuple[Block, ...]) -> tuple[Mapping[str, Any], ...]:
    calls = [block for block in blocks if block.get("type") == "tool_use"]
    return tuple([{"id": call.get("id"), "name": call.get("name"), "input": call.get("input")} for call in calls])
