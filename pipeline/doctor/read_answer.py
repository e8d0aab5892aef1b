"""What a plain answer tells: who answered, wrapped how, with which usage, request id and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.records import Failure, Response, Usage
from pipeline.doctor.questions import key_header, other_field, other_key_header
from pipeline.doctor.read_limits import read_limits
from pipeline.doctor.records import Change, Finding, Reply, Subject
from pipeline.providers.body import UnreadableBody, parse_json
from pipeline.providers.capabilities import capabilities
from pipeline.providers.headers import REQUEST_ID_NAMES

_COUNTS = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cache read",
    "cache_write_5m_tokens": "cache write",
    "cache_write_1h_tokens": "1h cache write",
    "thinking_tokens": "thinking",
}
_HEADER_NAMES = {"x-api-key": "x-api-key", "authorization": "Authorization: Bearer"}


def read_answer(subject: Subject, reply: Reply) -> list[Finding]:
    """Read everything that the plain question's reply tells."""
    outcome = reply.outcome(subject.provider.protocol)
    if isinstance(outcome, Failure):
        return [
            Finding(aspect="answer", found="none", note=outcome.message, differs=True),
            *_of_headers(subject, reply),
        ]
    return [
        Finding(aspect="answer", found=f"HTTP {reply.status}, {outcome.status}"),
        Finding(aspect="envelope", found=_envelope(reply.body), note="both forms are read"),
        _served_model(subject, outcome),
        _usage(outcome.usage),
        *_of_headers(subject, reply),
    ]


def read_key(subject: Subject, reply: Reply) -> Finding:
    """Read whether the configured header took the key."""
    name = _HEADER_NAMES[key_header(subject)[0]]
    if not subject.has_key:
        return Finding(aspect="key", found="none is sent", catalog="no key_env")
    outcome = reply.outcome(subject.provider.protocol)
    if isinstance(outcome, Failure) and outcome.kind == "auth":
        return Finding(aspect="key", found="refused", catalog=name, note=outcome.message, differs=True)
    if isinstance(outcome, Failure):
        return Finding(aspect="key", found="not refused", catalog=name, note="there was no answer to be sure by")
    return Finding(aspect="key", found="accepted", catalog=name)


def read_other_header(subject: Subject, reply: Reply, *, mine_works: bool) -> Finding:
    """Read whether the header that is not configured takes the key too, or instead."""
    name = _HEADER_NAMES[other_key_header(subject)[0]]
    outcome = reply.outcome(subject.provider.protocol)
    aspect = f"key in {name}"
    if isinstance(outcome, Failure):
        found = "refused" if outcome.kind == "auth" else "unclear"
        return Finding(aspect=aspect, found=found, note=outcome.message)
    if mine_works or subject.provider.protocol != "anthropic-messages":
        return Finding(aspect=aspect, found="accepted")
    auth = "bearer" if other_key_header(subject)[0] == "authorization" else "x-api-key"
    change = Change(table=("providers", subject.provider.name), values={"auth": auth})
    return Finding(
        aspect=aspect, found="accepted", catalog=f"auth = {subject.provider.auth}", differs=True, change=change
    )


def read_other_field(subject: Subject, reply: Reply, *, mine_works: bool) -> Finding:
    """Read which name of max_tokens a chat server takes."""
    mine, other = subject.provider.max_tokens_field, other_field(subject)
    outcome = reply.outcome(subject.provider.protocol)
    works = isinstance(outcome, Response)
    taken = [name for name, good in ((mine, mine_works), (other, works)) if good]
    found = " and ".join(sorted(taken)) or "unclear"
    note = "" if isinstance(outcome, Response) else f"{other}: {outcome.message}"
    change = None
    if works and not mine_works:
        change = Change(table=("providers", subject.provider.name), values={"max_tokens_field": other})
    return Finding(
        aspect="max tokens field", found=found, catalog=mine, note=note, differs=change is not None, change=change
    )


def read_count_tokens(subject: Subject, reply: Reply) -> Finding:
    """Read whether tokens can be counted beforehand."""
    aspect = "count_tokens"
    value = _object(reply.body)
    inner = value.get("data")
    counted = (inner if isinstance(inner, Mapping) else value).get("input_tokens")
    if reply.status == 200 and isinstance(counted, int):
        return Finding(aspect=aspect, found="yes", note=f"{counted:,} input tokens for the plain question")
    if reply.status in (404, 405):
        return Finding(aspect=aspect, found="no", note=f"HTTP {reply.status}")
    outcome = reply.outcome(subject.provider.protocol)
    note = outcome.message if isinstance(outcome, Failure) else "an answer came instead of a count"
    return Finding(aspect=aspect, found="unclear", note=note)


def read_cache(subject: Subject, reply: Reply, *, second: bool) -> Finding:
    """Read one cache counter: of tokens written by the first call, read by the second."""
    aspect = "cache read" if second else "cache write"
    outcome = reply.outcome(subject.provider.protocol)
    if isinstance(outcome, Failure):
        return Finding(aspect=aspect, found="unclear", note=outcome.message)
    usage = outcome.usage
    counted = usage.cache_read_tokens if second else _written(usage)
    note = "" if usage.input_tokens is None else f"beside {usage.input_tokens:,} uncached input tokens"
    if counted is None:
        return Finding(aspect=aspect, found="not reported", note=note)
    return Finding(aspect=aspect, found=f"{counted:,} tokens", note=note)


def _of_headers(subject: Subject, reply: Reply) -> list[Finding]:
    name = next((name for name in REQUEST_ID_NAMES if reply.headers.get(name)), None)
    known = ", ".join(REQUEST_ID_NAMES)
    request_id = Finding(aspect="request id", found=name or "none", note="" if name else f"looked for {known}")
    return [request_id, read_limits(subject, reply)]


def _envelope(body: bytes) -> str:
    value = _object(body)
    if isinstance(value.get("data"), Mapping) and "code" in value:
        return f"wrapped in {{code: {value['code']}, data}}"
    return "wrapped in {data}" if isinstance(value.get("data"), Mapping) else "bare"


def _served_model(subject: Subject, answer: Response) -> Finding:
    aspect, asked, served = "served model", subject.model, answer.model_served
    if served is None:
        return Finding(aspect=aspect, found="not said", catalog=asked)
    if served == asked:
        return Finding(aspect=aspect, found="the one asked for", catalog=asked)
    wanted, given = capabilities(subject.provider.name, asked), capabilities(subject.provider.name, served)
    if wanted is not None and given is not None and wanted.model == given.model:
        return Finding(aspect=aspect, found=served, catalog=asked, note="the same model, spelled otherwise")
    return Finding(aspect=aspect, found=served, catalog=asked, note="another name than was asked for", differs=True)


def _usage(usage: Usage) -> Finding:
    if usage.source == "missing" or usage.raw is None:
        note = "without counts a run cannot price its answers"
        return Finding(aspect="usage", found="missing or incomplete", note=note, differs=True)
    counts = [word for name, word in _COUNTS.items() if getattr(usage, name) is not None]
    return Finding(aspect="usage", found=", ".join(counts), note=", ".join(usage.raw))


def _written(usage: Usage) -> int | None:
    if usage.cache_write_5m_tokens is None and usage.cache_write_1h_tokens is None:
        return None
    return (usage.cache_write_5m_tokens or 0) + (usage.cache_write_1h_tokens or 0)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = parse_json(body)
    except UnreadableBody:
        return {}
    return value if isinstance(value, Mapping) else {}
