"""The Anthropic Messages protocol: POST /v1/messages (protocol sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.records import Block, Request, Response, StopReason
from pipeline.core.settings import ProviderSettings
from pipeline.providers.body import dump_json
from pipeline.providers.decoder import Shape, WholeBodyDecoder
from pipeline.providers.envelope import Answer
from pipeline.providers.usage import messages_usage
from pipeline.providers.wire import Decoder

VERSION = "2023-06-01"

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
_TEXT_BLOCK_KEYS = {"type", "text"}


class AnthropicMessages:
    """Parameters go out as they are; answers come back bare or wrapped."""

    name = "anthropic-messages"

    def path(self) -> str:
        """What is appended to the base_url, which has no /v1."""
        return "/v1/messages"

    def headers(self, provider: ProviderSettings, beta: tuple[str, ...]) -> dict[str, str]:
        """Version, beta names and the provider's own headers, which win."""
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "anthropic-version": VERSION,
        }
        headers.update((name.lower(), value) for name, value in provider.headers.items())
        names = [headers["anthropic-beta"]] if "anthropic-beta" in headers else []
        if joined := ",".join([*names, *beta]):
            headers["anthropic-beta"] = joined
        return headers

    def auth_header(self, provider: ProviderSettings, key: str) -> tuple[str, str]:
        """`x-api-key`, or a bearer token where the provider wants one."""
        return ("authorization", f"Bearer {key}") if provider.auth == "bearer" else ("x-api-key", key)

    def encode(self, request: Request, model_id: str, provider: ProviderSettings) -> bytes:
        """Serialise; a streamed answer is never asked for."""
        body: dict[str, Any] = {"model": model_id, **request.params}
        if body.get("stream"):
            body["stream"] = False
        system = request.system
        if system is not None:
            # OfoxAI documents a string only; the array form is needed there for cache breakpoints.
            body["system"] = _joined(system) if provider.name == "ofox" else system
        body["messages"] = request.messages
        body["model"] = model_id
        return dump_json(body)

    def decoder(self, status: int, headers: Mapping[str, str]) -> Decoder:
        """Read a whole body."""
        return WholeBodyDecoder(status, headers, _SHAPE)


def _joined(system: str | tuple[Block, ...]) -> str | tuple[Block, ...]:
    if isinstance(system, str) or any(block.keys() != _TEXT_BLOCK_KEYS for block in system):
        return system
    return "\n\n".join(block["text"] for block in system)


def _is_message(value: Mapping[str, Any]) -> bool:
    return value.get("type") == "message" or ("content" in value and "usage" in value)


def _read_message(answer: Answer, request_id: str | None) -> Response | None:
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
        usage=messages_usage(message.get("usage"), answer.bill),
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


_SHAPE = Shape(_is_message, _read_message, messages_usage)
