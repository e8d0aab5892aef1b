"""Thinking: what a request asks of it, the `-thinking` ids, and signatures that show tampering (protocol section 9)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pipeline.simulator.blocks_check import blocks_of
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid

SUFFIX = "-thinking"
REDACTION_MARK = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING"
"""The vendor's own test text: a user turn that holds it gets its thinking redacted."""
_LEAST_MAX_TOKENS = 1_280
_BUDGET_SHARE = 0.8
_SECRET = b"evalmill simulator"
_NONCE_BYTES = 9
_MAC_BYTES = 24
_REDACTED = "\0redacted"
_UNMODIFIED = (
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
    "These blocks must remain as they were in the original response."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How one answer thinks."""

    thinks: bool
    budget: int | None = None
    shown: bool = True


def expanded(body: dict[str, Any], card: ModelCard) -> dict[str, Any]:
    """Rewrite a request to a `-thinking` id as the gateways do: room to think, a budget, no sampling.

    A body with `thinking` of its own is left as it is.
    """
    if not card.always_thinks or body.get("thinking") is not None:
        return body
    most = max(_LEAST_MAX_TOKENS, body.get("max_tokens") or 0)
    plain = {key: value for key, value in body.items() if key != "top_p"}
    budget = {"type": "enabled", "budget_tokens": int(_BUDGET_SHARE * most)}
    return {**plain, "max_tokens": most, "temperature": 1, "thinking": budget}


def mode(body: dict[str, Any], card: ModelCard, *, after_tools: bool) -> Mode:
    """Decide whether the model thinks, for how long, and whether that is shown."""
    asked = body.get("thinking") or {}
    kind = asked.get("type", "adaptive" if card.thinks_by_default else "disabled")
    shown = asked.get("display", card.thinking_display) != "omitted"
    if kind == "enabled":
        return Mode(thinks=True, budget=asked["budget_tokens"], shown=shown)
    effort = (body.get("output_config") or {}).get("effort")
    adapts = kind == "adaptive" and effort != "low"
    if adapts or (kind == "between_tools" and after_tools):
        return Mode(thinks=True, budget=max(1, body.get("max_tokens", card.max_output) // 2), shown=shown)
    return Mode(thinks=False)


def sign(text: str, nonce: str) -> str:
    """Sign a thinking block; `text` as it is shown, empty where it is omitted."""
    salt = blake2b(nonce.encode(), digest_size=_NONCE_BYTES).digest()
    return base64.b64encode(salt + _mac(salt, text)).decode()


def redact(nonce: str) -> str:
    """Make the data of a redacted block."""
    return sign(_REDACTED, nonce)


def check_returned(turns: Sequence[dict[str, Any]], thinking: dict[str, Any] | None) -> None:
    """Demand that thinking comes back unmodified with the tool results that it led to."""
    index = len(turns) - 2
    if index < 0 or not any(block["type"] == "tool_result" for block in blocks_of(turns[-1])):
        return
    if turns[index]["role"] != "assistant":
        return
    blocks = blocks_of(turns[index])
    for position, block in enumerate(blocks):
        text = {"thinking": block.get("thinking"), "redacted_thinking": _REDACTED}.get(block["type"])
        signature = block.get("data") if block["type"] == "redacted_thinking" else block.get("signature")
        if text is not None and not _is_signed(text, signature):
            raise Invalid(f"messages.{index}.content.{position}: {_UNMODIFIED}")
    enabled = (thinking or {}).get("type") == "enabled"
    if enabled and blocks and blocks[0]["type"] not in ("thinking", "redacted_thinking"):
        raise Invalid(
            f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
            f"`{blocks[0]['type']}`. When `thinking` is enabled, a final `assistant` message must start with a "
            "thinking block."
        )


def _is_signed(text: Any, signature: Any) -> bool:
    try:
        data = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return False
    salt, mac = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
    return isinstance(text, str) and hmac.compare_digest(mac, _mac(salt, text))


def _mac(salt: bytes, text: str) -> bytes:
    return blake2b(salt + text.encode("utf-8", "surrogatepass"), key=_SECRET, digest_size=_MAC_BYTES).digest()
