"""The floor: a bare aiohttp loop that sends the rows and writes JSON lines; no retry, no limit, no sync, no score."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import aiohttp
import orjson

from benchmarks.support.answer import MODEL
from benchmarks.support.workload import INSTRUCTION, KEY, MAX_TOKENS, read_questions

HEADERS = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": KEY}


async def send_all(rows: Iterator[tuple[str, str]], url: str, in_flight: int, out: IO[bytes]) -> None:
    """Send every row with `in_flight` workers."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        await asyncio.gather(*(_worker(session, rows, url, out) for _ in range(in_flight)))


def body_of(question: str) -> bytes:
    """The request that evalmill sends for a row, byte for byte."""
    return orjson.dumps(
        {
            "model": MODEL,
            "max_tokens": MAX_TOKENS,
            "temperature": 0.0,
            "messages": [{"role": "user", "content": question + INSTRUCTION}],
        }
    )


async def _worker(session: aiohttp.ClientSession, rows: Iterator[tuple[str, str]], url: str, out: IO[bytes]) -> None:
    for row_id, question in rows:
        async with session.post(url, data=body_of(question), headers=HEADERS) as response:
            answer = orjson.loads(await response.read())
        line = {"id": row_id, "text": answer["content"][0]["text"], "usage": answer["usage"]}
        out.write(orjson.dumps(line) + b"\n")


def main() -> None:
    """Send a file's rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("base_url")
    parser.add_argument("out", type=Path)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    rows = islice(read_questions(given.rows), given.limit)
    with given.out.open("wb") as out:
        started = time.perf_counter()
        asyncio.run(send_all(rows, given.base_url + "/v1/messages", given.in_flight, out))
        print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
