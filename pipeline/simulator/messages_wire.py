"""The Messages wire format: a checked body becomes `Asked`, an `Answer` a message (protocol sections 1, 2, 7)."""

from __future__ import annotations

from typing import Any

import orjson

from pipeline.simulator import images, tokens
from pipeline.simulator.asking import Answer, Asked, ToolOffer, ToolUse
from pipeline.simulator.blocks_check import blocks_of
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.profiles import Profile

_TURN_TOKENS = 4
_FORM_TOKENS = 3


def read(body: dict[str, Any], card: ModelCard, key: str) -> Asked:
    """Read a body that passed its checks."""
    turns = body["messages"]
    users = [turn for turn in turns if turn["role"] == "user"]
    last_user = blocks_of(users[-1])
    choice = body.get("tool_choice") or {}
    thinking = body.get("thinking") or {}
    form = (body.get("output_config") or {}).get("format") or {}
    temperature = body.get("temperature")
    return Asked(
        card=card,
        model_id=body["model"],
        key=key,
        user_text=_text(last_user),
        system_text=_system_text(body),
        prefill=_text(blocks_of(turns[-1])) if turns[-1]["role"] == "assistant" else "",
        input_tokens=count_input(body, card),
        max_tokens=body.get("max_tokens", card.max_output),
        temperature=1.0 if temperature is None else float(temperature),
        stop_sequences=tuple(body.get("stop_sequences") or ()),
        tools=tuple(_offer(tool) for tool in body.get("tools") or ()),
        tool_use=_tool_use(choice.get("type", "auto")),
        forced_tool=choice.get("name"),
        tool_result=_tool_result(last_user) if turns[-1]["role"] == "user" else None,
        image_count=sum(block["type"] == "image" for block in last_user),
        schema=form.get("schema"),
        thinks=card.always_thinks or thinking.get("type") in ("enabled", "adaptive"),
        thinking_budget=thinking.get("budget_tokens"),
    )


def write(answer: Answer, asked: Asked, profile: Profile, message_id: str) -> dict[str, Any]:
    """Write the message object."""
    message: dict[str, Any] = {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": asked.model_id.removesuffix("-thinking"),
        "content": _content(answer, message_id, profile),
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "usage": _usage(answer, asked, profile),
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


def count_input(body: dict[str, Any], card: ModelCard) -> int:
    """Count the prompt's tokens: system, turns, images, and tools with their hidden prompt."""
    per_piece = card.tokens_per_piece
    total = _FORM_TOKENS + tokens.count(_system_text(body), per_piece)
    for turn in body["messages"]:
        total += _TURN_TOKENS + sum(_block_tokens(block, card) for block in blocks_of(turn))
    tools = body.get("tools")
    if tools:
        forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
        total += card.forced_tool_tokens if forced else card.tool_tokens
        total += tokens.count(orjson.dumps(tools).decode(), per_piece)
    return total


def _block_tokens(block: dict[str, Any], card: ModelCard) -> int:
    kind = block["type"]
    per_piece = card.tokens_per_piece
    if kind == "text":
        return tokens.count(block["text"], per_piece)
    if kind == "image":
        data = block["source"].get("data", "")
        return images.token_count(data, longest_edge=card.image_edge, most_tokens=card.image_tokens)
    if kind == "tool_use":
        return tokens.count(block["name"] + orjson.dumps(block["input"]).decode(), per_piece)
    if kind == "tool_result":
        return sum(_block_tokens(part, card) for part in _result_parts(block))
    if kind in ("thinking", "redacted_thinking"):
        return 0
    return tokens.count(orjson.dumps(block).decode(), per_piece)


def _result_parts(block: dict[str, Any]) -> list[dict[str, Any]]:
    content = block.get("content") or []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


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
    return "\n".join(_text([part for part in _result_parts(block) if part["type"] == "text"]) for block in results)


def _offer(tool: dict[str, Any]) -> ToolOffer:
    return ToolOffer(
        name=tool.get("name", tool.get("type", "")),
        description=tool.get("description") or "",
        schema=tool.get("input_schema") or {"type": "object"},
    )


def _tool_use(choice: str) -> ToolUse:
    if choice == "none":
        return "none"
    return "any" if choice in ("any", "tool") else "auto"


def _content(answer: Answer, message_id: str, profile: Profile) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.thinking is not None:
        signature = f"sim{message_id.removeprefix('msg_')}=="
        blocks.append({"type": "thinking", "thinking": answer.thinking, "signature": signature})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
        if profile.full_usage:
            blocks[-1]["citations"] = None
    for index, call in enumerate(answer.tool_calls):
        call_id = f"toolu_{index:02}{message_id.removeprefix('msg_')[2:]}"
        blocks.append({"type": "tool_use", "id": call_id, "name": call.name, "input": call.input})
    return blocks


def _usage(answer: Answer, asked: Asked, profile: Profile) -> dict[str, Any]:
    if not profile.full_usage:
        return {"input_tokens": asked.input_tokens, "output_tokens": answer.output_tokens}
    return {
        "input_tokens": asked.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"thinking_tokens": answer.thinking_tokens},
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
        "service_tier": "standard",
        "inference_geo": "global",
        "speed": "standard",
    }
