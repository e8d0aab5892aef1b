"""Where a prompt may be read from the cache and where it is to be stored (protocol section 8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Any

import orjson

from pipeline.simulator import tokens
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid
from pipeline.simulator.prompt_cache import LONG_SECONDS, NO_CACHE, SHORT_SECONDS, Breakpoint, CachePlan, Prefix
from pipeline.simulator.prompt_pieces import Piece

_MOST_BREAKPOINTS = 4
_LOOK_BACK = 20
_NEVER_CACHED = ("thinking", "redacted_thinking", "nothing")
_CHAT_FIRST = 1_024
_CHAT_STEP = 128
_DIGEST = 16

Part = str | tuple[str, int]
"""A stretch of a chat prompt: text, or something else by its name with its tokens."""


def of_messages(row: Sequence[Piece], body: dict[str, Any], card: ModelCard) -> CachePlan:
    """Plan by the request's own breakpoints (Invalid when there are too many or they are in the wrong order)."""
    lifetimes = _lifetimes(row, body.get("cache_control"))
    if not lifetimes:
        return NO_CACHE
    slots = _chain(row, body)
    reached = list(accumulate(piece.tokens for piece in row))
    prefixes = [Prefix(slot=slot, tokens=size) for slot, size in zip(slots, reached, strict=True)]
    places = {place for stop in lifetimes for place in range(max(0, stop - _LOOK_BACK), stop + 1)}
    long_enough = [place for place in sorted(places) if reached[place] >= card.cache_minimum]
    return CachePlan(
        readable=tuple(prefixes[place] for place in reversed(long_enough)),
        stored=tuple(
            Breakpoint(prefix=prefixes[place], ttl_seconds=lifetimes[place])
            for place in sorted(lifetimes)
            if reached[place] >= card.cache_minimum
        ),
    )


def of_chat(parts: Iterable[Part], card: ModelCard) -> CachePlan:
    """Plan as chat servers do by themselves: every 128 tokens from 1,024 on, free of charge."""
    digest = blake2b(digest_size=_DIGEST)
    prefixes: list[Prefix] = []
    count = 0.0
    for part in parts:
        atoms = tokens.pieces(part) if isinstance(part, str) else [part[0]]
        cost = card.tokens_per_piece if isinstance(part, str) else float(part[1])
        for atom in atoms:
            digest.update(atom.encode("utf-8", "surrogatepass"))
            digest.update(b"\0")
            count += cost
            due = _CHAT_FIRST + _CHAT_STEP * len(prefixes)
            while count >= due:
                prefixes.append(Prefix(slot=digest.hexdigest(), tokens=due))
                due += _CHAT_STEP
    return CachePlan(
        readable=tuple(reversed(prefixes)),
        stored=tuple(Breakpoint(prefix=prefix, ttl_seconds=SHORT_SECONDS) for prefix in prefixes),
        writes_billed=False,
    )


def _lifetimes(row: Sequence[Piece], automatic: dict[str, Any] | None) -> dict[int, float]:
    """Map the places of breakpoints to their lifetimes."""
    controls: dict[int, dict[str, Any]] = {}
    for place, piece in enumerate(row):
        control = piece.block.get("cache_control")
        if control is None:
            continue
        if piece.block.get("type") in _NEVER_CACHED:
            raise Invalid(f"{piece.path}.{piece.block['type']}.cache_control: Extra inputs are not permitted")
        controls[place] = control
    if automatic is not None:
        last = max((place for place, piece in enumerate(row) if _is_cacheable(piece)), default=None)
        if last is not None:
            controls.setdefault(last, automatic)
    if len(controls) > _MOST_BREAKPOINTS:
        raise Invalid(
            f"A maximum of {_MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {len(controls)}."
        )
    lifetimes = {
        place: LONG_SECONDS if controls[place].get("ttl") == "1h" else SHORT_SECONDS for place in sorted(controls)
    }
    _check_order(row, lifetimes)
    return lifetimes


def _check_order(row: Sequence[Piece], lifetimes: dict[int, float]) -> None:
    short_seen = False
    for place, seconds in lifetimes.items():
        if seconds == LONG_SECONDS and short_seen:
            raise Invalid(
                f"{row[place].path}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
                "cache_control block. Note that blocks are processed in the following order: `tools`, `system`, "
                "`messages`."
            )
        short_seen = short_seen or seconds == SHORT_SECONDS


def _is_cacheable(piece: Piece) -> bool:
    return piece.block.get("type") not in _NEVER_CACHED and piece.block.get("text") != ""


def _chain(row: Sequence[Piece], body: dict[str, Any]) -> list[str]:
    """Hash every prefix: each slot stands for all blocks up to its own.

    What invalidates only later levels is mixed in where such a level begins.
    """
    salts = {"tools": b"", "system": _system_salt(body, row), "messages": _messages_salt(body, row)}
    slot = b""
    level = "tools"
    slots: list[str] = []
    for piece in row:
        if piece.level != level:
            between = ("system", "messages") if (level, piece.level) == ("tools", "messages") else (piece.level,)
            slot = blake2b(slot + b"".join(salts[name] for name in between), digest_size=_DIGEST).digest()
            level = piece.level
        slot = blake2b(slot + _canonical(piece), digest_size=_DIGEST).digest()
        slots.append(slot.hex())
    return slots


def _canonical(piece: Piece) -> bytes:
    """Write a block down: fields in any order, but what is inside them byte for byte."""
    if _is_web_search(piece):
        return b"web_search"
    kept = {key: piece.block[key] for key in sorted(piece.block) if key not in ("cache_control", "citations")}
    return orjson.dumps([piece.level, piece.role, kept])


def _is_web_search(piece: Piece) -> bool:
    return piece.level == "tools" and str(piece.block.get("type", "")).startswith("web_search")


def _system_salt(body: dict[str, Any], row: Sequence[Piece]) -> bytes:
    searches = [piece.block for piece in row if _is_web_search(piece)]
    citing = any(piece.block.get("type") == "document" and bool(piece.block.get("citations")) for piece in row)
    return orjson.dumps([body.get("speed") or "standard", searches, citing], option=orjson.OPT_SORT_KEYS)


def _messages_salt(body: dict[str, Any], row: Sequence[Piece]) -> bytes:
    pictured = any(piece.block.get("type") == "image" for piece in row)
    return orjson.dumps([body.get("tool_choice"), body.get("thinking"), pictured], option=orjson.OPT_SORT_KEYS)
