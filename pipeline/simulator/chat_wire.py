"""The chat-completions wire format: a checked body becomes `Asked`, an `Answer` a completion (protocol section 10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from pipeline.simulator import cache_plan, images, thinking, tokens
from pipeline.simulator.asking import Answer, Asked, ToolOffer, ToolUse
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.profiles import Profile
from pipeline.simulator.prompt_cache import NO_CACHE, CacheUse

_TURN_TOKENS = 4
_FORM_TOKENS = 3
_LEAST_CACHED = 1_024
_BUDGET_SHARE = 0.8
_NO_EFFORT = ("none", "minimal")
_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def read(body: dict[str, Any], card: ModelCard, key: str, *, streams_by_default: bool = False) -> Asked:
    """Read a body that passed its checks."""
    turns = body["messages"]
    user = next((turn for turn in reversed(turns) if turn["role"] == "user"), {"content": ""})
    stop = body.get("stop") or ()
    choice = body.get("tool_choice") or "auto"
    promised = body.get("max_completion_tokens") or body.get("max_tokens")
    most = promised or card.max_output
    temperature = body.get("temperature")
    last = turns[-1]
    form = (body.get("response_format") or {}).get("type", "text")
    input_tokens = _count_input(body, card)
    stream = body.get("stream")
    thinks = _thinks(body, card)
    return Asked(
        card=card,
        model_id=body["model"],
        key=key,
        user_text=_text(user["content"]),
        system_text="\n".join(_text(turn["content"]) for turn in turns if turn["role"] in ("system", "developer")),
        prefill=_text(last.get("content")) if last["role"] == "assistant" else "",
        input_tokens=input_tokens,
        max_tokens=most,
        temperature=1.0 if temperature is None or card.always_thinks else float(temperature),
        stop_sequences=(stop,) if isinstance(stop, str) else tuple(stop),
        tools=tuple(_offer(tool["function"]) for tool in body.get("tools") or ()),
        tool_use=_tool_use(choice),
        parallel_tools=body.get("parallel_tool_calls") is not False,
        forced_tool=choice["function"]["name"] if isinstance(choice, dict) else None,
        tool_result=_text(last["content"]) if last["role"] == "tool" else None,
        image_count=sum(part["type"] == "image_url" for part in _parts(user["content"])),
        schema=body["response_format"]["json_schema"]["schema"] if form == "json_schema" else None,
        any_json=form == "json_object",
        thinks=thinks,
        thinking_budget=int(_BUDGET_SHARE * most) if thinks else None,
        stream=streams_by_default if stream is None else stream,
        stream_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        promised_output=promised,
        cache=cache_plan.of_chat(_cache_parts(body, card), card) if input_tokens >= _LEAST_CACHED else NO_CACHE,
    )


def write(
    answer: Answer, asked: Asked, use: CacheUse, profile: Profile, *, completion_id: str, created: int
) -> dict[str, Any]:
    """Write the completion object; `created` in seconds since 1970."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.tool_calls:
        message["content"] = answer.text or None
        message["tool_calls"] = [
            {
                "id": f"call_{index:02}{completion_id[-22:]}",
                "type": "function",
                "function": {"name": call.name, "arguments": orjson.dumps(call.input).decode()},
            }
            for index, call in enumerate(answer.tool_calls)
        ]
    if answer.thinking is not None:
        message["reasoning" if profile.names_provider else "reasoning_content"] = answer.thinking
    finish_reason = _FINISH_REASONS.get(answer.stop_reason, answer.stop_reason)
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}
    named: dict[str, Any] = {}
    if profile.names_provider:
        choice["native_finish_reason"] = answer.stop_reason
        named["provider"] = "Simulator"
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": asked.model_id.removesuffix(thinking.SUFFIX),
        "choices": [choice],
        "usage": {
            "prompt_tokens": asked.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": asked.input_tokens + answer.output_tokens,
            "prompt_tokens_details": {"cached_tokens": use.read_tokens, "cache_write_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": answer.thinking_tokens},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
        **named,
    }


def _count_input(body: dict[str, Any], card: ModelCard) -> int:
    per_piece = card.tokens_per_piece
    total = _FORM_TOKENS
    for turn in body["messages"]:
        total += _TURN_TOKENS + tokens.count(_text(turn.get("content")), per_piece)
        total += sum(_image_tokens(part, card) for part in _parts(turn.get("content")))
        if turn.get("tool_calls"):
            total += tokens.count(orjson.dumps(turn["tool_calls"]).decode(), per_piece)
    if body.get("tools"):
        total += tokens.count(orjson.dumps(body["tools"]).decode(), per_piece)
    return total


def _cache_parts(body: dict[str, Any], card: ModelCard) -> Iterator[cache_plan.Part]:
    """Give the prompt in the order in which it is cached: tools, then the turns."""
    if body.get("tools"):
        yield orjson.dumps(body["tools"]).decode()
    for turn in body["messages"]:
        yield (turn["role"], _TURN_TOKENS)
        yield _text(turn.get("content"))
        for part in _parts(turn.get("content")):
            if part["type"] == "image_url":
                yield (part["image_url"]["url"], _image_tokens(part, card))
        if turn.get("tool_calls"):
            yield orjson.dumps(turn["tool_calls"]).decode()


def _thinks(body: dict[str, Any], card: ModelCard) -> bool:
    effort = body.get("reasoning_effort")
    if effort is None:
        return card.always_thinks
    return card.always_thinks or (effort not in _NO_EFFORT and bool(card.thinking))


def _parts(content: Any) -> list[dict[str, Any]]:
    return content if isinstance(content, list) else []


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _image_tokens(part: dict[str, Any], card: ModelCard) -> int:
    if part["type"] != "image_url":
        return 0
    _, _, data = part["image_url"]["url"].partition(";base64,")
    return images.token_count(data, longest_edge=card.image_edge, most_tokens=card.image_tokens)


def _offer(function: dict[str, Any]) -> ToolOffer:
    return ToolOffer(
        name=function["name"],
        description=function.get("description") or "",
        schema=function.get("parameters") or {"type": "object"},
    )


def _tool_use(choice: Any) -> ToolUse:
    if choice == "none":
        return "none"
    return "any" if choice == "required" or isinstance(choice, dict) else "auto"
