"""Lanes run in this process: one writer task, one task per lane, signals, a clean end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import anyio

from pipeline.core.clock import Clock
from pipeline.core.records import Result
from pipeline.plan.expand import Shard
from pipeline.run.control import LaneControl, RunControl
from pipeline.run.runner import LaneExecutor, Sink
from pipeline.store.run_store import RunStore

GRACE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class LaneWork:
    """What is left to do in one lane."""

    executor: LaneExecutor
    shards: Iterable[Shard]
    control: LaneControl


class Acknowledged(Protocol):
    """Is told which results are safe on disk."""

    def __call__(self, results: Sequence[Result], /) -> None:
        """These will survive a power cut."""
        ...


async def execute(
    work: Sequence[LaneWork],
    store: RunStore,
    control: RunControl,
    *,
    on_acknowledged: Acknowledged,
    clock: Clock,
) -> None:
    """Run every lane to its end or to a stop, and leave the store compacted.

    A first SIGINT or SIGTERM admits nothing more and gives what is in flight 30 s; a second cancels it; a third
    ends the process at once. Everything acknowledged is in the store in each case.
    """
    async with anyio.create_task_group() as writing:
        await writing.start(partial(store.commit_forever, on_acknowledged=on_acknowledged))
        async with anyio.create_task_group() as lanes:
            writing.start_soon(_obey_signals, control, lanes.cancel_scope, clock)
            for lane in work:
                lanes.start_soon(_run_lane, lane, store)
        with anyio.CancelScope(shield=True):
            await store.finish("running" if control.is_incomplete else "complete")
        writing.cancel_scope.cancel()


async def _run_lane(work: LaneWork, sink: Sink) -> None:
    """Start each shard when the one before has dispatched its last job, so that a slow tail idles nothing."""
    async with anyio.create_task_group() as shards:
        for shard in work.shards:
            if work.control.stopping:
                return
            await shards.start(work.executor.run, shard, sink)


async def _obey_signals(control: RunControl, lanes: anyio.CancelScope, clock: Clock) -> None:
    received = 0
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as timers:
            async for number in signals:
                received += 1
                if received == 1:
                    control.stop(signal=number)
                    timers.start_soon(_cancel_after_grace, lanes, clock)
                elif received == 2:
                    lanes.cancel()
                else:
                    os._exit(128 + number)


async def _cancel_after_grace(lanes: anyio.CancelScope, clock: Clock) -> None:
    await clock.sleep(GRACE_SECONDS)
    lanes.cancel()
