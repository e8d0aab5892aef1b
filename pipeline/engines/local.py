"""Lanes run in this process: one writer task, one task per lane, signals, a clean end."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

import anyio

from pipeline.core.clock import Clock
from pipeline.core.records import Result
from pipeline.plan.expand import Shard
from pipeline.run.control import LaneControl, RunControl
from pipeline.run.lane import LaneExecutor
from pipeline.store.run_store import RunStore


@dataclass(frozen=True, slots=True)
class LaneWork:
    """What is left to do in one lane."""

    executor: LaneExecutor
    shards: Iterable[Shard]
    control: LaneControl


Grace = Callable[[], Awaitable[None]]
"""Waits as long as what is in flight may still be answered."""


class ResultObserver(Protocol):
    """Is told what became of results."""

    def acknowledged(self, results: Sequence[Result], /) -> None:
        """These are safe on disk, and will survive a power cut."""
        ...

    def kept(self, result: Result, /) -> None:
        """This one is not stored: its job was asked again, and the row that it has is as good."""
        ...


async def execute(
    work: Sequence[LaneWork],
    store: RunStore,
    control: RunControl,
    *,
    observer: ResultObserver,
    clock: Clock,
    grace_seconds: float,
) -> None:
    """Run every lane to its end or to a stop, and leave the store compacted.

    A first SIGINT or SIGTERM admits nothing more and gives what is in flight `grace_seconds`; a second cancels it; a
    third ends the process at once. Everything acknowledged is in the store in each case.
    """
    grace = partial(clock.sleep, grace_seconds)
    async with anyio.create_task_group() as writing:
        await writing.start(partial(store.commit_forever, on_acknowledged=observer.acknowledged, on_kept=observer.kept))
        async with anyio.create_task_group() as lanes:
            writing.start_soon(_obey_signals, control, lanes.cancel_scope, grace)
            for lane in work:
                lanes.start_soon(_run_lane, lane, store)
        with anyio.CancelScope(shield=True):
            await store.finish("running" if control.is_incomplete else "complete")
        writing.cancel_scope.cancel()


async def _run_lane(work: LaneWork, store: RunStore) -> None:
    """Start each shard when the one before has dispatched its last job, so that a slow tail idles nothing."""
    async with anyio.create_task_group() as shards:
        for shard in work.shards:
            if work.control.stopping:
                return
            await shards.start(work.executor.run, shard, _ShardSink(store, shard.name))


class _ShardSink:
    """The store as one shard sees it: each start says where its job stands in the plan."""

    def __init__(self, store: RunStore, shard: str) -> None:
        self._store = store
        self._shard = shard

    def put(self, result: Result) -> Coroutine[Any, Any, None]:
        return self._store.put(result)

    def put_start(self, job_id: str, at_stake_usd: Decimal | None) -> None:
        self._store.put_start(job_id, at_stake_usd, self._shard)


async def _obey_signals(control: RunControl, lanes: anyio.CancelScope, grace: Grace) -> None:
    received = 0
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as timers:
            async for number in signals:
                received += 1
                if received == 1:
                    control.stop(signal=number)
                    timers.start_soon(_cancel_after, grace, lanes)
                elif received == 2:
                    lanes.cancel()
                else:
                    os._exit(128 + number)


async def _cancel_after(grace: Grace, lanes: anyio.CancelScope) -> None:
    await grace()
    lanes.cancel()
