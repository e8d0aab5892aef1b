"""Permits: rate and budget acquired before a request leaves and settled after, through one interface.

A cluster's workers implement the same interface with leases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_UP, Decimal
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
    """Of the body without the data of images, which have an allowance of their own, and with what the pages of
    documents are allowed: the most input tokens."""
    images: int
    tools: bool
    input_tokens: int
    max_tokens: int | None
    """The most that is generated; None when nothing bounds it."""
    unbounded: bool = False
    """A document is in it whose tokens nothing bounds: its pages cannot be counted, nor is the model's window known."""


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

    def shortage(self, need: Need) -> str:
        """In words: why the budget cannot take a request, and what would let it through."""
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

    def shortage(self, need: Need) -> str:
        """What is spent, what is left, the bound of the request, and the least budget that it fits into."""
        bound, spent = self.bound_usd(need), self._budget.spent_usd
        if bound is None:
            return (
                f"{_why_unbounded(need)}, so no budget can be sure to hold, however large. Run without budget_usd and "
                "--budget, or change the request"
            )
        cap = _ZERO if self._cap_usd is None else self._cap_usd
        # With others in flight their bounds would count too, but a run stops only when there are none.
        least = _rounded_up(spent + bound)
        return (
            f"it may cost up to ${bound:f}, and of ${cap} are ${spent:f} spent and ${cap - spent:f} left. "
            f"--budget {least} (or budget_usd = {least}) lets it through; what follows may take more. "
            "Everything answered is kept, and the same command with more budget continues"
        )


def _rounded_up(usd: Decimal) -> Decimal:
    """To cents, or to a hundredth of one below a dollar."""
    return usd.quantize(Decimal("0.01") if usd >= 1 else Decimal("0.0001"), rounding=ROUND_UP)


def _why_unbounded(need: Need) -> str:
    if need.unbounded:
        return (
            "what it may cost cannot be bounded: the pages of a document in it cannot be counted, and how much the "
            "model reads at most is not known"
        )
    if need.max_tokens is None:
        return "what it may cost cannot be bounded: its parameters name no max_tokens"
    return "what it may cost cannot be bounded: there is no price for input and output"


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
