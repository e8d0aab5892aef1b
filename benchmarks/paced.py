"""The floor under a known limit: a bare loop with a bucket for requests and one for tokens, counted exactly."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import orjson

from benchmarks.floor import HEADERS, body_of
from benchmarks.support.bucket import Bucket
from benchmarks.support.limit_server import BURST_SECONDS, input_tokens
from benchmarks.support.workload import read_questions


class Pace:
    """Both buckets, first come first served."""

    def __init__(self, requests_per_minute: float, input_tokens_per_minute: float) -> None:
        """Begin full."""
        now = time.monotonic()
        self._requests = Bucket(requests_per_minute, BURST_SECONDS, now)
        self._tokens = Bucket(input_tokens_per_minute, BURST_SECONDS, now)
        self._turn = asyncio.Lock()

    async def wait(self, tokens: int) -> None:
        """Return when a request of that size may leave."""
        async with self._turn:
            await asyncio.sleep(self._seconds(tokens))
            now = time.monotonic()
            self._requests.take(1, now)
            self._tokens.take(tokens, now)

    def _seconds(self, tokens: int) -> float:
        now = time.monotonic()
        return max(self._requests.seconds_until(1, now), self._tokens.seconds_until(tokens, now))


async def send_all(rows: Iterator[tuple[str, str]], url: str, in_flight: int, pace: Pace) -> None:
    """Send every row with `in_flight` workers."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        await asyncio.gather(*(_worker(session, rows, url, pace) for _ in range(in_flight)))


async def _worker(session: aiohttp.ClientSession, rows: Iterator[tuple[str, str]], url: str, pace: Pace) -> None:
    for _, question in rows:
        body = body_of(question)
        tokens = input_tokens(orjson.loads(body))
        while True:
            await pace.wait(tokens)
            async with session.post(url, data=body, headers=HEADERS) as response:
                await response.read()
                if response.status != 429:
                    break
                await asyncio.sleep(float(response.headers["retry-after"]))


def main() -> None:
    """Send a file's rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("base_url")
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--requests-per-minute", type=float, required=True)
    parser.add_argument("--input-tokens-per-minute", type=float, required=True)
    given = parser.parse_args()
    rows, url = read_questions(given.rows), given.base_url + "/v1/messages"
    asyncio.run(_run(rows, url, given.in_flight, given.requests_per_minute, given.input_tokens_per_minute))


async def _run(rows: Iterator[tuple[str, str]], url: str, in_flight: int, requests: float, tokens: float) -> None:
    await send_all(rows, url, in_flight, Pace(requests, tokens))


if __name__ == "__main__":
    main()
