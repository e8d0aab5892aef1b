"""Calls of the simulator without sockets, and small answer books."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from pipeline.core.clock import Clock
from pipeline.simulator.asking import Route
from pipeline.simulator.exchange import Exchange
from pipeline.simulator.options import Options
from pipeline.simulator.replies import Reply

HEADERS = {"x-api-key": "some-key", "anthropic-version": "2023-06-01"}


class NotedClock:
    """Writes down what it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class HeldClock(NotedClock):
    """Lets sleepers wait until they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = anyio.Event()
        self.release = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        self.waiting.set()
        await self.release.wait()


def exchange(clock: Clock | None = None, **options: Any) -> Exchange:
    return Exchange(Options(**{"latency_scale": 0.0, **options}), clock or NotedClock())


def ask(
    mind: Exchange, body: Any, *, route: Route = "messages", headers: Mapping[str, str] = HEADERS
) -> tuple[int, dict[str, Any]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = mind.generate(route, headers, raw)
    return reply.status, json.loads(reply.body)


def reply_to(mind: Exchange, body: Any, *, route: Route = "messages", headers: Mapping[str, str] = HEADERS) -> Reply:
    return mind.generate(route, headers, json.dumps(body).encode())


def serve(mind: Exchange, body: Any, **how: Any) -> Reply:
    """Answer as the server does: the first byte is sent, and the last."""
    reply = reply_to(mind, body, **how)
    mind.begun(reply)
    mind.finished(reply)
    return reply


def events_of(reply: Reply) -> list[dict[str, Any]]:
    """The objects of a stream's frames, without comments and `[DONE]`."""
    assert reply.events is not None
    datas = [frame.partition(b"data: ")[2] for frame in reply.events]
    return [json.loads(data) for data in datas if data.startswith(b"{")]


def body(text: str = "Hello, world", **changes: Any) -> dict[str, Any]:
    """A Messages body (a chat body has the same three fields)."""
    plain = {"model": "sim-small", "max_tokens": 256, "messages": [{"role": "user", "content": text}]}
    return {key: value for key, value in {**plain, **changes}.items() if value is not ...}


def text_of(message: dict[str, Any]) -> str:
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def write_book(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
