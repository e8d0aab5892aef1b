"""Bodies as they go onto the wire: answers, errors, and the deformed ones that faults ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.simulator.asking import Refused
from pipeline.simulator.faults import Directives
from pipeline.simulator.ledger import Entry
from pipeline.simulator.profiles import Profile, status_message

JSON = "application/json"
_HTML = "text/html; charset=UTF-8"
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{status}: {message}</title></head>\n"
    "<body><center><h1>{status} {message}</h1></center><hr><center>cloudflare</center></body></html>\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does about one request."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    """Of latency, to be slept before anything is booked or sent."""
    reset: bool = False
    """Close the connection instead of answering."""
    entry: Entry | None = None
    """What to book; None for routes that generate nothing."""


def headers(profile: Profile, request_id: str) -> dict[str, str]:
    """Make the headers that every reply of a profile carries."""
    return {profile.request_id_header: request_id, **profile.extra_headers}


def error(refused: Refused, profile: Profile, request_id: str, *, retry_after: str | None = None) -> Reply:
    """Refuse in the profile's own shape."""
    extra = {} if retry_after is None else {"retry-after": retry_after}
    return Reply(
        status=refused.status,
        body=orjson.dumps(profile.error_shape(refused, request_id)),
        headers={**headers(profile, request_id), **extra},
    )


def success(payload: dict[str, Any], profile: Profile, request_id: str, *, envelope: bool = True) -> Reply:
    """Answer with a JSON object, inside the envelope where the profile has one."""
    if envelope and profile.wrapped:
        payload = {"code": 200, "data": payload}
    return Reply(body=orjson.dumps(payload), headers=headers(profile, request_id))


def forced_fault(wanted: Directives, profile: Profile, request_id: str, retry_after: str) -> Reply | None:
    """Make the failure that `wanted` asks for; None when it asks for an answer."""
    if wanted.reset:
        return Reply(status=0, reset=True)
    if wanted.html:
        status = wanted.status or 200
        page = _PAGE.format(status=status, message=status_message(status, retry_after))
        return Reply(status=status, body=page.encode(), content_type=_HTML, headers=headers(profile, request_id))
    if wanted.status is not None:
        return fault(wanted.status, profile, request_id, retry_after)
    if wanted.error200:
        refused = Refused(status=profile.outage_statuses[1], message="Overloaded")
        return Reply(body=orjson.dumps(profile.error_shape(refused, request_id)), headers=headers(profile, request_id))
    if wanted.code is not None:
        envelope = {"code": wanted.code, "message": status_message(wanted.code, retry_after), "data": {}}
        return Reply(body=orjson.dumps(envelope), headers=headers(profile, request_id))
    return None


def fault(status: int, profile: Profile, request_id: str, retry_after: str) -> Reply:
    """Fail with a status, as the profile words it; 429 says when to come back."""
    refused = Refused(status=status, message=status_message(status, retry_after))
    return error(refused, profile, request_id, retry_after=retry_after if status == 429 else None)
