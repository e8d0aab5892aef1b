"""The requests that the doctor sends, each as small as it can be; built by the wire formats that runs use."""

from __future__ import annotations

from typing import Any, Literal

from pipeline.core.records import Request
from pipeline.core.tokens import estimate_tokens
from pipeline.doctor.records import MAX_TOKENS, Question, Subject
from pipeline.providers.body import dump_json, parse_json
from pipeline.providers.capabilities import capabilities
from pipeline.providers.formats import wire_format

WRONG_MODEL = "evalmill-no-such-model"
LARGEST_CACHE_MINIMUM = 4_096
"""The longest of all models' shortest cacheable prefixes, in tokens (protocol section 8)."""
_CACHE_MARGIN = 1.5
"""Estimates may be wrong by that much."""

_WORD = "Reply with one word: ok"

MaxTokensField = Literal["max_tokens", "max_completion_tokens"]


def plain(subject: Subject) -> Question:
    """Ask for a word, as a run would."""
    return _question(subject, _body(subject))


def other_header(subject: Subject) -> Question:
    """Ask with the key in the header that is not the configured one."""
    return _question(subject, _body(subject), key_header=other_key_header(subject))


def other_max_tokens_field(subject: Subject) -> Question:
    """Ask a chat server with the other name of max_tokens."""
    body = _body(subject)
    mine = subject.provider.max_tokens_field
    body[other_field(subject)] = body.pop(mine)
    return _question(subject, body)


def stream(subject: Subject) -> Question:
    """Ask for a stream, and a chat server for the usage at its end."""
    body = _body(subject) | {"stream": True}
    if subject.provider.protocol == "openai-chat":
        body["stream_options"] = {"include_usage": True}
    return _question(subject, body)


def count_tokens(subject: Subject) -> Question:
    """Ask how many tokens the plain question has; costs nothing."""
    body = {name: value for name, value in _body(subject).items() if name in ("model", "messages")}
    return _question(subject, body, path="/count_tokens")


def wrong_model(subject: Subject) -> Question:
    """Ask for a model that nobody has."""
    return _question(subject, _body(subject) | {"model": WRONG_MODEL})


def cached(subject: Subject) -> Question:
    """Ask with a long prefix marked for the cache; sent twice, the second should read what the first wrote."""
    prefix = {"type": "text", "text": _long_text(subject), "cache_control": {"type": "ephemeral"}}
    return _question(subject, _body(subject, system=(prefix,)))


def key_header(subject: Subject) -> tuple[str, str]:
    """Header and prefix that carry the key by the settings."""
    return wire_format(subject.provider.protocol).auth_header(subject.provider, "")


def other_key_header(subject: Subject) -> tuple[str, str]:
    """Header and prefix that the settings did not choose."""
    return ("authorization", "Bearer ") if key_header(subject)[0] == "x-api-key" else ("x-api-key", "")


def other_field(subject: Subject) -> MaxTokensField:
    """The name of max_tokens that the settings did not choose."""
    return "max_tokens" if subject.provider.max_tokens_field == "max_completion_tokens" else "max_completion_tokens"


def _body(subject: Subject, system: tuple[dict[str, Any], ...] | None = None) -> dict[str, Any]:
    messages = ({"role": "user", "content": _WORD},)
    request = Request(messages=messages, system=system, params={"max_tokens": MAX_TOKENS})
    encoded = wire_format(subject.provider.protocol).encode(request, subject.model, subject.provider)
    body: dict[str, Any] = parse_json(encoded)
    return body


def _question(
    subject: Subject, body: dict[str, Any], *, path: str = "", key_header: tuple[str, str] | None = None
) -> Question:
    form = wire_format(subject.provider.protocol)
    return Question(
        path=form.path() + path,
        body=dump_json(body),
        headers=form.headers(subject.provider, ()),
        key_header=key_header or form.auth_header(subject.provider, ""),
    )


def _long_text(subject: Subject) -> str:
    known = capabilities(subject.provider.name, subject.model)
    minimum = (known.cache_minimum_tokens if known else None) or LARGEST_CACHE_MINIMUM
    line = "Bees, rivers, lanterns, and a quiet harbour at noon. "
    lines = round(minimum * _CACHE_MARGIN / estimate_tokens(line))
    return f"Visit {subject.stamp}. This text only fills a cache; take no notice of it.\n" + line * lines
