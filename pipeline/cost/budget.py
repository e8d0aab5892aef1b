"""Keeps a run under its cap: an upper bound is reserved before a request leaves and settled when it is answered."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import anyio

from pipeline.core.settings import Price

IMAGE_TOKENS = 5_000
"""Allowance for one image, above the most that any Claude model counts for one (4,784)."""
PDF_PAGE_TOKENS = IMAGE_TOKENS + 3_000
"""Allowance for one page of a PDF beside its bytes: its picture, and the most text of a page (protocol section 12)."""
TOOL_TOKENS = 600
"""Allowance for the hidden prompt that comes with tools (at most 588, protocol section 7)."""

_ZERO = Decimal(0)


def upper_bound_usd(
    request_bytes: int, images: int, tools: bool, max_tokens: int | None, price: Price | None
) -> Decimal | None:
    """Bound what a request can cost; None where nothing bounds it: no price, or no max_tokens.

    Every byte counts as a token, at the dearest rate that input can have, cache writes included. The bytes may leave
    out the data of images, which have an allowance of their own, and hold what the pages of documents are allowed.
    Of a tiered price, pass the tier of `request_bytes`.
    """
    if price is None or max_tokens is None or price.input is None or price.output is None:
        return None
    input_rates = (price.input, price.cache_read, price.cache_write_5m, price.cache_write_1h)
    dearest = max(rate for rate in input_rates if rate is not None)
    input_tokens = request_bytes + IMAGE_TOKENS * images + (TOOL_TOKENS if tools else 0)
    return (input_tokens * dearest + max_tokens * price.output).scaleb(-6)


class _Waiter:
    __slots__ = ("amount", "decided", "granted")

    def __init__(self, amount: Decimal) -> None:
        self.amount = amount
        self.decided = anyio.Event()
        self.granted = False


class Budget:
    """First come, first served reservations under a cap; without a cap it only counts."""

    def __init__(self, cap_usd: Decimal | None) -> None:
        """Start with nothing spent."""
        self._cap = cap_usd
        self._spent = _ZERO
        self._reserved = _ZERO
        self._in_flight = 0
        self._waiters: deque[_Waiter] = deque()

    @property
    def spent_usd(self) -> Decimal:
        """What is paid, or booked as possibly paid."""
        return self._spent

    @property
    def reserved_usd(self) -> Decimal:
        """The bounds of the requests in flight."""
        return self._reserved

    async def reserve(self, amount: Decimal) -> bool:
        """Reserve `amount`, waiting behind earlier callers while it does not fit and something is in flight.

        False: nothing is in flight and it does not fit, so waiting would not help and the run must stop.
        Every True is to be settled once.
        """
        if not self._waiters:
            if self._fits(amount):
                self._grant(amount)
                return True
            if self._in_flight == 0:
                return False
        waiter = _Waiter(amount)
        self._waiters.append(waiter)
        try:
            await waiter.decided.wait()
        except BaseException:
            self._leave(waiter)
            raise
        return waiter.granted

    def settle(self, reserved: Decimal, actual: Decimal | None) -> None:
        """Replace a reservation by what was paid; None, which is "possibly paid", stays booked at its bound."""
        self._in_flight -= 1
        self._reserved -= reserved
        self._spent += reserved if actual is None else actual
        self._decide()

    def add_spent(self, amount: Decimal) -> None:
        """Count what this run spent before it was interrupted."""
        self._spent += amount
        self._decide()

    def _fits(self, amount: Decimal) -> bool:
        return self._cap is None or self._spent + self._reserved + amount <= self._cap

    def _grant(self, amount: Decimal) -> None:
        self._in_flight += 1
        self._reserved += amount

    def _decide(self) -> None:
        while self._waiters and self._fits(self._waiters[0].amount):
            waiter = self._waiters.popleft()
            self._grant(waiter.amount)
            waiter.granted = True
            waiter.decided.set()
        if self._in_flight > 0:
            return
        # The first in line does not fit and never will: those behind it must not overtake, so all are refused.
        while self._waiters:
            self._waiters.popleft().decided.set()

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.granted:
            self.settle(waiter.amount, _ZERO)
        elif waiter in self._waiters:
            self._waiters.remove(waiter)
            self._decide()
