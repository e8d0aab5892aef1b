"""Permits: rate and budget acquired before a request leaves and settled after, through one interface.

A cluster's workers implement the same interface with leases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from pipeline.core.records import Failure, Response, Usage
from pipeline.core.settings import Price
from pipeline.cost.budget import IMAGE_TOKENS, TOOL_TOKENS, Budget, upper_bound_usd
from pipeline.providers.limit_headers import ToldLimit
from pipeline.run.limits import LaneLimits, Reservation

_ZERO = Decimal(0)

PriceOf = Callable[[int | None], Price | None]
"""The price of a request with so many input tokens, as of the run's date."""


class Need(NamedTuple):
    """What one request may take, at most (money) and probably (tokens)."""

    request_bytes: int
    """Of the body without the data of images, which have an allowance of their own."""
    images: int
    tools: bool
    input_tokens: int
    max_tokens: int | None
    """The most that is generated; None when nothing bounds it."""
    unbounded: bool = False
    """A document is in it whose tokens nothing here bounds: a PDF, or one that the provider fetches."""


class Permit(NamedTuple):
    """What was reserved for one request."""

    reserved: Reservation
    bound_usd: Decimal | None


class Permits(Protocol):
    """Where a lane asks before it sends. Each permit ends in `settle` or `withdraw`, once."""

    def bound_usd(self, need: Need) -> Decimal | None:
        """The most that one request can cost; None when nothing bounds it."""
        ...

    async def acquire(self, need: Need) -> Permit | None:
        """Wait for a permit; None when the budget cannot take this request any more."""
        ...

    def settle(
        self, permit: Permit, outcome: Response | Failure, *, cost_usd: Decimal | None, told: Sequence[ToldLimit]
    ) -> None:
        """Return a permit with what really happened, and what the provider told of its limits."""
        ...

    def withdraw(self, permit: Permit) -> None:
        """Return a permit whose request did not leave."""
        ...

    def describe(self, need: Need) -> str:
        """In words: what is spent and what the next request may cost."""
        ...


class LocalPermits:
    """Permits within this process: an account's limits and the run's budget."""

    def __init__(self, limits: LaneLimits, budget: Budget, price_of: PriceOf, cap_usd: Decimal | None) -> None:
        """`price_of` gives the lane's price by input tokens; `cap_usd` is the run's budget, for messages."""
        self._limits = limits
        self._budget = budget
        self._price_of = price_of
        self._cap_usd = cap_usd

    def bound_usd(self, need: Need) -> Decimal | None:
        """Bound by the price of the dearest tier that the request can reach."""
        if need.unbounded:
            return None
        most_input = need.request_bytes + IMAGE_TOKENS * need.images + TOOL_TOKENS * need.tools
        price = self._price_of(max(most_input, need.input_tokens))
        return upper_bound_usd(need.request_bytes, need.images, need.tools, need.max_tokens, price)

    async def acquire(self, need: Need) -> Permit | None:
        """Reserve money first (it may say no), then wait for the account's turn.

        A request that nothing bounds is let through only where there is no budget.
        """
        await self._limits.opened()  # no money is set aside for a lane that waits
        bound = self.bound_usd(need)
        if bound is None and self._cap_usd is not None:
            return None
        if bound is not None and not await self._budget.reserve(bound):
            return None
        try:
            reserved = await self._limits.acquire(need.input_tokens, need.max_tokens or 0)
        except BaseException:
            if bound is not None:
                self._budget.settle(bound, _ZERO)
            raise
        return Permit(reserved, bound)

    def settle(
        self, permit: Permit, outcome: Response | Failure, *, cost_usd: Decimal | None, told: Sequence[ToldLimit]
    ) -> None:
        """Correct limits and budget; an attempt that was possibly paid stays booked at its bound."""
        if permit.bound_usd is not None:
            self._budget.settle(permit.bound_usd, booked_usd(outcome, cost_usd, None))
        limits = self._limits
        if told:
            limits.told(told)
        usage = outcome.usage
        if usage is not None:
            limits.used(permit.reserved, _counted_input(usage), usage.output_tokens)
        if isinstance(outcome, Response):
            limits.answered()
        elif outcome.kind == "rate":
            limits.refused(permit.reserved, outcome.retry_after_seconds)
        else:
            limits.faulted()
        limits.left()

    def withdraw(self, permit: Permit) -> None:
        """Give back what was reserved."""
        if permit.bound_usd is not None:
            self._budget.settle(permit.bound_usd, _ZERO)
        self._limits.withdrawn(permit.reserved)

    def describe(self, need: Need) -> str:
        """Spent, reserved, and the bound of the next request."""
        bound = self.bound_usd(need)
        next_one = "cannot be bounded" if bound is None else f"may cost up to ${bound:f}"
        reserved = self._budget.reserved_usd
        in_flight = f" (${reserved:f} more is reserved)" if reserved else ""
        return f"spent ${self._budget.spent_usd:f} of ${self._cap_usd}{in_flight}; the next request {next_one}"


def booked_usd(outcome: Response | Failure, cost_usd: Decimal | None, bound_usd: Decimal | None) -> Decimal | None:
    """What an attempt is booked at: its cost where that is final, its bound where it may have cost more, else nothing.

    What a broken stream had counted by then is not all that it cost.
    """
    if isinstance(outcome, Failure) and outcome.possibly_paid:
        return bound_usd
    if cost_usd is not None:
        return cost_usd
    return bound_usd if isinstance(outcome, Response) else _ZERO


def _counted_input(usage: Usage) -> int | None:
    """Input that counts against the limit: fresh and written to a cache, not read from it (protocol 5.2)."""
    if usage.input_tokens is None:
        return None
    return usage.input_tokens + (usage.cache_write_5m_tokens or 0) + (usage.cache_write_1h_tokens or 0)


def max_output_tokens(params: Mapping[str, object]) -> int | None:
    """The most tokens that a request's parameters let it generate; None when nothing bounds them."""
    given = [params[name] for name in ("max_tokens", "max_completion_tokens") if name in params]
    limits = [value for value in given if isinstance(value, int) and not isinstance(value, bool) and value >= 0]
    choices = params.get("n", 1)
    if not limits or len(limits) != len(given) or not isinstance(choices, int) or choices < 1:
        return None
    return max(limits) * choices
