"""A provider with limits: requests and input tokens per minute, 429 with retry-after and the documented headers."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from benchmarks.support.answer import messages_answer
from benchmarks.support.bucket import Bucket, optimum_seconds
from benchmarks.support.serve import until_stopped

LATENCY_SECONDS = 0.5
BURST_SECONDS = 6.0
BYTES_PER_TOKEN = 4
REFUSED = {
    "type": "error",
    "error": {"type": "rate_limit_error", "message": "This request would exceed your organization's rate limit."},
    "request_id": "req_bench",
}


class LimitServer:
    """Counts what it admits and refuses."""

    def __init__(
        self, requests_per_minute: float, input_tokens_per_minute: float, latency_seconds: float = LATENCY_SECONDS
    ) -> None:
        """Begin with full buckets."""
        self._latency_seconds = latency_seconds
        now = time.monotonic()
        self._requests = Bucket(requests_per_minute, BURST_SECONDS, now)
        self._tokens = Bucket(input_tokens_per_minute, BURST_SECONDS, now)
        self._admitted = self._refused = self._tokens_admitted = 0
        self._first_at: float | None = None
        self._last_at = now

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request after the latency, or refuse it at once."""
        tokens = input_tokens(orjson.loads(await request.read()))
        now = time.monotonic()
        self._first_at = self._first_at or now
        wait = max(self._requests.seconds_until(1, now), self._tokens.seconds_until(tokens, now))
        if wait > 0:
            self._refused += 1
            headers = {"retry-after": str(math.ceil(wait)), **self._headers(now)}
            return web.json_response(REFUSED, status=429, headers=headers)
        self._requests.take(1, now)
        self._tokens.take(tokens, now)
        self._admitted += 1
        self._tokens_admitted += tokens
        headers = self._headers(now)
        await asyncio.sleep(self._latency_seconds)
        self._last_at = time.monotonic()
        return web.Response(
            body=orjson.dumps(messages_answer(input_tokens=tokens)), content_type="application/json", headers=headers
        )

    def saw(self) -> dict[str, Any]:
        """Counts, makespan, and the least time in which the same could have passed."""
        least = max(
            optimum_seconds(self._admitted, self._requests), optimum_seconds(self._tokens_admitted, self._tokens)
        )
        return {
            "admitted": self._admitted,
            "refused": self._refused,
            "tokens": self._tokens_admitted,
            "makespan_seconds": self._last_at - (self._first_at or self._last_at),
            "optimum_seconds": least + self._latency_seconds,
        }

    def _headers(self, now: float) -> dict[str, str]:
        return {
            **_family("requests", self._requests, now, rounded_to=1),
            **_family("input-tokens", self._tokens, now, rounded_to=1000),
        }


def input_tokens(body: dict[str, Any]) -> int:
    """The size of a request: a token for every four bytes of its messages."""
    content = "".join(message["content"] for message in body["messages"])
    return max(1, len(content.encode()) // BYTES_PER_TOKEN)


def _family(name: str, bucket: Bucket, now: float, *, rounded_to: int) -> dict[str, str]:
    remaining = round(max(0.0, bucket.level(now)) / rounded_to) * rounded_to
    full_at = datetime.now(UTC) + timedelta(seconds=bucket.seconds_until_full(now))
    return {
        f"anthropic-ratelimit-{name}-limit": f"{bucket.per_minute:.0f}",
        f"anthropic-ratelimit-{name}-remaining": f"{remaining:.0f}",
        f"anthropic-ratelimit-{name}-reset": full_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


async def serve(port: int, server: LimitServer) -> dict[str, Any]:
    """Serve until stopped; returns what was seen."""
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post("/v1/messages", server.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await until_stopped()
    await runner.cleanup()
    return server.saw()


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("seen", type=Path)
    parser.add_argument("--requests-per-minute", type=float, required=True)
    parser.add_argument("--input-tokens-per-minute", type=float, required=True)
    given = parser.parse_args()
    server = LimitServer(given.requests_per_minute, given.input_tokens_per_minute)
    given.seen.write_text(json.dumps(asyncio.run(serve(given.port, server))))


if __name__ == "__main__":
    main()
