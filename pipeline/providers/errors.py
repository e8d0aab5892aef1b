"""One classifier for every provider: body code, then x-should-retry, then status, to a Failure (reliability 5.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.records import ErrorKind, Failure, Usage
from pipeline.providers.capabilities import find_mentioned
from pipeline.providers.error_body import ErrorBody, read_error_body, read_error_value
from pipeline.providers.error_table import (
    DECISIVE,
    GENERIC,
    MAYBE_PAID_STATUSES,
    PHRASES,
    STATUSES,
    STOPS,
    TRANSIENT,
    VAGUE,
)
from pipeline.providers.headers import fold, request_id
from pipeline.providers.retry_after import reset_seconds, retry_after_seconds, retry_info_seconds

MAX_MESSAGE_CHARACTERS = 2000

_METHOD_AND_PATH = re.compile(r"\b(?:GET|POST|PUT|DELETE)\b:? *\S*/")
_PATH_WORDS = re.compile(r"\b(url|uri|path|route|endpoint|page)\b", re.IGNORECASE)
_KEY_END = re.compile(r"[A-Za-z0-9._~+/=-]+\Z")


def classify(status: int, headers: Mapping[str, str], body: bytes | None) -> Failure:
    """Classify an answer that is no answer: an error status, or an error inside HTTP 2xx."""
    return _classify(status, headers, read_error_body(body))


def classify_value(status: int, headers: Mapping[str, str], value: Any, *, usage: Usage | None = None) -> Failure:
    """Classify an error body that is parsed already; `usage` is what it says was billed."""
    failure = _classify(status, headers, read_error_value(value))
    return failure if usage is None else replace(failure, usage=usage)


def unreadable(status: int, headers: Mapping[str, str], reason: str, excerpt: bytes = b"") -> Failure:
    """Describe a successful status whose body is no answer: the provider's fault, possibly paid, worth another try."""
    text = read_error_body(excerpt).message if excerpt.lstrip()[:1] == b"<" else excerpt.decode("utf-8", "replace")
    return Failure(
        kind="transport",
        message=shorten(f"HTTP {status}: {reason}" + (f": {text.strip()}" if text.strip() else "")),
        http_status=status,
        transient=True,
        possibly_paid=True,
        request_id=request_id(headers),
    )


def too_large(status: int, headers: Mapping[str, str], reason: str) -> Failure:
    """Describe a successful status whose body is over one of our caps: paid for, and no better the next time."""
    return Failure(
        kind="output",
        message=f"HTTP {status}: {reason}",
        http_status=status,
        possibly_paid=True,
        request_id=request_id(headers),
    )


def shorten(message: str) -> str:
    """Cut to 2,000 characters, never through the middle of what could be a key."""
    if len(message) <= MAX_MESSAGE_CHARACTERS:
        return message
    return _KEY_END.sub("", message[: MAX_MESSAGE_CHARACTERS - 1]).rstrip() + "…"


def _classify(status: int, headers: Mapping[str, str], error: ErrorBody) -> Failure:
    folded = fold(headers)
    redirect = 300 <= status <= 399
    effective = error.code if error.code is not None and 400 <= error.code <= 599 and not redirect else status
    decisive = _decisive_kind(error)
    kind = decisive or _kind_of_status(effective, error)
    transient = kind in TRANSIENT
    asked = folded.get("x-should-retry", "").strip().lower()
    if decisive is None and not redirect and asked in ("true", "false"):
        transient = asked == "true"
    shown = effective if 200 <= status <= 299 else status
    return Failure(
        kind=kind,
        message=shorten(_describe(shown, folded, error, kind)),
        http_status=shown,
        transient=transient,
        stops="nothing" if transient else STOPS.get(kind, "nothing"),
        retry_after_seconds=_wait(folded, error, kind) if transient else None,
        possibly_paid=_maybe_paid(status, effective, kind),
        request_id=request_id(folded) or error.request_id,
    )


def _decisive_kind(error: ErrorBody) -> ErrorKind | None:
    for word in error.words:
        if kind := DECISIVE.get(word):
            return kind
    message = error.message.lower()
    return next((kind for phrase, kind in PHRASES if phrase in message), None)


def _kind_of_status(status: int, error: ErrorBody) -> ErrorKind:
    if 300 <= status <= 399:
        return "endpoint"
    if status == 403 and error.html:
        return "transport"  # a CDN's challenge says nothing about the key
    if status == 404 or "not_found_error" in error.words:
        return _missing(error)
    tables = (GENERIC, VAGUE) if status < 400 or status >= 500 else (GENERIC,)
    for table in tables:
        if kind := next((table[word] for word in error.words if word in table), None):
            return kind
    if status in STATUSES:
        return STATUSES[status]
    if 400 <= status <= 499 or (error.code is not None and 40000 <= error.code <= 49999):
        return "request"
    return "overload"


def _missing(error: ErrorBody) -> ErrorKind:
    if error.html or _METHOD_AND_PATH.search(error.message):
        return "endpoint"
    if "model" in error.message.lower():
        return "model"
    return "model" if error.structured and error.words and not _PATH_WORDS.search(error.message) else "endpoint"


def _wait(headers: Mapping[str, str], error: ErrorBody, kind: ErrorKind) -> float | None:
    wait = retry_after_seconds(headers)
    if wait is None:
        wait = retry_info_seconds(error.details)
    # Levels of limits come with every answer; they ask for a wait only where a limit was hit.
    return reset_seconds(headers) if wait is None and kind == "rate" else wait


def _maybe_paid(status: int, effective: int, kind: ErrorKind) -> bool:
    if kind not in ("overload", "transport"):
        return False
    return effective in MAYBE_PAID_STATUSES or 200 <= status <= 299


def _describe(status: int, headers: Mapping[str, str], error: ErrorBody, kind: ErrorKind) -> str:
    head = f"HTTP {status}" + (f" {error.words[0]}" if error.words else "")
    if 300 <= status <= 399:
        return f"{head}: redirects to {_target(headers)} are not followed; correct the provider's base_url"
    if error.html:
        origin = "blocked by a CDN" if status == 403 else "an HTML page instead of an API answer"
        return f"{head}: {origin}" + (f" ({error.message})" if error.message else "")
    text = f"{head}: {error.message or 'no explanation given'}"
    return text + _successor_hint(error.message) if kind == "model" else text


def _target(headers: Mapping[str, str]) -> str:
    """Host and path that a redirect names, without what else its address may carry."""
    try:
        target = urlsplit(headers.get("location", ""))
        return f"{target.hostname or ''}{target.path}"
    except ValueError:
        return "an address that is none"


def _successor_hint(message: str) -> str:
    known = find_mentioned(message)
    if known is None or known.successor is None:
        return ""
    ended = f"; {known.model} retires on {known.retires.isoformat()}" if known.retires else ""
    return f"{ended}; its successor is {known.successor}"
