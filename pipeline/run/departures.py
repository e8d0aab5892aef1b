"""Departures of a lane: a request leaves with a slot and a permit, while the breaker lets it."""

from __future__ import annotations

from typing import NamedTuple

import anyio

from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Job
from pipeline.run.breaker import Breaker
from pipeline.run.lane import LaneSetup
from pipeline.run.permits import Need, Permit

_SHOWN_CHARACTERS = 80
"""Of a row's id, in messages."""


class Leave(NamedTuple):
    """What a request needs to leave."""

    permit: Permit
    tries: bool
    """Whether it finds out for the whole lane if the provider is back."""
    on_credit: bool
    """Whether it is a retry that the retry budget could not cover."""


class Departures:
    """Gives leave to one request after the other, over all shards of the lane."""

    def __init__(self, setup: LaneSetup, breaker: Breaker) -> None:
        """Hold at most `concurrency` requests in flight."""
        self._setup = setup
        self._breaker = breaker
        self._slots = anyio.Semaphore(setup.run.concurrency, fast_acquire=True)

    async def leave(self, job: Job, need: Need, *, on_credit: bool = False) -> Leave | None:
        """Wait until a request may leave; None when the budget cannot take it, which stops the run."""
        while True:
            tries = await self._breaker.passed()
            permit = await self._permit(need, tries=tries)
            if permit is None:
                self._stop_for_budget(job, need)
                return None
            if tries or self._breaker.is_closed:
                return Leave(permit, tries, on_credit)
            # The provider broke down while this one waited for its turn.
            self.stay(Leave(permit, tries, on_credit=False))

    def stay(self, leave: Leave) -> None:
        """Give back what a request that does not leave had got."""
        self._setup.permits.withdraw(leave.permit)
        self._slots.release()
        if leave.tries:
            self._breaker.withdrawn()

    async def _permit(self, need: Need, *, tries: bool) -> Permit | None:
        """A slot and a permit; neither, and the breaker told so, when the budget or a stop says no."""
        permit = None
        has_slot = False
        try:
            await self._slots.acquire()
            has_slot = True
            permit = await self._setup.permits.acquire(need)
            return permit
        finally:
            if permit is None:
                if has_slot:
                    self._slots.release()
                if tries:
                    self._breaker.withdrawn()

    def landed(self) -> None:
        """Free the slot of a request that came back."""
        self._slots.release()

    def _stop_for_budget(self, job: Job, need: Need) -> None:
        which = f"row {job.row_id[:_SHOWN_CHARACTERS]!r}, prompt {job.prompt!r}, model {job.model!r}"
        self._setup.control.run.stop(
            StoppedResumable(
                f"the budget of ${self._setup.run.budget_usd} cannot take the next request ({which}): "
                f"{self._setup.permits.shortage(need)}"
            )
        )
