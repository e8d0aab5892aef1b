"""What stored answers cost under a price table: tokens of every class times its price, for whole columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.records import Usage
from pipeline.core.settings import Price
from pipeline.cost.charges import cost_usd
from pipeline.cost.prices import find_price

MONEY = pa.decimal128(38, 12)
COLUMNS = (
    "provider", "model_requested", "lane", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens",
    "cache_write_1h_tokens", "output_tokens",
)  # fmt: skip
"""What pricing reads of the results."""
INPUT_RATES = {
    "input_tokens": "input",
    "cache_read_tokens": "cache_read",
    "cache_write_5m_tokens": "cache_write_5m",
    "cache_write_1h_tokens": "cache_write_1h",
}
"""Columns of tokens that were sent, each with the rate of a price that holds for it."""
_CLASSES = {**INPUT_RATES, "output_tokens": "output"}
_TOKENS = pa.decimal256(20, 0)
_RATE = pa.decimal256(40, 30)
"""Dollars for one token; with up to 24 decimal places of a price for a million, exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A price, and the size of input from which on it holds."""

    above_input_tokens: int
    """-1 for the lowest."""
    price: Price | None


class PriceList:
    """The prices of all providers on one day."""

    def __init__(self, prices: Mapping[str, Sequence[Price]], on: date) -> None:
        """`prices` are by provider."""
        self._prices = prices
        self._on = on
        self._tiers: dict[tuple[str, str], list[Tier]] = {}

    def tiers(self, provider: str, model: str) -> list[Tier]:
        """The tiers of a model, the lowest first."""
        key = (provider, model)
        if key not in self._tiers:
            prices = self._prices.get(provider, ())
            bounds = {price.above_input_tokens for price in prices if model.startswith(price.model)} - {None}
            self._tiers[key] = [
                Tier(above_input_tokens=bound, price=find_price(prices, provider, model, self._on, bound + 1))
                for bound in (-1, *sorted(bound for bound in bounds if bound is not None))
            ]
        return self._tiers[key]


def answer_costs(results: pa.Table, prices: PriceList) -> pa.ChunkedArray:
    """Price each answer by its own tokens as `charges.cost_usd` does; null where that is unknown.

    Of `results` the `COLUMNS` are read. A batch's answers have no price here: the tables hold those of single requests.
    """
    costs = pa.chunked_array([pa.nulls(results.num_rows, MONEY)])
    size = reduce(pc.add, [pc.fill_null(results[name], 0) for name in INPUT_RATES])
    single = pc.fill_null(pc.not_equal(results["lane"], "batch"), True)
    pairs = results.select(["provider", "model_requested"]).group_by(["provider", "model_requested"]).aggregate([])
    for pair in pairs.to_pylist():
        is_pair = reduce(pc.and_, [single, *(pc.equal(results[name], value) for name, value in pair.items())])
        for tier in prices.tiers(pair["provider"], pair["model_requested"]):
            if tier.price is not None:
                inside = pc.and_(is_pair, pc.greater(size, tier.above_input_tokens))
                costs = pc.if_else(pc.fill_null(inside, False), _charges(results, tier.price), costs)
    return costs


def _charges(results: pa.Table, price: Price) -> pa.ChunkedArray:
    try:
        rates = {name: _rate(getattr(price, kind)) for name, kind in _CLASSES.items()}
    except pa.ArrowInvalid:  # a price with more decimal places than the columns carry
        return _one_by_one(results, price)
    known = pc.and_(pc.is_valid(results["input_tokens"]), pc.is_valid(results["output_tokens"]))
    amounts = []
    for name, rate in rates.items():
        tokens = pc.fill_null(results[name], 0)
        if rate is None:
            known = pc.and_(known, pc.equal(tokens, 0))
        else:
            amounts.append(pc.multiply(tokens.cast(_TOKENS), rate))
    if not amounts:
        return pc.if_else(known, pa.scalar(Decimal(0), MONEY), pa.scalar(None, MONEY))
    exact = reduce(pc.add, amounts)
    return pc.if_else(known, pc.round(exact, ndigits=12, round_mode="half_to_even").cast(MONEY), pa.scalar(None, MONEY))


def _rate(per_million: Decimal | None) -> pa.Scalar | None:
    return None if per_million is None else pa.scalar(per_million.scaleb(-6), _RATE)


def _one_by_one(results: pa.Table, price: Price) -> pa.ChunkedArray:
    usages = results.select(list(_CLASSES)).to_pylist()
    return pa.chunked_array([pa.array([cost_usd(Usage(**usage), price) for usage in usages], MONEY)])
