"""Work in threads goes on only while somebody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import anyio

from pipeline.view.workers import Workers


async def test_work_gives_its_result_off_the_event_loop() -> None:
    here = threading.get_ident()
    assert await Workers().run(lambda _: threading.get_ident()) != here


async def test_dropped_work_is_told_and_ends() -> None:
    began, ended = threading.Event(), threading.Event()

    def work(is_dropped: Callable[[], bool]) -> None:
        began.set()
        while not is_dropped():
            ended.wait(0.001)
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Workers().run, work)
        await anyio.to_thread.run_sync(began.wait)
        tasks.cancel_scope.cancel()
    with anyio.CancelScope(shield=True):
        assert await anyio.to_thread.run_sync(ended.wait, 10)
