"""Token estimates before anything is sent: planning values, to be calibrated with the usage that comes back.

Text is counted by script over its UTF-8 bytes, with weights fitted to the planning column of protocol section 12
(characters per token: English prose 3.7, Python 3.2, JSON 2.5, Korean 1.1).
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.fingerprint import canonical_json
from pipeline.core.image_size import image_size
from pipeline.core.output_format import output_schema
from pipeline.core.records import Block, Request

_DENSE_FACTOR = 1.3
_MESSAGE_TOKENS = 4
_TILE_PIXELS = 28
_UNKNOWN_IMAGE_TOKENS = 1600
_UNKNOWN_DOCUMENT_TOKENS = 4000
"""A page or two, as text and as a picture."""
_IMAGE_HEADS = (1_024, 512 * 1_024)
"""Base64 characters looked at for a picture's size: nearly always the first is enough."""

_ASCII_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WHITE_SPACE = b" \t\r\n"
_OTHER_ASCII = bytes(byte for byte in range(0x80) if byte not in _ASCII_LETTERS + _WHITE_SPACE)
_TOKENS_PER_BYTE: tuple[tuple[bytes, float], ...] = (
    (_ASCII_LETTERS, 0.28),
    (_WHITE_SPACE, 0.08),  # most of it is part of the next word's token
    (_OTHER_ASCII, 0.80),  # digits, punctuation
    (bytes(range(0x80, 0xC0)), 0.0),  # the bytes inside a character; its first byte counts
    (bytes(range(0xEA, 0xEE)), 1.17),  # Hangul
    (bytes(range(0xE3, 0xEA)), 1.00),  # Chinese characters, kana, and their punctuation
    (bytes(range(0xC0, 0xE0)), 0.60),  # two bytes: accented Latin, Greek, Cyrillic, Hebrew, Arabic
    (bytes([0xE0, 0xE1, 0xE2, 0xEE, 0xEF]), 1.20),  # three bytes: Thai, Devanagari, typographic signs, full width
    (bytes(range(0xF0, 0x100)), 2.50),  # four bytes: emoji, rare characters
)
"""Weights by the first byte of a character in UTF-8, the frequent classes first."""


def estimate_tokens(text: str, *, dense: bool = False) -> int:
    """Estimate the tokens of `text`; `dense` is the tokenizer of Claude 4.7 and later, 30 % more."""
    return math.ceil(_weigh(text) * (_DENSE_FACTOR if dense else 1.0))


def estimate_request_tokens(request: Request, *, dense: bool = False) -> int:
    """Estimate the input tokens of `request`: text, pictures, documents, tools with their hidden prompt."""
    factor = _DENSE_FACTOR if dense else 1.0
    tokens = 0.0
    for content in (request.system, *(message["content"] for message in request.messages)):
        tokens += _content_tokens(content, dense)
    tokens += _MESSAGE_TOKENS * len(request.messages)
    tokens += _weigh(_json(output_schema(request.params))) * factor
    return math.ceil(tokens + _tools_tokens(request.params, dense))


def image_tokens(width: int, height: int, *, dense: bool = False) -> int:
    """Tokens of a picture: tiles of 28 pixels, after the provider's own downscaling (protocol section 12)."""
    longest_edge, most_tokens = (2576, 4784) if dense else (1568, 1568)
    scale = min(1.0, longest_edge / max(width, height))
    tokens = _tiles(width * scale) * _tiles(height * scale)
    if tokens <= most_tokens:
        return tokens
    columns = math.ceil(math.sqrt(most_tokens * width / height))
    while columns > 1 and columns * _tiles(columns * _TILE_PIXELS * height / width) > most_tokens:
        columns -= 1
    return min(most_tokens, columns * _tiles(columns * _TILE_PIXELS * height / width))


def _weigh(text: str) -> float:
    tokens = 0.0
    rest = text.encode("utf-8", "surrogatepass")
    # Deleting class after class runs at memory speed, and English is done after three of them.
    for first_bytes, weight in _TOKENS_PER_BYTE:
        if not rest:
            break
        others = rest.translate(None, first_bytes)
        tokens += weight * (len(rest) - len(others))
        rest = others
    return tokens


def _tiles(pixels: float) -> int:
    return max(1, math.ceil(pixels / _TILE_PIXELS))


def _content_tokens(content: str | Iterable[Block] | None, dense: bool) -> float:
    if content is None:
        return 0.0
    if isinstance(content, str):
        return _weigh(content) * (_DENSE_FACTOR if dense else 1.0)
    return sum(_block_tokens(block, dense) for block in content)


def _block_tokens(block: Block, dense: bool) -> float:
    factor = _DENSE_FACTOR if dense else 1.0
    kind = block.get("type")
    if kind == "text":
        return _weigh(block["text"]) * factor
    if kind == "image":
        return _image_block_tokens(block, dense)
    if kind == "document":
        return _document_tokens(block, dense)
    if kind == "tool_result":
        return _content_tokens(block.get("content"), dense)
    if kind in ("thinking", "redacted_thinking"):
        return 0.0  # not counted in earlier turns (protocol section 7)
    return _weigh(_json(block)) * factor


def _image_block_tokens(block: Block, dense: bool) -> float:
    source = block.get("source") or {}
    if source.get("type") != "base64":
        return _UNKNOWN_IMAGE_TOKENS
    for characters in _IMAGE_HEADS:
        head = _decoded(source["data"][:characters])
        size = image_size(head) if head else None
        if size is not None:
            return image_tokens(*size, dense=dense)
    return _UNKNOWN_IMAGE_TOKENS


def _decoded(data: str) -> bytes | None:
    try:
        return base64.b64decode(data[: len(data) // 4 * 4])
    except (binascii.Error, ValueError):
        return None


def _document_tokens(block: Block, dense: bool) -> float:
    source = block.get("source") or {}
    if source.get("type") == "text":
        return _content_tokens(source.get("data"), dense)
    if source.get("type") == "content":
        return _content_tokens(source.get("content"), dense)
    return _UNKNOWN_DOCUMENT_TOKENS


def _tools_tokens(params: Mapping[str, Any], dense: bool) -> float:
    tools = params.get("tools")
    if not tools:
        return 0.0
    forced = (params.get("tool_choice") or {}).get("type") in ("any", "tool")
    if dense:
        return _weigh(_json(tools)) * _DENSE_FACTOR + (474 if forced else 354)
    return _weigh(_json(tools)) + (588 if forced else 496)


def _json(value: Any) -> str:
    return "" if value is None else canonical_json(value).decode()
