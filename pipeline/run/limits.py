"""Pace: requests and tokens per minute, first come first served, and a gate that a 429 closes for the whole lane."""

from __future__ import annotations

import anyio
from aiolimiter import AsyncLimiter

from pipeline.core.clock import Clock
from pipeline.core.settings import Accounting, Limits

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class TokenBudget:
    """A bucket of tokens that refills continuously; reservations are served in order of arrival.

    An amount larger than the bucket is let through when the bucket is full, and leaves it in debt: a large request
    waits its turn and is never starved (aiolimiter serves the smallest first, refunds nothing, refuses such amounts).
    """

    def __init__(self, per_minute: float, burst_seconds: float, clock: Clock) -> None:
        """Begin full: `burst_seconds` worth of the limit."""
        self._per_second = per_minute / 60
        self._capacity = max(1.0, self._per_second * burst_seconds)
        self._level = self._capacity
        self._clock = clock
        self._filled_at = clock.monotonic()
        self._turn = anyio.Lock()

    async def reserve(self, tokens: int) -> None:
        """Take `tokens` out, waiting in line until they are there."""
        async with self._turn:
            while (missing := min(tokens, self._capacity) - self._refill()) > 1e-9:
                await self._clock.sleep(missing / self._per_second)
            self._level -= tokens

    def settle(self, reserved: int, used: int) -> None:
        """Put back what was reserved and not used, or take out what was used beyond."""
        self._refill()
        self._level = min(self._capacity, self._level + reserved - used)

    def _refill(self) -> float:
        now = self._clock.monotonic()
        self._level = min(self._capacity, self._level + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        return self._level


class Gate:
    """A time before which no request of the lane may leave; it only ever moves later."""

    def __init__(self, clock: Clock) -> None:
        """Begin open."""
        self._clock = clock
        self._not_before = clock.monotonic()
        self._next_seconds = FIRST_PAUSE_SECONDS

    def close_for(self, seconds: float) -> None:
        """Keep shut for `seconds` from now, unless it is shut for longer already."""
        self._not_before = max(self._not_before, self._clock.monotonic() + seconds)

    def refused(self, retry_after_seconds: float | None) -> None:
        """The account is over its limit: keep shut as long as it says, or for a second that doubles each time.

        Refusals that were under way when the gate closed say nothing new, and do not double it.
        """
        if retry_after_seconds is not None:
            self.close_for(retry_after_seconds)
        elif self._clock.monotonic() >= self._not_before:
            self.close_for(self._next_seconds)
            self._next_seconds = min(LONGEST_PAUSE_SECONDS, 2 * self._next_seconds)

    def admitted(self) -> None:
        """A request went through: the next refusal starts from a second again."""
        self._next_seconds = FIRST_PAUSE_SECONDS

    async def passed(self) -> None:
        """Return once the gate is open."""
        while (wait := self._not_before - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)


class LaneLimits:
    """Everything that paces one lane."""

    def __init__(self, limits: Limits, accounting: Accounting, clock: Clock) -> None:
        """Unknown limits do not pace; the gate always does."""
        burst = limits.burst_seconds
        self._accounting = accounting
        self.gate = Gate(clock)
        self._requests = _request_limiter(limits)
        self._input = _bucket(limits.input_tokens_per_minute, burst, clock)
        self._output = _bucket(limits.output_tokens_per_minute, burst, clock)

    async def acquire(self, input_tokens: int, max_tokens: int) -> tuple[int, int]:
        """Wait until one request of this size may leave; returns the reserved input and output tokens.

        OpenAI-style accounting reserves max_tokens of output; Anthropic-style counts only what is generated, so
        the output bucket is only required not to be in debt (protocol section 5.2).
        """
        await self.gate.passed()
        if self._requests is not None:
            await self._requests.acquire()
        output_tokens = max_tokens if self._accounting == "openai" else 1
        if self._input is not None:
            await self._input.reserve(input_tokens)
        if self._output is not None:
            await self._output.reserve(output_tokens)
        await self.gate.passed()
        return input_tokens, output_tokens

    def settle(self, reserved: tuple[int, int], used_input: int | None, used_output: int | None) -> None:
        """Correct the buckets by what the provider reports; what is unknown stays as reserved."""
        if self._input is not None and used_input is not None:
            self._input.settle(reserved[0], used_input)
        if self._output is not None and used_output is not None:
            self._output.settle(reserved[1], used_output)


def _bucket(per_minute: float | None, burst_seconds: float, clock: Clock) -> TokenBudget | None:
    return None if per_minute is None else TokenBudget(per_minute, burst_seconds, clock)


def _request_limiter(limits: Limits) -> AsyncLimiter | None:
    """A bucket of `burst_seconds` worth of requests."""
    if limits.requests_per_minute is None:
        return None
    burst = max(1.0, limits.requests_per_minute * limits.burst_seconds / 60)
    return AsyncLimiter(burst, burst * 60 / limits.requests_per_minute)
