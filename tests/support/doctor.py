"""A gateway whose every habit a test can choose, on loopback, and subjects to ask it about."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from aiohttp import web

from pipeline.core.secrets import Secret
from pipeline.core.settings import ProviderSettings
from pipeline.doctor.records import Diagnosis, Finding, Reply, Subject
from pipeline.doctor.visit import examine

TODAY = date(2026, 11, 23)
KEY = Secret("canary-7f3a-key-of-the-doctor")


@dataclass(frozen=True)
class Said:
    """One answer of the gateway."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Heard:
    """One request as the gateway got it."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


def said(value: Any, status: int = 200, **headers: str) -> Said:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Said(status, json.dumps(value).encode(), {"content-type": "application/json", **named})


def error(status: int, kind: str, message: str, **headers: str) -> Said:
    return said({"type": "error", "error": {"type": kind, "message": message}}, status, **headers)


def message(**changes: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [{"type": "text", "text": "ok"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 2},
        **changes,
    }


def completion(**changes: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-x",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14},
        **changes,
    }


def sse(*frames: tuple[str | None, Any]) -> bytes:
    """Frames of a stream: an event name, and JSON or text."""
    parts = []
    for name, value in frames:
        head = f"event: {name}\n" if name else ""
        parts.append(f"{head}data: {value if isinstance(value, str) else json.dumps(value)}\n\n")
    return "".join(parts).encode()


@asynccontextmanager
async def gateway(answer: Callable[[Heard], Said], heard: list[Heard] | None = None) -> AsyncIterator[str]:
    """Serve `answer`; gives the address."""

    async def handle(request: web.Request) -> web.Response:
        asked = Heard(request.path, request.headers.copy(), json.loads(await request.read()))
        if heard is not None:
            heard.append(asked)
        reply = answer(asked)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def subject(base_url: str = "http://127.0.0.1:1", **changes: Any) -> Subject:
    """A provider `lab` that speaks Messages; names of ProviderSettings and Subject change it."""
    own = {name: changes.pop(name) for name in ("model", "has_key", "stamp", "keeps_limits") if name in changes}
    settings = {"name": "lab", "protocol": "anthropic-messages", "key_env": "LAB_KEY", "base_url": base_url, **changes}
    return Subject(provider=ProviderSettings(**settings), **{"model": "claude-haiku-4-5", "has_key": True, **own})


def chat_subject(base_url: str = "http://127.0.0.1:1", **changes: Any) -> Subject:
    return subject(base_url, **{"protocol": "openai-chat", "auth": "bearer", "model": "gpt-x", **changes})


async def diagnosis(answer: Callable[[Heard], Said], make: Callable[[str], Subject] = subject, **how: Any) -> Diagnosis:
    async with gateway(answer) as url:
        asked = make(url)
        return await examine(asked, KEY if asked.has_key else None, today=TODAY, **how)


def by_aspect(found: Diagnosis) -> dict[str, Finding]:
    return {finding.aspect: finding for finding in found.findings}


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """A reply as the shell hands it to the readers."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, body=data, headers={"content-type": "application/json", **named})
