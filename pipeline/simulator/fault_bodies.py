"""Deforms whole bodies: broken JSON, odd characters, bombs, and answers that say what they should not."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from pipeline.simulator.faults import Directives
from pipeline.simulator.replies import JSON, Reply

BOMB_BYTES = 80 * 1024 * 1024
_PADDING = b" " * 65_536
_DEPTH = 100_000
_HOLE = "@sim@"
_TOKEN_FIELDS = ("input_tokens", "output_tokens", "prompt_tokens", "completion_tokens", "total_tokens")
_OUTPUT_FIELDS = ("output_tokens", "completion_tokens")
_IN_TEXT = {"latin1": b"\xe9", "lone_surrogate": b"\\ud83d", "nul": b"\\u0000", "raw_nul": b"\x00"}
"""What a fault puts at the end of the answer's text, as it stands inside a JSON string."""


def deform(reply: Reply) -> Reply:
    """Do to a whole answer what its directives ask."""
    wanted = reply.directives
    if not wanted.words and wanted.model is None:
        return reply
    payload = orjson.loads(reply.body)
    _rewrite(payload.get("data", payload), wanted)
    return _broken(replace(reply, body=_odd_bytes(orjson.dumps(payload), payload, wanted)), wanted)


def packed(chunks: Iterable[bytes]) -> tuple[bytes, ...]:
    """Compress `chunks` to gzip."""
    packer = zlib.compressobj(wbits=31)
    pieces = [*(packer.compress(chunk) for chunk in chunks), packer.flush()]
    return tuple(piece for piece in pieces if piece)


def endless(padding: bytes = _PADDING) -> Iterable[bytes]:
    """Give white space (or `padding`) without an end in sight: 80 MiB of it."""
    return (padding for _ in range(BOMB_BYTES // len(padding)))


def text_holder(answer: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """Find where the text of an answer stands: the object, and its key."""
    if "choices" in answer:
        message = answer["choices"][0]["message"]
        return (message, "content") if isinstance(message.get("content"), str) else None
    return next(((block, "text") for block in answer.get("content") or () if block.get("type") == "text"), None)


def fill_hole(raw: bytes, wanted: Directives) -> bytes:
    """Put the odd bytes that `wanted` asks for into the place that `mark` left."""
    return raw.replace(_HOLE.encode(), b"".join(odd for word, odd in _IN_TEXT.items() if wanted.has(word)))


def mark(text: str, wanted: Directives) -> str:
    """Leave a place for odd bytes at the end of `text`, if there are any."""
    return text + _HOLE if wanted.has(*_IN_TEXT) else text


def deform_usage(usage: dict[str, Any], wanted: Directives) -> None:
    """Make counts negative or text, in place."""
    for name in _TOKEN_FIELDS:
        if name not in usage:
            continue
        if wanted.has("usage_string"):
            usage[name] = str(usage[name])
        if wanted.has("usage_negative") and name in _OUTPUT_FIELDS:
            usage[name] = -1 - usage[name]


def _rewrite(answer: dict[str, Any], wanted: Directives) -> None:
    if wanted.model is not None:
        answer["model"] = wanted.model
    if wanted.has("no_usage"):
        answer.pop("usage", None)
    if isinstance(answer.get("usage"), dict):
        deform_usage(answer["usage"], wanted)
    if wanted.has("no_stop_sequence"):
        answer.pop("stop_sequence", None)
    if wanted.has("unknown_block") and isinstance(answer.get("content"), list):
        answer["content"].insert(0, {"type": "hologram", "shape": "cube"})
    if wanted.has("null_content"):
        holder = answer["choices"][0]["message"] if "choices" in answer else answer
        holder["content"] = None


def _odd_bytes(raw: bytes, payload: dict[str, Any], wanted: Directives) -> bytes:
    holder = text_holder(payload.get("data", payload))
    if holder is not None and wanted.has(*_IN_TEXT):
        place, key = holder
        place[key] = mark(place[key], wanted)
        raw = fill_hole(orjson.dumps(payload), wanted)
    if wanted.has("nan"):
        raw = b'{"score":NaN,' + raw[1:]
    if wanted.has("deep_json"):
        raw = b'{"deep":' + b"[" * _DEPTH + b"]" * _DEPTH + b"," + raw[1:]
    return raw


def _broken(reply: Reply, wanted: Directives) -> Reply:
    body = reply.body
    if wanted.has("empty_body"):
        return replace(reply, body=b"")
    if wanted.has("notjson"):
        return replace(reply, body=body[: len(body) // 2])
    if wanted.has("bom"):
        return replace(reply, body=b"\xef\xbb\xbf" + body)
    if wanted.has("utf16"):
        return replace(reply, body=body.decode().encode("utf-16"), content_type=f"{JSON}; charset=utf-16")
    if wanted.has("latin1"):
        return replace(reply, content_type=f"{JSON}; charset=utf-8")
    return reply
