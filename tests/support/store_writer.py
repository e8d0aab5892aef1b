"""A process that stores jobs until it is killed: `store_writer.py FOLDER ACKNOWLEDGED JOBS TEXT_BYTES SEGMENT_ROWS`.

It continues where the folder stands, appends each acknowledged job id to the file ACKNOWLEDGED, and ends when all
jobs are in the results.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipeline.core.records import Result
from pipeline.store.run_store import RunStore
from tests.support.store import result

_LONG = 100_000


async def main(folder: Path, log: int, jobs: int, text_bytes: int, segment_rows: int) -> None:
    with RunStore.open(folder, segment_rows=segment_rows) as store:
        done = store.job_ids("m/00000") | store.job_ids("m/00001")

        def acknowledge(batch: Sequence[Result]) -> None:
            os.write(log, "".join(f"{one.job_id}\n" for one in batch).encode())

        async with anyio.create_task_group() as tasks:
            await tasks.start(partial(store.commit_forever, on_acknowledged=acknowledge))
            for number in range(jobs):
                one = result(number, shard=f"m/{number % 2:05d}", text=f"{number} " + "x" * text_bytes)
                if one.job_id not in done:
                    store.put_start(one.job_id)
                    await store.put(one)
                if number % 20 == 19 or (text_bytes > _LONG and one.job_id not in done):
                    await anyio.sleep(0.001)
            await store.finish("complete")


if __name__ == "__main__":
    acknowledged = os.open(sys.argv[2], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    anyio.run(main, Path(sys.argv[1]), acknowledged, *map(int, sys.argv[3:6]))
