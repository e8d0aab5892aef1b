"""What a provider's headers say of its limits, of both families (protocol sections 5.1 and 5.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pipeline.providers.retry_after import until_reset_seconds

LimitKind = Literal["requests", "input", "output", "tokens"]
"""`tokens`: input and output promised together, as OpenAI counts."""

_LONGEST_SECONDS = 61.0
"""A limit by the minute is full again within one; one by the hour or the day takes longer, and does not pace."""


class _Header(NamedTuple):
    """The names of one limit's headers."""

    kind: LimitKind
    limit: str
    remaining: str
    reset: str


def _anthropic(kind: LimitKind, word: str) -> _Header:
    head = f"anthropic-ratelimit-{word}"
    return _Header(kind, f"{head}-limit", f"{head}-remaining", f"{head}-reset")


def _openai(kind: LimitKind, word: str) -> _Header:
    return _Header(kind, f"x-ratelimit-limit-{word}", f"x-ratelimit-remaining-{word}", f"x-ratelimit-reset-{word}")


_HEADERS = (
    _anthropic("requests", "requests"),
    _anthropic("input", "input-tokens"),
    _anthropic("output", "output-tokens"),
    _openai("requests", "requests"),
    _openai("tokens", "tokens"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLimit:
    """One limit by the minute, as the provider states it beside an answer."""

    kind: LimitKind
    per_minute: float
    remaining: float | None = None
    """What is left of it right now."""


def told_limits(headers: Iterable[tuple[bytes, bytes]]) -> tuple[ToldLimit, ...]:
    """Read the limits by the minute out of raw header pairs; nonsense is left out."""
    found: dict[str, str] = {}
    date = b""
    for raw, value in headers:
        name = raw.lower()
        if name.startswith((b"anthropic-ratelimit-", b"x-ratelimit-")):
            found[name.decode("ascii", "replace")] = value.decode("latin-1")
        elif name == b"date":
            date = value
    if not found:
        return ()
    found["date"] = date.decode("latin-1")
    return tuple(limits_in(found)[0])


def limits_in(headers: Mapping[str, str]) -> tuple[list[ToldLimit], dict[str, float]]:
    """The limits by the minute, and those that take longer to be full again, by the header that names them.

    `headers` have lower-case names; a reset at a time counts from the `date` among them.
    """
    by_minute: list[ToldLimit] = []
    longer: dict[str, float] = {}
    for header in _HEADERS:
        limit = _count(headers.get(header.limit))
        if limit is None or limit < 1:
            continue
        full_in = until_reset_seconds(headers.get(header.reset, ""), headers)
        if full_in is not None and full_in > _LONGEST_SECONDS:
            longer[header.limit] = limit
        else:
            remaining = _count(headers.get(header.remaining))
            by_minute.append(ToldLimit(kind=header.kind, per_minute=limit, remaining=remaining))
    return by_minute, longer


def _count(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
