"""The floor under an outage: a bare loop that retries as the official SDKs do, twice, after 0.5 to 8 seconds."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import aiohttp
import orjson

from benchmarks.floor import HEADERS, body_of
from benchmarks.support.workload import read_questions

MAX_RETRIES = 2


async def send_all(rows: Iterator[tuple[str, str]], url: str, in_flight: int, out: IO[bytes]) -> None:
    """Send every row with `in_flight` workers; one line per attempt."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        await asyncio.gather(*(_worker(session, rows, url, out) for _ in range(in_flight)))


def pause_seconds(retries: int, chance: float) -> float:
    """Before the next retry: half a second, doubled each time up to eight, less up to a quarter."""
    return min(8.0, 0.5 * 2.0**retries) * (1 - 0.25 * chance)


async def _worker(session: aiohttp.ClientSession, rows: Iterator[tuple[str, str]], url: str, out: IO[bytes]) -> None:
    for row_id, question in rows:
        for attempt in range(MAX_RETRIES + 1):
            started_at = time.time()
            answered = await _answered(session, url, body_of(question))
            line: dict[str, Any] = {"id": row_id, "started_at": started_at, "ended_at": time.time(), "ok": answered}
            out.write(orjson.dumps({**line, "last": answered or attempt == MAX_RETRIES}) + b"\n")
            if answered:
                break
            await asyncio.sleep(pause_seconds(attempt, random.random()))


async def _answered(session: aiohttp.ClientSession, url: str, body: bytes) -> bool:
    try:
        async with session.post(url, data=body, headers=HEADERS) as response:
            await response.read()
            return response.status == 200
    except (aiohttp.ClientError, OSError):
        return False


def main() -> None:
    """Send a file's rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("base_url")
    parser.add_argument("out", type=Path)
    parser.add_argument("--in-flight", type=int, default=64)
    given = parser.parse_args()
    with given.out.open("wb") as out:
        asyncio.run(send_all(read_questions(given.rows), given.base_url + "/v1/messages", given.in_flight, out))


if __name__ == "__main__":
    main()
