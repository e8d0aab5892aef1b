"""A Messages prompt as a row of blocks in the order in which it is cached: tools, system, messages."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from pipeline.simulator import images, tokens
from pipeline.simulator.blocks_check import blocks_of
from pipeline.simulator.catalog import ModelCard

FORM_TOKENS = 3
"""What the frame around a prompt costs."""
_TURN_TOKENS = 4
_PAGE_TOKENS = 2_000
_PDF_PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")

Level = Literal["tools", "system", "messages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One block of the prompt, with what it costs."""

    level: Level
    path: str
    role: str = ""
    block: dict[str, Any]
    tokens: int


def pieces(body: dict[str, Any], card: ModelCard) -> list[Piece]:
    """Take a prompt apart."""
    return [*_tools(body, card), *_system(body, card), *_messages(body, card)]


def count_input(body: dict[str, Any], card: ModelCard) -> int:
    """Count the prompt's tokens: system, turns, images, documents, and tools with their hidden prompt."""
    return FORM_TOKENS + sum(piece.tokens for piece in pieces(body, card))


def result_parts(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Take a tool result's content as a list of blocks."""
    content = block.get("content") or []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def in_tool_loop(messages: list[dict[str, Any]]) -> int:
    """Say with which turn the current tool loop begins: the one after the last words of a user."""
    for index in range(len(messages) - 1, -1, -1):
        turn = messages[index]
        blocks = blocks_of(turn)
        if turn["role"] == "user" and not any(block["type"] == "tool_result" for block in blocks):
            return index + 1
    return 0


def _tools(body: dict[str, Any], card: ModelCard) -> Iterator[Piece]:
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    hidden = card.forced_tool_tokens if forced else card.tool_tokens
    for index, tool in enumerate(body.get("tools") or ()):
        shown = {key: value for key, value in tool.items() if key != "cache_control"}
        cost = tokens.count(orjson.dumps(shown).decode(), card.tokens_per_piece)
        yield Piece(level="tools", path=f"tools.{index}", block=tool, tokens=cost + (0 if index else hidden))


def _system(body: dict[str, Any], card: ModelCard) -> Iterator[Piece]:
    system = body.get("system") or []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    for index, block in enumerate(blocks):
        cost = tokens.count(block["text"], card.tokens_per_piece)
        yield Piece(level="system", path=f"system.{index}", block=block, tokens=cost)


def _messages(body: dict[str, Any], card: ModelCard) -> Iterator[Piece]:
    messages = body["messages"]
    loop = in_tool_loop(messages)
    for index, turn in enumerate(messages):
        turn_tokens = _TURN_TOKENS
        for position, block in enumerate(blocks_of(turn) or [{"type": "nothing"}]):
            cost = _block_tokens(block, card, keeps_thinking=index >= loop)
            yield Piece(
                level="messages",
                path=f"messages.{index}.content.{position}",
                role=turn["role"],
                block=block,
                tokens=cost + turn_tokens,
            )
            turn_tokens = 0


def _block_tokens(block: dict[str, Any], card: ModelCard, *, keeps_thinking: bool = False) -> int:
    kind = block["type"]
    per_piece = card.tokens_per_piece
    if kind == "text":
        return tokens.count(block["text"], per_piece)
    if kind == "image":
        data = block["source"].get("data", "")
        return images.token_count(data, longest_edge=card.image_edge, most_tokens=card.image_tokens)
    if kind == "document":
        return _document_tokens(block, card)
    if kind == "tool_use":
        return tokens.count(block["name"] + orjson.dumps(block["input"]).decode(), per_piece)
    if kind == "tool_result":
        return sum(_block_tokens(part, card) for part in result_parts(block))
    if kind == "thinking":
        return tokens.count(block["thinking"], per_piece) if keeps_thinking else 0
    if kind in ("redacted_thinking", "nothing"):
        return 0
    shown = {key: value for key, value in block.items() if key != "cache_control"}
    return tokens.count(orjson.dumps(shown).decode(), per_piece)


def _document_tokens(block: dict[str, Any], card: ModelCard) -> int:
    """Count a document: its text, or its pages, each as text and as an image."""
    about = sum(tokens.count(block.get(name) or "", card.tokens_per_piece) for name in ("title", "context"))
    source = block["source"]
    if source["type"] == "text":
        return about + tokens.count(source["data"], card.tokens_per_piece)
    if source["type"] == "content":
        return about + sum(_block_tokens(part, card) for part in result_parts(source))
    return about + _pages(source) * (_PAGE_TOKENS + card.image_tokens)


def _pages(source: dict[str, Any]) -> int:
    """Count the pages of a PDF; one whose pages cannot be seen from here counts as a single page."""
    try:
        data = base64.b64decode(source.get("data", ""))
    except (binascii.Error, ValueError):
        return 1
    return max(1, len(_PDF_PAGE.findall(data)))
