"""Bounded reading of untrusted JSON: size, depth, broken Unicode and numbers that JSON does not know."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Decoded bytes of one response (reliability 6.8)."""
MAX_JSON_DEPTH = 64

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnreadableBody(ValueError):
    """The body is not JSON that we take; the text says why."""


class BodyBuffer:
    """Collects a body up to a cap; what comes after it is dropped, not kept."""

    __slots__ = ("_cap", "_chunks", "_size", "overflowed")

    def __init__(self, cap: int = MAX_BODY_BYTES) -> None:
        """Start empty."""
        self._chunks: list[bytes] = []
        self._size = 0
        self._cap = cap
        self.overflowed = False

    def feed(self, chunk: bytes) -> None:
        """Keep `chunk` if it still fits."""
        self._size += len(chunk)
        if self._size <= self._cap:
            self._chunks.append(chunk)
            return
        self.overflowed = True
        self._chunks.clear()

    def take(self) -> bytes:
        """Hand over everything kept so far; empty after an overflow."""
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)


def parse_json(body: bytes, *, keep_surrogates: bool = False) -> Any:
    """Parse a body. Lone surrogates and invalid UTF-8 become U+FFFD, NaN and infinities None.

    `keep_surrogates` is for a part of a text whose other half may follow; see `join_text`.
    Raises UnreadableBody for anything that is not JSON, or is nested deeper than MAX_JSON_DEPTH.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _parse_leniently(body)
        if not keep_surrogates:
            value = without_surrogates(value)
    # Fewer brackets than levels allowed: no need to walk the value.
    if body.count(b"{") + body.count(b"[") > MAX_JSON_DEPTH and _deeper_than(value, MAX_JSON_DEPTH):
        raise UnreadableBody(f"the JSON is nested deeper than {MAX_JSON_DEPTH} levels")
    return value


def join_text(parts: Iterable[str]) -> str:
    """Join the parts of a text; halves of a surrogate pair that was cut find each other, lone ones become U+FFFD."""
    text = "".join(parts)
    if text.isascii() or not _LONE_SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def dump_json(value: Any) -> bytes:
    """Serialise a request body; Decimals as numbers, lone surrogates as U+FFFD."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:
        # Lone surrogates, integers over 64 bits, keys that are not strings: rare, so found by failing.
        text = json.dumps(without_surrogates(value), default=_plain, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a request cannot carry a {type(value).__name__}")


def _parse_leniently(body: bytes) -> Any:
    text = body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "replace")
    try:
        value = json.loads(text, strict=False, parse_constant=lambda _: None, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise UnreadableBody(f"not JSON ({error})") from error
    # The walk below recurses, so the depth is checked before it.
    if _deeper_than(value, MAX_JSON_DEPTH):
        raise UnreadableBody(f"the JSON is nested deeper than {MAX_JSON_DEPTH} levels")
    return value


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def without_surrogates(value: Any) -> Any:
    """Copy a JSON value with U+FFFD for every lone surrogate in its keys and texts."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_surrogates(item) for item in value]
    return value


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [item for node in level for item in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [item for item in node.values() if isinstance(item, dict | list)]
    if isinstance(node, list):
        return [item for item in node if isinstance(item, dict | list)]
    return []
