"""Faults in a reply: failures in place of an answer (statuses, pages of proxies, limits), and deformed answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson

from pipeline.simulator import fault_bodies, fault_streams, replies
from pipeline.simulator.asking import Refused
from pipeline.simulator.faults import Directives
from pipeline.simulator.profiles import Profile, status_message
from pipeline.simulator.replies import Reply

_HTML = "text/html; charset=UTF-8"
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{status}: {message}</title></head>\n"
    "<body><center><h1>{status} {message}</h1></center><hr><center>cloudflare</center></body></html>\n"
)
_DATE_SECONDS = 2
_SPEND_LIMIT_429 = "This request would exceed your organization's monthly spend limit."
_SPEND_LIMIT_400 = (
    "You have reached your specified API usage limits. You will regain access on 2027-01-01 at 00:00 UTC."
)
_QUOTA = {
    "error": {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota",
        "param": None,
        "code": "insufficient_quota",
    }
}


def failed(wanted: Directives, profile: Profile, request_id: str, *, retry_after: str, now: datetime) -> Reply | None:
    """Make the failure that `wanted` asks for, None when it asks for an answer.

    `retry_after` is what a 429 says unless the request asks for something else.
    """
    reply = _failed(wanted, profile, request_id, retry_after)
    if reply is None:
        return None
    given = wanted.retry_after or (retry_after if reply.status == 429 and not _for_good(wanted) else "none")
    extra = {
        "retry-after": _date(now) if given == "date" else given,
        "retry-after-ms": wanted.retry_after_ms,
        "x-should-retry": wanted.should_retry,
    }
    asked = {name: value for name, value in extra.items() if value is not None and value != "none"}
    return replace(reply, headers={**reply.headers, **asked}, directives=wanted)


def deformed(reply: Reply) -> Reply:
    """Do to an answer what its directives ask: to its body, or to the frames of its stream."""
    if reply.events is None:
        return fault_bodies.deform(reply)
    return replace(reply, events=fault_streams.deform(reply.events, reply.directives))


def _failed(wanted: Directives, profile: Profile, request_id: str, retry_after: str) -> Reply | None:
    headers = replies.headers(profile, request_id)
    if wanted.has("reset"):
        return Reply(status=0, reset=True)
    if wanted.redirect is not None:
        return Reply(status=307, headers={**headers, "location": wanted.redirect})
    if wanted.has("html"):
        status = wanted.status or 200
        page = _PAGE.format(status=status, message=status_message(status, retry_after))
        return Reply(status=status, body=page.encode(), content_type=_HTML, headers=headers)
    if wanted.has("spend_limit"):
        status = wanted.status or 429
        return Reply(status=status, body=orjson.dumps(_spend_limit(status, profile, request_id)), headers=headers)
    if wanted.has("insufficient_quota"):
        return Reply(status=wanted.status or 429, body=orjson.dumps(_QUOTA), headers=headers)
    if wanted.status is not None:
        refused = Refused(status=wanted.status, message=status_message(wanted.status, retry_after))
        return replies.error(refused, profile, request_id)
    if wanted.has("error200"):
        refused = Refused(status=profile.outage_statuses[1], message="Overloaded")
        return Reply(body=orjson.dumps(profile.error_shape(refused, request_id)), headers=headers)
    if wanted.code is not None:
        envelope = {"code": wanted.code, "message": status_message(wanted.code, retry_after), "data": {}}
        return Reply(body=orjson.dumps(envelope), headers=headers)
    return None


def _for_good(wanted: Directives) -> bool:
    """Whether no waiting mends the failure, so that no header says when to come back."""
    return wanted.has("spend_limit", "insufficient_quota")


def _spend_limit(status: int, profile: Profile, request_id: str) -> Mapping[str, Any]:
    message = _SPEND_LIMIT_429 if status == 429 else _SPEND_LIMIT_400
    body = profile.error_shape(Refused(status=status, message=message), request_id)
    if status == 429:
        body["error"]["details"] = {"error_code": "enforced_spend_limit_reached"}
    return body


def _date(now: datetime) -> str:
    return format_datetime(now + timedelta(seconds=_DATE_SECONDS), usegmt=True)
