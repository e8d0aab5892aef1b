"""Replies: what goes onto the wire for one request, and how answers and errors are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.simulator.asking import Refused
from pipeline.simulator.faults import NONE, Directives
from pipeline.simulator.ledger import Entry
from pipeline.simulator.profiles import Profile
from pipeline.simulator.prompt_cache import CacheWrite
from pipeline.simulator.rate_limits import OutputDebt

JSON = "application/json"
EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does about one request."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    """Of latency, to be slept before anything is booked or sent; with a stream, before its first frame."""
    events: tuple[bytes, ...] | None = None
    """The frames of a stream, each complete with its blank line; `body` is then empty. None: not a stream."""
    gap_seconds: float = 0.0
    """To be slept between two frames of a stream."""
    reset: bool = False
    """Close the connection instead of answering."""
    entry: Entry | None = None
    """What to book; None for routes that generate nothing."""
    directives: Directives = NONE
    """What the request asked to go wrong, for whoever delivers the bytes; NONE when the request was refused."""
    cache_writes: tuple[CacheWrite, ...] = ()
    """Prefixes that become readable when the first byte of this reply is sent."""
    output: OutputDebt | None = None
    """Output tokens that the rate limit learns of when the reply ends."""


def headers(profile: Profile, request_id: str) -> dict[str, str]:
    """Make the headers that every reply of a profile carries."""
    return {profile.request_id_header: request_id, **profile.extra_headers}


def error(refused: Refused, profile: Profile, request_id: str) -> Reply:
    """Refuse in the profile's own shape."""
    return Reply(
        status=refused.status,
        body=orjson.dumps(profile.error_shape(refused, request_id)),
        headers=headers(profile, request_id),
    )


def success(payload: dict[str, Any], profile: Profile, request_id: str, *, envelope: bool = True) -> Reply:
    """Answer with a JSON object, inside the envelope where the profile has one."""
    if envelope and profile.wrapped:
        payload = {"code": 200, "data": payload}
    return Reply(body=orjson.dumps(payload), headers=headers(profile, request_id))


def stream(frames: tuple[bytes, ...], profile: Profile, request_id: str) -> Reply:
    """Answer with a stream, never inside an envelope."""
    if profile.stream_comment is not None:
        frames = (profile.stream_comment.encode() + b"\n\n", *frames)
    return Reply(events=frames, content_type=EVENT_STREAM, headers=headers(profile, request_id))
