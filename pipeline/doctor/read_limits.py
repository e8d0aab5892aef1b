"""What headers tell of an account's limits (protocol section 5)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from pipeline.core.settings import Limits
from pipeline.doctor.records import Change, Finding, Reply, Subject, plain_number
from pipeline.providers.limit_headers import LimitKind, limits_in

_REQUESTS, _INPUT, _OUTPUT = "requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute"
_WORDS = {_REQUESTS: "requests", _INPUT: "input tokens", _OUTPUT: "output tokens"}
_NAMES: dict[LimitKind, tuple[str, ...]] = {
    "requests": (_REQUESTS,),
    "input": (_INPUT,),
    "output": (_OUTPUT,),
    # One limit for both; neither side alone can be more.
    "tokens": (_INPUT, _OUTPUT),
}


def read_limits(subject: Subject, reply: Reply) -> Finding:
    """Read the limits that came with an answer."""
    mine = _said(subject.limits)
    family = sorted({name.partition("ratelimit")[0] + "ratelimit" for name in reply.headers if "ratelimit-" in name})
    if not family:
        return Finding(aspect="rate limits", found="no headers", catalog=mine)
    told, longer = limits_in(reply.headers)
    per_minute: dict[str, Any] = {name: limit.per_minute for limit in told for name in _NAMES[limit.kind]}
    note = [f"from {', '.join(name + '-*' for name in family)}"]
    note += [f"not per minute: {header}: {plain_number(value)}" for header, value in longer.items()]
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
