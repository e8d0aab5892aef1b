"""What a provider's headers say of its limits, of both families (protocol sections 5.1 and 5.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pipeline.providers.retry_after import duration_seconds

LimitKind = Literal["requests", "input", "output", "tokens"]
"""`tokens`: input and output promised together, as OpenAI counts."""

_LONGEST_SECONDS = 61.0
"""A limit by the minute is full again within one; one by the hour or the day takes longer, and does not pace."""
_ANTHROPIC: dict[str, LimitKind] = {"requests": "requests", "input-tokens": "input", "output-tokens": "output"}
_OPENAI: dict[str, LimitKind] = {"requests": "requests", "tokens": "tokens"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLimit:
    """One limit by the minute, as the provider states it beside an answer."""

    kind: LimitKind
    per_minute: float
    remaining: float | None = None
    """What is left of it right now."""


def told_limits(headers: Iterable[tuple[bytes, bytes]]) -> tuple[ToldLimit, ...]:
    """Read the limits out of raw header pairs; nothing where none is told, and nonsense is left out."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.lower()
        if name.startswith((b"anthropic-ratelimit-", b"x-ratelimit-")):
            found[name.decode("ascii", "replace")] = value.decode("latin-1")
    if not found:
        return ()
    anthropic = [_anthropic(found, word, kind) for word, kind in _ANTHROPIC.items()]
    openai = [_openai(found, word, kind) for word, kind in _OPENAI.items()]
    return tuple(limit for limit in (*anthropic, *openai) if limit is not None)


def _anthropic(found: dict[str, str], word: str, kind: LimitKind) -> ToldLimit | None:
    limit = _count(found.get(f"anthropic-ratelimit-{word}-limit"))
    if limit is None or limit < 1:
        return None
    return ToldLimit(kind=kind, per_minute=limit, remaining=_count(found.get(f"anthropic-ratelimit-{word}-remaining")))


def _openai(found: dict[str, str], word: str, kind: LimitKind) -> ToldLimit | None:
    limit = _count(found.get(f"x-ratelimit-limit-{word}"))
    if limit is None or limit < 1:
        return None
    remaining = _count(found.get(f"x-ratelimit-remaining-{word}"))
    full_in = duration_seconds(found.get(f"x-ratelimit-reset-{word}", ""))
    if full_in is not None and full_in > _LONGEST_SECONDS:
        return None
    return ToldLimit(kind=kind, per_minute=limit, remaining=remaining)


def _count(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
