"""Everything that paces a lane: its account's limits, what its provider tells of them, and what refusals teach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from aiolimiter import AsyncLimiter

from pipeline.core.clock import Clock
from pipeline.core.settings import Accounting, Limits
from pipeline.providers.limit_headers import LimitKind, ToldLimit
from pipeline.run.buckets import TokenBudget
from pipeline.run.gate import Gate
from pipeline.run.learned import LearnedPace
from pipeline.run.window import FIRST_SIZE, Window

TOLD_BURST_SECONDS = 60.0
"""What a provider says is left may be used at once, until a refusal shows otherwise."""


class Reservation(NamedTuple):
    """What one request took from its lane's limits."""

    input_tokens: int
    output_tokens: int
    left_at: float
    """Monotonic seconds."""


class AccountLimits:
    """The limits that are configured; one object for all lanes that share them."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        """Unknown limits do not pace."""
        burst = limits.burst_seconds
        self.burst_seconds = burst
        self.are_known = limits.requests_per_minute is not None or limits.input_tokens_per_minute is not None
        self.requests = _request_limiter(limits)
        self.input = _bucket(limits.input_tokens_per_minute, burst, clock)
        self.output = _bucket(limits.output_tokens_per_minute, burst, clock)
        most = limits.requests_in_flight
        self.window = None if most is None else Window(clock, most=most, first=None)

    async def acquire(self, input_tokens: int, output_tokens: int) -> None:
        """Take a request of this size out of every bucket there is; whoever is cancelled has taken nothing."""
        if self.window is not None:
            await self.window.enter()
        taken_input = 0
        try:
            if self.requests is not None:
                await self.requests.acquire()
            if self.input is not None:
                await self.input.reserve(input_tokens)
                taken_input = input_tokens
            if self.output is not None:
                await self.output.reserve(output_tokens)
        except BaseException:
            self.settle(taken_input, 0, 0, 0)
            self.left()
            raise

    def give_back(self, input_tokens: int, output_tokens: int) -> None:
        """The request does not leave."""
        self.settle(input_tokens, output_tokens, 0, 0)
        self.left()

    def settle(self, input_tokens: int, output_tokens: int, used_input: int | None, used_output: int | None) -> None:
        """Correct the buckets by what the provider reports; what is unknown stays as reserved."""
        if self.input is not None and used_input is not None:
            self.input.settle(input_tokens, used_input)
        if self.output is not None and used_output is not None:
            self.output.settle(output_tokens, used_output)

    def left(self) -> None:
        """A request came back, whatever came of it."""
        if self.window is not None:
            self.window.leave()

    def told(self, limit: ToldLimit) -> None:
        """Lower a level that the provider counts lower, as where others use the account too."""
        bucket = {"input": self.input, "output": self.output}.get(limit.kind)
        if bucket is not None and limit.remaining is not None:
            bucket.lower_to(limit.remaining)


class LaneLimits:
    """One lane's pace. Requests pass in the order in which they ask."""

    def __init__(
        self, account: AccountLimits, accounting: Accounting, clock: Clock, *, first_in_flight: int = FIRST_SIZE
    ) -> None:
        """Begin wide open where the account's limits are configured, narrow where they are to be found out."""
        self._account = account
        self._accounting = accounting
        self._clock = clock
        self._told: dict[LimitKind, TokenBudget] = {}
        self._learned = LearnedPace(clock)
        self._gate = Gate(clock)
        self.window = Window(clock, first=None) if account.are_known else Window(clock, first=first_in_flight)

    async def acquire(self, input_tokens: int, max_tokens: int) -> Reservation:
        """Wait until one request of this size may leave.

        OpenAI-style accounting reserves max_tokens of output; Anthropic-style counts only what is generated, so
        the output bucket is only required not to be in debt (protocol section 5.2).
        """
        output_tokens = max_tokens if self._accounting == "openai" else 1
        await self.window.enter()
        try:
            await self._gate.passed()
            if self._told:
                await self._take_told(input_tokens, output_tokens)
            await self._learned.passed()
            await self._account.acquire(input_tokens, output_tokens)
            while not self._gate.is_open:
                # Others use the account too: nothing of it is held while this lane's gate is shut.
                self._account.give_back(input_tokens, output_tokens)
                await self._gate.passed()
                await self._account.acquire(input_tokens, output_tokens)
        except BaseException:
            self.window.leave()
            raise
        return Reservation(input_tokens, output_tokens, self._learned.leaving())

    async def opened(self) -> None:
        """Return once the lane's gate is open, and take nothing."""
        await self._gate.passed()

    def answered(self) -> None:
        """An answer came."""
        self._gate.admitted()
        self.window.answered()

    def used(self, reserved: Reservation, input_tokens: int | None, output_tokens: int | None) -> None:
        """Correct what was reserved by what was used. Output that was charged in advance is not given back."""
        if self._accounting == "openai":
            output_tokens = None
        self._account.settle(reserved.input_tokens, reserved.output_tokens, input_tokens, output_tokens)
        if (told := self._told.get("input")) is not None and input_tokens is not None:
            told.settle(reserved.input_tokens, input_tokens)
        if (told := self._told.get("output")) is not None and output_tokens is not None:
            told.settle(reserved.output_tokens, output_tokens)

    def refused(self, reserved: Reservation, retry_after_seconds: float | None) -> None:
        """Over the limit: close the gate, send fewer at a time, and learn."""
        is_first = self._gate.is_open
        self._gate.refused(retry_after_seconds)
        self._learned.refused(reserved.left_at, is_first=is_first)
        self.window.refused(retry_after_seconds or 0.0)
        for bucket in self._told.values():
            bucket.limit_burst(self._account.burst_seconds)  # there was less than was told
        if self._learned.is_known:
            self.window.pace_is_known()

    def faulted(self) -> None:
        """The provider failed; that says nothing of limits."""
        self.window.faulted()

    def withdrawn(self, reserved: Reservation) -> None:
        """The request did not leave; its turn is lost, its tokens are not."""
        self._account.give_back(reserved.input_tokens, reserved.output_tokens)
        self.window.leave()

    def left(self) -> None:
        """A request came back, whatever came of it; the last that is said of it."""
        self.window.leave()
        self._account.left()

    def told(self, limits: Iterable[ToldLimit]) -> None:
        """What the provider's headers say: it corrects levels, and paces where nothing is configured."""
        for limit in limits:
            self._account.told(limit)
            bucket = self._told.get(limit.kind)
            if bucket is None:
                bucket = TokenBudget(limit.per_minute, TOLD_BURST_SECONDS, self._clock)
                self._told[limit.kind] = bucket
                self.window.open_wide()
            elif abs(bucket.per_second * 60 - limit.per_minute) > 1e-6 * limit.per_minute:
                bucket.change_rate(limit.per_minute)
            if limit.remaining is not None:
                bucket.lower_to(limit.remaining)

    async def _take_told(self, input_tokens: int, output_tokens: int) -> None:
        amounts: dict[LimitKind, int] = {
            "requests": 1,
            "input": input_tokens,
            "output": output_tokens,
            "tokens": max(input_tokens, output_tokens),
        }
        for kind, bucket in tuple(self._told.items()):
            await bucket.reserve(amounts[kind])


def _bucket(per_minute: float | None, burst_seconds: float, clock: Clock) -> TokenBudget | None:
    return None if per_minute is None else TokenBudget(per_minute, burst_seconds, clock)


def _request_limiter(limits: Limits) -> AsyncLimiter | None:
    """A bucket of `burst_seconds` worth of requests."""
    if limits.requests_per_minute is None:
        return None
    burst = max(1.0, limits.requests_per_minute * limits.burst_seconds / 60)
    return AsyncLimiter(burst, burst * 60 / limits.requests_per_minute)
