"""What a stream tells: whether it streams at all, how it ends, where the usage stands (protocol sections 3 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.records import Failure, Response
from pipeline.doctor.records import Finding, Reply, Subject
from pipeline.providers.body import UnreadableBody, parse_json
from pipeline.providers.sse import Event, EventParser

_STREAM, _USAGE = "streaming", "usage in stream"
_DONE = b"[DONE]"


def read_stream(subject: Subject, reply: Reply) -> list[Finding]:
    """Read the reply to a request for a stream."""
    outcome = reply.outcome(subject.provider.protocol)
    if reply.status != 200:
        message = outcome.message if isinstance(outcome, Failure) else f"HTTP {reply.status}"
        return [Finding(aspect=_STREAM, found="no", note=message)]
    events = _events(reply.body)
    if "text/event-stream" not in reply.headers.get("content-type", "") and not _is_stream(events):
        note = "an answer came whole" if isinstance(outcome, Response) else outcome.message
        return [Finding(aspect=_STREAM, found="no", note=note)]
    values = [_value(event) for event in events]
    chat = subject.provider.protocol == "openai-chat"
    usage = _chat_usage(values) if chat else _messages_usage(values)
    return [
        Finding(
            aspect=_STREAM,
            found=_chat_end(events, values) if chat else _messages_end(values),
            note="; ".join(_notes(events, values, reply, outcome, chat=chat)),
            differs=isinstance(outcome, Failure),
        ),
        Finding(aspect=_USAGE, found=usage or "none", differs=not usage),
    ]


def _messages_end(values: list[Mapping[str, Any]]) -> str:
    kinds = [_inner(value).get("type") for value in values]
    if "error" in kinds:
        return "yes, ended by an error"
    if "message_stop" in kinds:
        return "yes, ends with message_stop"
    reasons = [_mapping(_inner(value).get("delta")).get("stop_reason") for value in values]
    return "yes, ends after the stop reason, without message_stop" if any(reasons) else "yes, ended early"


def _chat_end(events: list[Event], values: list[Mapping[str, Any]]) -> str:
    if any(_inner(value).get("error") for value in values):
        return "yes, ended by an error"
    if any(event.data.strip() == _DONE for event in events):
        return "yes, ends with [DONE]"
    reasons = [choice.get("finish_reason") for value in values for choice in _choices(value)]
    return "yes, ends after the finish reason, without [DONE]" if any(reasons) else "yes, ended early"


def _messages_usage(values: list[Mapping[str, Any]]) -> str:
    start: set[str] = set()
    delta: set[str] = set()
    for value in map(_inner, values):
        start |= _reported(_mapping(value.get("message")).get("usage"))
        if value.get("type") == "message_delta":
            delta |= _reported(value.get("usage"))
    places = (("message_start", start), ("message_delta", delta))
    return "; ".join(f"{name}: {', '.join(sorted(keys))}" for name, keys in places if keys)


def _chat_usage(values: list[Mapping[str, Any]]) -> str:
    chunks = [value for value in map(_inner, values) if "choices" in value]
    with_usage = [value for value in chunks if _reported(value.get("usage"))]
    if not with_usage:
        return ""
    names = ", ".join(sorted(_reported(with_usage[-1].get("usage"))))
    if len(with_usage) > 1:
        return f"{len(with_usage)} of {len(chunks)} chunks: {names}"
    return f"a chunk {'of its own' if not with_usage[0]['choices'] else 'with the finish reason'}: {names}"


def _notes(
    events: list[Event], values: list[Mapping[str, Any]], reply: Reply, outcome: Response | Failure, *, chat: bool
) -> list[str]:
    notes = [f"{len(events)} events"]
    if not chat and not any(event.name for event in events):
        notes.append("no event: names")
    if any(_inner(value) is not value for value in values):
        notes.append("events are wrapped in {code, data}")
    if "text/event-stream" not in reply.headers.get("content-type", ""):
        notes.append(f"content-type: {reply.headers.get('content-type', 'missing')}")
    if reply.held_open:
        notes.append("the connection stays open after the end")
    if isinstance(outcome, Failure):
        notes.append(f"a run could not read it: {outcome.message}")
    elif outcome.flags:
        notes.append(", ".join(outcome.flags))
    return notes


def _events(body: bytes) -> list[Event]:
    parser = EventParser()
    return [*parser.feed(body), *parser.finish()]


def _is_stream(events: list[Event]) -> bool:
    return any(_value(event) for event in events)


def _value(event: Event) -> Mapping[str, Any]:
    try:
        return _mapping(parse_json(event.data))
    except UnreadableBody:
        return {}


def _inner(value: Mapping[str, Any]) -> Mapping[str, Any]:
    data = value.get("data")
    return data if isinstance(data, Mapping) and "code" in value else value


def _choices(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices = _inner(value).get("choices")
    return [_mapping(choice) for choice in choices] if isinstance(choices, list) else []


def _reported(usage: Any) -> set[str]:
    """Names of the counts that stand for something; some gateways say 0 until the last event."""
    return {name for name, value in _mapping(usage).items() if isinstance(value, int | float) and value}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
