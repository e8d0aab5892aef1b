"""What one answer cost: tokens of every class times its price, exactly."""

from __future__ import annotations

from decimal import Decimal

from pipeline.core.records import Usage
from pipeline.core.settings import Price

_PLACES = -12
_QUANTUM = Decimal("1e-12")
_ZERO = Decimal(0)


def cost_usd(usage: Usage, price: Price | None) -> Decimal | None:
    """Price `usage` in USD; None where a part of it is unknown.

    Unknown is: no price, no input or output count, or a class with tokens and without a price. A class that the
    provider did not report costs nothing. Rounded to 12 places, which only prices finer than USD 0.000001 need.
    """
    classes = class_costs(usage, price)
    if classes is None:
        return None
    cost = sum(classes.values(), _ZERO)
    exponent = cost.as_tuple().exponent
    return cost.quantize(_QUANTUM) if isinstance(exponent, int) and exponent < _PLACES else cost


def class_costs(usage: Usage, price: Price | None) -> dict[str, Decimal] | None:
    """What each class of `usage` with tokens cost, not rounded; None where the cost of the whole is unknown.

    The names are those of `Price`: `input`, `output`, `cache_read`, `cache_write_5m`, `cache_write_1h`.
    """
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    costs = {}
    for name, tokens, rate in (
        ("input", usage.input_tokens, price.input),
        ("output", usage.output_tokens, price.output),
        ("cache_read", usage.cache_read_tokens, price.cache_read),
        ("cache_write_5m", usage.cache_write_5m_tokens, price.cache_write_5m),
        ("cache_write_1h", usage.cache_write_1h_tokens, price.cache_write_1h),
    ):
        if not tokens:
            continue
        if rate is None:
            return None
        costs[name] = (tokens * rate).scaleb(-6)
    return costs
