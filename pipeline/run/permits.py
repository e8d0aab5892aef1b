"""Permits: rate and budget acquired before a request leaves and settled after, through one interface.

A cluster's workers implement the same interface with leases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from pipeline.core.records import Usage
from pipeline.core.settings import Price
from pipeline.cost.budget import Budget, upper_bound_usd
from pipeline.run.limits import LaneLimits

PriceOf = Callable[[int | None], Price | None]
"""The price of a request with so many input tokens, as of the run's date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one request may take, at most (money) and probably (tokens)."""

    request_bytes: int
    images: int
    tools: bool
    input_tokens: int
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What was reserved for one request."""

    tokens: tuple[int, int]
    bound_usd: Decimal | None


class Permits(Protocol):
    """Where a lane asks before it sends."""

    async def acquire(self, need: Need) -> Permit | None:
        """Wait for a permit; None when the budget cannot take this request any more."""
        ...

    def settle(self, permit: Permit, *, usage: Usage | None, cost_usd: Decimal | None, possibly_paid: bool) -> None:
        """Return a permit with what really happened."""
        ...

    def pause(self, seconds: float) -> None:
        """The provider asks the whole lane to wait."""
        ...


class LocalPermits:
    """Permits within this process: a lane's limits and the run's budget."""

    def __init__(self, limits: LaneLimits, budget: Budget, price_of: PriceOf) -> None:
        """`price_of` gives the lane's price by input tokens; without a price a budget is refused before the run."""
        self._limits = limits
        self._budget = budget
        self._price_of = price_of

    async def acquire(self, need: Need) -> Permit | None:
        """Reserve money first (it may say no), then wait for the lane's turn."""
        price = self._price_of(max(need.request_bytes, need.input_tokens))
        bound = upper_bound_usd(need.request_bytes, need.images, need.tools, need.max_tokens, price)
        if bound is not None and not await self._budget.reserve(bound):
            return None
        try:
            tokens = await self._limits.acquire(need.input_tokens, need.max_tokens)
        except BaseException:
            if bound is not None:
                self._budget.settle(bound, Decimal(0))
            raise
        return Permit(tokens=tokens, bound_usd=bound)

    def settle(self, permit: Permit, *, usage: Usage | None, cost_usd: Decimal | None, possibly_paid: bool) -> None:
        """Correct buckets and budget; an attempt that was possibly paid stays booked at its bound."""
        if permit.bound_usd is not None:
            unpaid = Decimal(0) if not possibly_paid else None
            self._budget.settle(permit.bound_usd, cost_usd if cost_usd is not None else unpaid)
        if usage is None:
            return
        self._limits.settle(permit.tokens, _counted_input(usage), usage.output_tokens)

    def pause(self, seconds: float) -> None:
        """Close the lane's gate."""
        self._limits.gate.close_for(seconds)


def _counted_input(usage: Usage) -> int | None:
    """Input that counts against the limit: fresh and written to a cache, not read from it (protocol 5.2)."""
    if usage.input_tokens is None:
        return None
    return usage.input_tokens + (usage.cache_write_5m_tokens or 0) + (usage.cache_write_1h_tokens or 0)


def max_output_tokens(params: Mapping[str, object]) -> int:
    """`max_tokens` of a request's parameters."""
    value = params.get("max_tokens")
    return value if isinstance(value, int) else 0
