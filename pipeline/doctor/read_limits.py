"""What headers tell of an account's limits (protocol section 5)."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

from pipeline.core.settings import Limits
from pipeline.doctor.records import Change, Finding, Reply, Subject, plain_number
from pipeline.providers.retry_after import reset_seconds

_REQUESTS, _INPUT, _OUTPUT = "requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute"
_WORDS = {_REQUESTS: "requests", _INPUT: "input tokens", _OUTPUT: "output tokens"}
_HEADERS: dict[str, tuple[str, ...]] = {
    "anthropic-ratelimit-requests-limit": (_REQUESTS,),
    "anthropic-ratelimit-input-tokens-limit": (_INPUT,),
    "anthropic-ratelimit-output-tokens-limit": (_OUTPUT,),
    "x-ratelimit-limit-requests": (_REQUESTS,),
    # One limit for both; neither side alone can be more.
    "x-ratelimit-limit-tokens": (_INPUT, _OUTPUT),
}
_MINUTE = 61.0
"""A limit per minute is full again after a minute; one that takes longer counts hours or days."""


def read_limits(subject: Subject, reply: Reply) -> Finding:
    """Read the limits that came with an answer."""
    mine = _said(subject.limits)
    family = sorted({name.partition("ratelimit")[0] + "ratelimit" for name in reply.headers if "ratelimit-" in name})
    if not family:
        return Finding(aspect="rate limits", found="no headers", catalog=mine)
    per_minute, longer = _limits(reply)
    note = [f"from {', '.join(name + '-*' for name in family)}"]
    note += [f"not per minute: {name}" for name in longer]
    if not per_minute:
        return Finding(aspect="rate limits", found="no limit per minute", catalog=mine, note="; ".join(note))
    learned = replace(subject.limits, **per_minute)
    differs = learned != subject.limits
    if differs and subject.keeps_limits:
        note.append("your own limits are kept")
    change = None
    if differs and not subject.keeps_limits:
        change = Change(
            table=("providers", subject.provider.name, "models", subject.model, "limits"), values=_toml(learned)
        )
    found = _said(Limits(**per_minute))
    return Finding(
        aspect="rate limits", found=found or "", catalog=mine, note="; ".join(note), differs=differs, change=change
    )


def read_limit_hit(replies: list[Reply]) -> Finding:
    """Read what a 429 says, if one came by itself."""
    hit = next((reply for reply in replies if reply.status == 429), None)
    if hit is None:
        return Finding(aspect="retry-after", found="not seen", note="no 429 came, and none is provoked")
    names = [name for name in ("retry-after-ms", "retry-after") if name in hit.headers]
    said = ", ".join(f"{name}: {hit.headers[name]}" for name in names)
    return Finding(aspect="retry-after", found=said or "missing", note="with a 429")


def _limits(reply: Reply) -> tuple[dict[str, Any], list[str]]:
    per_minute: dict[str, Any] = {}
    longer: list[str] = []
    for header, names in _HEADERS.items():
        value = _positive(reply.headers.get(header))
        if value is None:
            continue
        if _refills_slowly(header, reply):
            longer.append(f"{header}: {plain_number(value)}")
            continue
        per_minute |= dict.fromkeys(names, value)
    return per_minute, longer


def _refills_slowly(header: str, reply: Reply) -> bool:
    anthropic = header.startswith("anthropic-")
    reset = header.removesuffix("limit") + "reset" if anthropic else header.replace("-limit-", "-reset-")
    # Without the remaining count beside it, the reset is read whether or not the limit is used up.
    told = {name: reply.headers[name] for name in (reset, "date") if name in reply.headers}
    wait = reset_seconds(told)
    return wait is not None and wait > _MINUTE


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _said(limits: Limits) -> str | None:
    parts = [
        f"{plain_number(value):,} {word}"
        for name, word in _WORDS.items()
        if (value := getattr(limits, name)) is not None
    ]
    return ", ".join(parts) + " per minute" if parts else None


def _toml(limits: Limits) -> dict[str, int | float]:
    """All of the limits: a model's own table stands instead of its provider's."""
    untold = asdict(Limits())
    return {
        name: plain_number(value)
        for name, value in asdict(limits).items()
        if value is not None and value != untold[name]
    }
