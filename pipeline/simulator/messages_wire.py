"""The Messages wire format: a checked body becomes `Asked`, an `Answer` a message (protocol sections 1, 2, 7)."""

from __future__ import annotations

from typing import Any

from pipeline.simulator import cache_plan, thinking, typed_tools
from pipeline.simulator.asking import Answer, Asked, ToolOffer, ToolUse
from pipeline.simulator.blocks_check import blocks_of
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.profiles import Profile
from pipeline.simulator.prompt_cache import CacheUse
from pipeline.simulator.prompt_pieces import FORM_TOKENS, pieces, result_parts


def read(body: dict[str, Any], card: ModelCard, key: str) -> Asked:
    """Read a body that passed its checks (Invalid when its cache breakpoints do not fit together)."""
    row = pieces(body, card)
    turns = body["messages"]
    users = [turn for turn in turns if turn["role"] == "user"]
    last_user = blocks_of(users[-1])
    user_text = _text(last_user)
    choice = body.get("tool_choice") or {}
    tool_result = _tool_result(last_user) if turns[-1]["role"] == "user" else None
    mode = thinking.mode(body, card, after_tools=tool_result is not None)
    form = (body.get("output_config") or {}).get("format") or {}
    temperature = body.get("temperature")
    return Asked(
        card=card,
        model_id=body["model"],
        key=key,
        user_text=user_text,
        system_text=_system_text(body),
        prefill=_text(blocks_of(turns[-1])) if turns[-1]["role"] == "assistant" else "",
        input_tokens=FORM_TOKENS + sum(piece.tokens for piece in row),
        max_tokens=body.get("max_tokens", card.max_output),
        temperature=1.0 if temperature is None else float(temperature),
        stop_sequences=tuple(body.get("stop_sequences") or ()),
        tools=tuple(_offer(tool) for tool in body.get("tools") or ()),
        tool_use=_tool_use(choice.get("type", "auto")),
        parallel_tools=not choice.get("disable_parallel_tool_use"),
        forced_tool=choice.get("name"),
        tool_result=tool_result,
        image_count=sum(block["type"] == "image" for block in last_user),
        schema=form.get("schema"),
        thinks=mode.thinks,
        thinking_budget=mode.budget,
        thinking_shown=mode.shown,
        thinking_redacted=thinking.REDACTION_MARK in user_text,
        stream=bool(body.get("stream")),
        promised_output=body.get("max_tokens"),
        cache=cache_plan.of_messages(row, body, card),
    )


def write(answer: Answer, asked: Asked, use: CacheUse, profile: Profile, message_id: str) -> dict[str, Any]:
    """Write the message object."""
    message: dict[str, Any] = {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": asked.model_id.removesuffix(thinking.SUFFIX),
        "content": _content(answer, asked, message_id, profile),
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "usage": _usage(answer, asked, use, profile),
    }
    if not profile.stop_sequence_shown:
        del message["stop_sequence"]
    if profile.full_usage:
        refused = answer.stop_reason == "refusal"
        message["stop_details"] = (
            {"type": "refusal", "category": "general_harms", "explanation": None} if refused else None
        )
        message["container"] = None
    return message


def _text(blocks: list[dict[str, Any]]) -> str:
    if len(blocks) == 1 and blocks[0]["type"] == "text":
        return str(blocks[0]["text"])
    return "\n".join(block["text"] for block in blocks if block["type"] == "text")


def _system_text(body: dict[str, Any]) -> str:
    system = body.get("system") or ""
    return system if isinstance(system, str) else "\n".join(block["text"] for block in system)


def _tool_result(blocks: list[dict[str, Any]]) -> str | None:
    results = [block for block in blocks if block["type"] == "tool_result"]
    if not results:
        return None
    return "\n".join(_text([part for part in result_parts(block) if part["type"] == "text"]) for block in results)


def _offer(tool: dict[str, Any]) -> ToolOffer:
    if tool.get("type") not in (None, "custom"):
        return typed_tools.offer(tool)
    return ToolOffer(
        name=tool["name"],
        description=tool.get("description") or "",
        schema=tool.get("input_schema") or {"type": "object"},
    )


def _tool_use(choice: str) -> ToolUse:
    if choice == "none":
        return "none"
    return "any" if choice in ("any", "tool") else "auto"


def _content(answer: Answer, asked: Asked, message_id: str, profile: Profile) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.thinking is not None:
        blocks.append(_thinking_block(answer.thinking, asked, message_id))
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
        if profile.full_usage:
            blocks[-1]["citations"] = None
    for index, call in enumerate(answer.tool_calls):
        call_id = f"toolu_{index:02}{message_id.removeprefix('msg_')[2:]}"
        blocks.append({"type": "tool_use", "id": call_id, "name": call.name, "input": call.input})
    return blocks


def _thinking_block(thought: str, asked: Asked, message_id: str) -> dict[str, Any]:
    if asked.thinking_redacted:
        return {"type": "redacted_thinking", "data": thinking.redact(message_id)}
    shown = thought if asked.thinking_shown else ""
    return {"type": "thinking", "thinking": shown, "signature": thinking.sign(shown, message_id)}


def _usage(answer: Answer, asked: Asked, use: CacheUse, profile: Profile) -> dict[str, Any]:
    counted = {
        "input_tokens": asked.input_tokens - use.cached_tokens,
        "cache_creation_input_tokens": use.write_5m_tokens + use.write_1h_tokens,
        "cache_read_input_tokens": use.read_tokens,
    }
    if not profile.full_usage:
        if not asked.cache.readable:
            counted = {"input_tokens": asked.input_tokens}
        return {**counted, "output_tokens": answer.output_tokens}
    return {
        **counted,
        "cache_creation": {
            "ephemeral_5m_input_tokens": use.write_5m_tokens,
            "ephemeral_1h_input_tokens": use.write_1h_tokens,
        },
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"thinking_tokens": answer.thinking_tokens},
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
        "service_tier": "standard",
        "inference_geo": "global",
        "speed": "standard",
    }
