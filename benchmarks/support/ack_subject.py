"""The process in which acknowledge latency is measured: rows fall due at a fixed rate, whatever the disk does."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import anyio

from benchmarks.support.answer import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, TEXT
from pipeline.core.records import Attempt, Result
from pipeline.run.memory import calm_collector
from pipeline.store.folder import RUN_SCHEMA, create_run
from pipeline.store.journal import encode_record
from pipeline.store.run_store import RunStore

STAMP = datetime(2026, 11, 22, 10, tzinfo=UTC)


def result() -> Result:
    """A result of a usual size."""
    cost_usd = Decimal("0.00123")
    attempt = Attempt(
        started_at=STAMP, http_status=200, error=None, latency_ms=812.5, cost_usd=cost_usd, possibly_paid=False
    )
    return Result(
        job_id="0" * 32, fingerprint="0" * 32, run_id="r1", eval="bench", row_id="0", prompt="ask", model="sonnet",
        provider="bench", model_requested=MODEL, params="{}", repeat=0, status="ok", stop_reason="end_turn", text=TEXT,
        input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS, usage_source="reported", cost_usd=cost_usd,
        attempts=(attempt,), latency_ms=812.5, started_at=STAMP, finished_at=STAMP, shard="sonnet/000000000",
    )  # fmt: skip


def numbered(number: int, template: Result) -> Result:
    """A result with an id of its own."""
    return replace(template, job_id=f"{number:032x}", row_id=str(number))


async def through_store(folder: Path, rows_per_second: int, rows: int) -> list[float]:
    """Milliseconds from due to acknowledged, through the run store."""
    create_run(folder, {"schema": RUN_SCHEMA, "run_id": "r1", "settings": {}, "dataset": {"rows": rows}})
    waits: list[float] = []
    started = time.perf_counter() + 0.1

    def acknowledged(results: Sequence[Result]) -> None:
        now = time.perf_counter()
        waits.extend((now - started - int(row.row_id) / rows_per_second) * 1000 for row in results)

    template = result()
    with RunStore.open(folder) as store:
        async with anyio.create_task_group() as tasks:
            await tasks.start(partial(store.commit_forever, on_acknowledged=acknowledged))
            for number in range(rows):
                early = started + number / rows_per_second - time.perf_counter()
                if early > 0:
                    await anyio.sleep(early)
                await store.put(numbered(number, template))
            await store.finish("complete")
    return waits


def bare(file: Path, rows_per_second: int, rows: int) -> list[float]:
    """Milliseconds from due to synced: what is due is appended in one write, then synced."""
    template, waits = result(), []
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    started, number = time.perf_counter() + 0.1, 0
    while number < rows:
        early = started + number / rows_per_second - time.perf_counter()
        if early > 0:
            time.sleep(early)
        due = min(rows, int((time.perf_counter() - started) * rows_per_second) + 1)
        lines = b"".join(encode_record(numbered(row, template)) for row in range(number, due))
        if os.write(descriptor, lines) != len(lines):
            raise OSError("a short write")
        os.fdatasync(descriptor)
        now = time.perf_counter()
        waits += [(now - started - row / rows_per_second) * 1000 for row in range(number, due)]
        number = due
    os.close(descriptor)
    return waits


def main() -> None:
    """Print the waits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subject", choices=["store", "bare"])
    parser.add_argument("path", type=Path)
    parser.add_argument("rows_per_second", type=int)
    parser.add_argument("seconds", type=int)
    given = parser.parse_args()
    rows = given.rows_per_second * given.seconds
    calm_collector()
    if given.subject == "store":
        waits = anyio.run(through_store, given.path, given.rows_per_second, rows)
    else:
        waits = bare(given.path, given.rows_per_second, rows)
    print(json.dumps(waits))


if __name__ == "__main__":
    main()
