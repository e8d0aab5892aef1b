"""Doubles for the store's tests: results to store, and a disk that fails when told to."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pyarrow.parquet as pq

from pipeline.core.records import Attempt, Result
from pipeline.store.disk import SystemDisk
from pipeline.store.manifest import State
from pipeline.store.run_store import RunStore

STAMP = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
COST = Decimal("0.001230000001")
RUN: dict[str, Any] = {"schema": 1, "run_id": "r1", "settings": {}, "dataset": {"rows": 0}}
"""What run.json must hold at least."""


def result(number: int = 0, *, shard: str = "m/00000", **changes: Any) -> Result:
    """A plausible result; `number` makes its job id."""
    fields: dict[str, Any] = {
        "job_id": f"{number:032x}",
        "fingerprint": f"{number:032x}",
        "run_id": "r1",
        "eval": "arithmetic",
        "row_id": str(number),
        "prompt": "steps",
        "model": "sonnet",
        "provider": "apimart",
        "model_requested": "claude-sonnet-4-5-20250929",
        "params": "{}",
        "repeat": 0,
        "status": "ok",
        "stop_reason": "end_turn",
        "text": f"answer {number} " + "word " * 40,
        "input_tokens": 100,
        "output_tokens": 40,
        "usage_source": "reported",
        "cost_usd": COST,
        "attempts": (
            Attempt(
                started_at=STAMP, http_status=200, error=None, latency_ms=812.5, cost_usd=COST, possibly_paid=False
            ),
        ),
        "latency_ms": 812.5,
        "started_at": STAMP,
        "finished_at": STAMP,
        "shard": shard,
    }
    return Result(**(fields | changes))


class Killed(BaseException):
    """The process dies here: nothing after it may reach the disk."""


class FaultyDisk(SystemDisk):
    """Counts the calls that change the disk and spoils the nth; `short` writes half, a kill spoils all that follow.

    `only` restricts the count to one kind of call; `forever` repeats an error from the nth call on.
    """

    def __init__(
        self, nth: int, fault: int | str = errno.ENOSPC, *, only: str | None = None, forever: bool = False
    ) -> None:
        self.nth = nth
        self.fault = fault
        self.only = only
        self.forever = forever
        self.calls = 0
        self.log: list[str] = []
        self.failed_fds: set[int] = set()
        self.is_dead = False

    def write(self, fd: int, data: memoryview) -> int:
        due = self._is_due("write")
        if due and self.fault == "short":
            return os.write(fd, data[: max(1, len(data) // 2)])
        if due:
            os.write(fd, data[: len(data) // 2])  # a failing write leaves half behind
            self._spoil()
        return super().write(fd, data)

    def create(self, path: Path) -> int:
        return self._do("create", lambda: SystemDisk.create(self, path))

    def open_append(self, path: Path) -> int:
        return self._do("open_append", lambda: SystemDisk.open_append(self, path))

    def truncate(self, fd: int, length: int) -> None:
        self._do("truncate", lambda: SystemDisk.truncate(self, fd, length))

    def fdatasync(self, fd: int) -> None:
        assert fd not in self.failed_fds, "a failed fsync must not be repeated: the kernel dropped the pages"
        try:
            self._do("fdatasync", lambda: SystemDisk.fdatasync(self, fd))
        except OSError:
            self.failed_fds.add(fd)
            raise

    def close(self, fd: int) -> None:
        self.failed_fds.discard(fd)
        super().close(fd)

    def fsync_dir(self, path: Path) -> None:
        self._do("fsync_dir", lambda: SystemDisk.fsync_dir(self, path))

    def rename(self, source: Path, target: Path) -> None:
        self._do("rename", lambda: SystemDisk.rename(self, source, target))

    def link(self, source: Path, target: Path) -> None:
        self._do("link", lambda: SystemDisk.link(self, source, target))

    def unlink(self, path: Path) -> None:
        self._do("unlink", lambda: SystemDisk.unlink(self, path))

    def make_dir(self, path: Path) -> None:
        self._do("make_dir", lambda: SystemDisk.make_dir(self, path))

    def _do(self, name: str, call: Callable[[], Any]) -> Any:
        if self._is_due(name) and self.fault != "short":
            self._spoil()
        return call()

    def _is_due(self, name: str) -> bool:
        if self.is_dead:
            raise Killed
        self.log.append(name)
        if self.only is not None and name != self.only:
            return False
        self.calls += 1
        return self.calls == self.nth or (self.forever and self.calls > self.nth)

    def _spoil(self) -> None:
        if self.fault == "kill":
            self.is_dead = True
            raise Killed
        assert isinstance(self.fault, int)
        raise OSError(self.fault, os.strerror(self.fault))


def leaves(error: BaseException) -> list[BaseException]:
    """The exceptions in nested groups, flat."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in leaves(one)]
    return [error]


async def store_all(
    store: RunStore, results: Sequence[Result], acknowledged: list[str], *, state: State | None = "complete"
) -> list[BaseException]:
    """Put results, a commit for every seven, finish unless `state` is None; return what stopped it, if anything."""
    before = len(acknowledged)
    told = anyio.Event()

    def acknowledge(batch: Sequence[Result]) -> None:
        nonlocal told
        acknowledged.extend(one.job_id for one in batch)
        told.set()
        told = anyio.Event()

    try:
        async with anyio.create_task_group() as tasks:
            await tasks.start(partial(store.commit_forever, on_acknowledged=acknowledge))
            for number, one in enumerate(results):
                store.put_start(one.job_id)
                await store.put(one)
                while number % 7 == 6 and len(acknowledged) <= before + number:
                    await told.wait()
            if state is not None:
                await store.finish(state)
            while len(acknowledged) < before + len(results):
                await told.wait()
            tasks.cancel_scope.cancel()
    except BaseException as error:
        return leaves(error)
    return []


def stored_ids(store: RunStore) -> list[str]:
    """Every job id in the listed parts, as often as it stands there."""
    return [
        job_id for path in store.parts() for job_id in pq.read_table(path, columns=["job_id"])["job_id"].to_pylist()
    ]


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` with its content."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def parts_on_disk(folder: Path) -> set[str]:
    """File names in `results/`."""
    return {path.name for path in (folder / "results").iterdir()}
