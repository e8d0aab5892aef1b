"""A provider that fails for a while: from a moment after its first request it answers 503, or refuses connections."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.support.answer import as_text, messages_answer
from benchmarks.support.serve import until_stopped

LATENCY_SECONDS = 0.5
SILENT = logging.Logger("outage", logging.CRITICAL + 1)
"""Connections are cut on purpose; aiohttp would complain."""
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
BODY = as_text(messages_answer()).encode()


class OutageServer:
    """Works, fails, works again."""

    def __init__(self, port: int, *, refuses: bool, before_seconds: float, outage_seconds: float) -> None:
        """Fail `before_seconds` after the first request, for `outage_seconds`."""
        self._port = port
        self._refuses = refuses
        self._before_seconds = before_seconds
        self._outage_seconds = outage_seconds
        self._runner: web.AppRunner | None = None
        self._first = asyncio.Event()
        self._failing = False
        self._began_at: float | None = None
        self._ended_at: float | None = None
        self._answered = self._failed = 0

    async def start(self) -> None:
        """Listen."""
        application = web.Application()
        application.router.add_post("/v1/messages", self._handle)
        self._runner = web.AppRunner(application, access_log=None, logger=SILENT, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()

    async def stop(self) -> None:
        """Listen no more; connections are closed."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def fail_for_a_while(self) -> None:
        """Bring about the outage."""
        await self._first.wait()
        await asyncio.sleep(self._before_seconds)
        self._began_at, self._failing = time.time(), True
        if self._refuses:
            await self.stop()
        await asyncio.sleep(self._outage_seconds)
        if self._refuses:
            await self.start()
        self._ended_at, self._failing = time.time(), False

    def saw(self) -> dict[str, Any]:
        """When the outage was, in seconds since 1970, and what was answered."""
        return {
            "began_at": self._began_at,
            "ended_at": self._ended_at,
            "answered": self._answered,
            "failed": self._failed,
        }

    async def _handle(self, request: web.Request) -> web.Response:
        await request.read()
        self._first.set()
        if self._failing:
            self._failed += 1
            return web.json_response(OVERLOADED, status=503)
        await asyncio.sleep(LATENCY_SECONDS)
        self._answered += 1
        return web.Response(body=BODY, content_type="application/json")


async def serve(port: int, *, refuses: bool, before_seconds: float, outage_seconds: float) -> dict[str, Any]:
    """Serve until stopped; returns what was seen."""
    server = OutageServer(port, refuses=refuses, before_seconds=before_seconds, outage_seconds=outage_seconds)
    await server.start()
    outage = asyncio.create_task(server.fail_for_a_while())
    await until_stopped()
    outage.cancel()
    await server.stop()
    return server.saw()


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("seen", type=Path)
    parser.add_argument("--refuses", action="store_true", help="refuse connections instead of answering 503")
    parser.add_argument("--before-seconds", type=float, required=True)
    parser.add_argument("--outage-seconds", type=float, required=True)
    given = parser.parse_args()
    serving = serve(
        given.port,
        refuses=given.refuses,
        before_seconds=given.before_seconds,
        outage_seconds=given.outage_seconds,
    )
    given.seen.write_text(json.dumps(asyncio.run(serving)))


if __name__ == "__main__":
    main()
