"""One reading of every error body: the words that classify it and the sentence that explains it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from pipeline.providers.body import UnreadableBody, parse_json

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_EXCERPT_BYTES = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """What a body says about an error; empty when it says nothing."""

    words: tuple[str, ...] = ()
    """Codes and types in lower case, the most specific first."""
    message: str = ""
    code: int | None = None
    """A whole number in `code`; often the HTTP status once more."""
    request_id: str | None = None
    details: Any = None
    structured: bool = False
    """An error object was found, not just text."""
    html: bool = False


def read_error_body(body: bytes | None) -> ErrorBody:
    """Read a body of any kind."""
    if not body or not body.strip():
        return ErrorBody()
    if body.lstrip()[:1] == b"<":
        return ErrorBody(message=_html_text(body), html=True)
    try:
        return read_error_value(parse_json(body))
    except UnreadableBody:
        return ErrorBody(message=body[:_EXCERPT_BYTES].decode("utf-8", "replace").strip())


def read_error_value(value: Any) -> ErrorBody:
    """Read an error body that is parsed already."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str):
        return ErrorBody(message=value)
    if not isinstance(value, Mapping):
        return ErrorBody()
    levels = list(_levels(value))
    return ErrorBody(
        words=tuple(word for level in reversed(levels) for word in _words(level)),
        message=next((text for level in reversed(levels) if (text := _message(level))), ""),
        code=next((code for level in reversed(levels) if (code := whole_number(level.get("code"))) is not None), None),
        request_id=next((found for level in levels if isinstance(found := level.get("request_id"), str)), None),
        details=levels[-1].get("details"),
        structured=any(_words(level) or level.get("code") is not None for level in levels),
    )


def whole_number(value: Any) -> int | None:
    """Read an integer, also one written as a float or as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    return None


def _levels(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    # Batch results nest error.error, some gateways wrap the upstream's whole body once more.
    for _ in range(4):
        yield value
        inner = value.get("error") or value.get("errors")
        if isinstance(inner, list) and inner:
            inner = inner[0]
        if not isinstance(inner, Mapping):
            return
        value = inner


def _words(level: Mapping[str, Any]) -> list[str]:
    details = level.get("details")
    error_code = details.get("error_code") if isinstance(details, Mapping) else None
    named = (error_code, level.get("code"), level.get("type"), level.get("status"), level.get("__type"))
    words = [word.lower() for word in named if isinstance(word, str) and _is_word(word)]
    metadata = level.get("metadata")
    if isinstance(metadata, Mapping) and "flagged_input" in metadata:
        words.insert(0, "moderation_blocked")  # OpenRouter answers 403, which otherwise means the key
    return words


def _is_word(text: str) -> bool:
    return text not in ("", "error") and " " not in text and not text.isdigit()


def _message(level: Mapping[str, Any]) -> str:
    for name in ("message", "msg", "error", "detail", "error_description", "title"):
        text = _text(level.get(name))
        if text:
            return _with_upstream(text, level.get("metadata"))
    return ""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):  # FastAPI: one entry for each field that is wrong
        return "; ".join(_field_error(entry) for entry in value[:5] if isinstance(entry, Mapping))
    return ""


def _field_error(entry: Mapping[str, Any]) -> str:
    place = entry.get("loc")
    path = ".".join(str(step) for step in place) if isinstance(place, list) else ""
    message = str(entry.get("msg") or entry.get("message") or "")
    return f"{path}: {message}" if path else message


def _with_upstream(text: str, metadata: Any) -> str:
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    return f"{text}: {raw}" if isinstance(raw, str) and raw else text


def _html_text(body: bytes) -> str:
    page = body[: 16 * _EXCERPT_BYTES].decode("utf-8", "replace")
    title = _TITLE.search(page)
    text = title.group(1) if title else _TAG.sub(" ", page)
    return " ".join(unescape(text).split())[:300]
