"""A window begins small, doubles until the first refusal, and then grows and shrinks as TCP's does."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from pipeline.run.window import Window
from tests.support.clock import ManualClock


async def fill(window: Window) -> None:
    """Send as many as may be in flight."""
    for _ in range(int(window.size)):
        await window.enter()


async def round_trip(window: Window) -> None:
    """Let each request of a full window be answered, and send as many as there is room for then."""
    for _ in range(int(window.size)):
        before = int(window.size)
        window.answered()
        window.leave()
        for _ in range(1 + int(window.size) - before):
            await window.enter()


async def test_it_begins_small_and_doubles_every_round_trip() -> None:
    window = Window(ManualClock())
    await fill(window)
    sizes = []
    for _ in range(4):
        sizes.append(window.size)
        await round_trip(window)
    assert sizes == [8, 16, 32, 64]


async def test_it_never_grows_beyond_the_most() -> None:
    window = Window(ManualClock(), most=20)
    await fill(window)
    for _ in range(5):
        await round_trip(window)
    assert window.size == 20


async def test_a_lane_that_does_not_fill_it_does_not_widen_it() -> None:
    window = Window(ManualClock())
    for _ in range(100):
        await window.enter()
        window.answered()
        window.leave()
    assert window.size == 8


async def test_refusals_of_one_cause_cut_it_once() -> None:
    clock = ManualClock()
    window = Window(clock, most=64, first=None)
    for _ in range(64):
        await window.enter()
    for _ in range(64):
        window.refused(1.0)
    assert window.size == 32
    clock.advance(15)
    window.refused(1.0)
    assert window.size == 32 * 0.8


async def test_a_longer_pause_lengthens_the_time_without_cuts() -> None:
    clock = ManualClock()
    window = Window(clock, most=64, first=None)
    for _ in range(64):
        await window.enter()
    window.refused(40.0)
    clock.advance(39)
    window.refused(1.0)
    assert window.size == 32


async def test_after_a_refusal_it_grows_by_one_in_three_round_trips() -> None:
    window = await cut_to_four()
    for _ in range(3):
        await round_trip(window)
    assert window.size == 5


async def test_a_fault_of_the_provider_stops_the_growth_and_cuts_nothing() -> None:
    window = await cut_to_four()
    for _ in range(10):
        await round_trip(window)
        window.faulted()
    assert window.size == 4


async def cut_to_four() -> Window:
    """A window of eight after its first refusal, full."""
    window = Window(ManualClock())
    await fill(window)
    window.refused(0)
    for _ in range(4):
        window.leave()
    assert window.size == 4
    return window


async def test_those_who_wait_go_first_come_first_served_and_leave_no_trace_when_cancelled() -> None:
    window = Window(ManualClock(), most=1)
    order: list[int] = []

    async def pass_through(number: int) -> None:
        await window.enter()
        order.append(number)

    await window.enter()
    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(pass_through, number)
            await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(0.001):
            await window.enter()
        for _ in range(4):
            window.leave()
            await anyio.lowlevel.checkpoint()
    assert order == [0, 1, 2, 3]
    window.leave()
    with anyio.fail_after(1):
        await window.enter()
