"""Reads a chat-completions answer into the neutral form (protocol section 10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.core.records import Block, Response, StopReason, Usage
from pipeline.providers.body import UnreadableBody, parse_json
from pipeline.providers.envelope import Answer, DisguisedError
from pipeline.providers.usage import chat_usage

ReadUsage = Callable[[Any, Mapping[str, Any]], Usage]

STOP_REASONS: Mapping[str, StopReason] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def is_completion(value: Mapping[str, Any]) -> bool:
    """Tell a completion from every other object."""
    return isinstance(value.get("choices"), list)


def failed_choice(choice: Mapping[str, Any], usage: Any = None) -> DisguisedError:
    """Say what a choice with `finish_reason: "error"` means (OpenRouter)."""
    error = choice.get("error") or {"type": "server_error", "message": "the generation failed on the way"}
    return DisguisedError({"error": error, "usage": usage})


def read_completion(
    answer: Answer, request_id: str | None, *, read_usage: ReadUsage = chat_usage
) -> Response | DisguisedError | None:
    """Read the first choice; None when there is none, an error when it failed on the way."""
    choice = _first_choice(answer.body)
    if choice is not None and choice.get("finish_reason") == "error":
        return failed_choice(choice, answer.body.get("usage"))
    message = choice.get("message") if choice else None
    if choice is None or not isinstance(message, dict):
        return None
    reason = choice.get("finish_reason")
    raw_reason = reason if isinstance(reason, str) and reason else None
    refusal = _text(message.get("refusal"))
    text = _text(message.get("content")) or refusal
    thinking = _thinking(message)
    calls = _tool_calls(message)
    model = answer.body.get("model")
    return Response(
        text=text,
        content=_content(thinking, text, calls),
        thinking=thinking,
        tool_calls=calls,
        stop_reason="refusal" if refusal else STOP_REASONS.get(raw_reason or "", "unknown"),
        stop_reason_raw=raw_reason,
        usage=read_usage(answer.body.get("usage"), answer.bill),
        model_served=model if isinstance(model, str) else None,
        request_id=request_id,
    )


def _first_choice(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    return choices[0]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    return "".join(part for part in parts if isinstance(part, str))


def _thinking(message: Mapping[str, Any]) -> str | None:
    for name in ("reasoning_content", "reasoning"):
        text = message.get(name)
        if isinstance(text, str) and text:
            return text
    return None


def _tool_calls(message: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return tuple(_call(call.get("id"), call.get("function")) for call in calls if isinstance(call, Mapping))
    legacy = message.get("function_call")
    return (_call(None, legacy),) if isinstance(legacy, Mapping) else ()


def _call(call_id: Any, function: Any) -> Mapping[str, Any]:
    function = function if isinstance(function, Mapping) else {}
    return {"id": call_id, "name": function.get("name"), "input": _arguments(function.get("arguments"))}


def _arguments(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return {} if arguments is None else arguments
    if not arguments.strip():
        return {}
    try:
        return parse_json(arguments.encode("utf-8", "replace"))
    except UnreadableBody:
        return arguments  # cut off or malformed: kept as it came, for the scorer to judge


def _content(thinking: str | None, text: str, calls: tuple[Mapping[str, Any], ...]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if thinking is not None:
        blocks.append({"type": "thinking", "thinking": thinking})
    if text:
        blocks.append({"type": "text", "text": text})
    blocks.extend({"type": "tool_use", **call} for call in calls)
    return tuple(blocks)
