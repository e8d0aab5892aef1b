from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.records import Usage
from pipeline.core.settings import Price
from pipeline.cost.charges import cost_usd

PRICE = Price(
    provider="p",
    model="m",
    effective=date(2026, 1, 1),
    source="s",
    input=Decimal("3.00"),
    output=Decimal("15.00"),
    cache_read=Decimal("0.30"),
    cache_write_5m=Decimal("3.75"),
    cache_write_1h=Decimal("6.00"),
)
TOKENS = st.integers(0, 10**9)
RATES = st.decimals(min_value=0, max_value=1000, places=4)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(input_tokens=12, output_tokens=18), "0.000306"),
        (Usage(input_tokens=25, output_tokens=200), "0.003075"),
        (Usage(input_tokens=0, output_tokens=0), "0"),
        (Usage(input_tokens=1_000_000, output_tokens=1_000_000), "18"),
        (Usage(input_tokens=10, output_tokens=10, cache_read_tokens=1000), "0.00048"),
        (Usage(input_tokens=10, output_tokens=10, cache_write_5m_tokens=100, cache_write_1h_tokens=100), "0.001155"),
        (Usage(input_tokens=10, output_tokens=10, thinking_tokens=9), "0.00018"),
    ],
)
def test_every_token_class_costs_its_own_price(usage: Usage, cost: str) -> None:
    assert cost_usd(usage, PRICE) == Decimal(cost)


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, RATES, RATES, RATES, RATES, RATES)
def test_a_cost_is_exact(
    a: int, b: int, c: int, d: int, e: int, ra: Decimal, rb: Decimal, rc: Decimal, rd: Decimal, re: Decimal
) -> None:
    usage = Usage(
        input_tokens=a, output_tokens=b, cache_read_tokens=c, cache_write_5m_tokens=d, cache_write_1h_tokens=e
    )
    price = replace(PRICE, input=ra, output=rb, cache_read=rc, cache_write_5m=rd, cache_write_1h=re)
    pairs = zip((a, b, c, d, e), (ra, rb, rc, rd, re), strict=True)
    exact = sum((tokens * Fraction(rate) for tokens, rate in pairs), Fraction(0)) / 10**6

    cost = cost_usd(usage, price)
    assert cost is not None
    assert Fraction(cost) == exact


@pytest.mark.parametrize(
    ("usage", "price"),
    [
        (Usage(input_tokens=1, output_tokens=1), None),
        (Usage(output_tokens=1), PRICE),
        (Usage(input_tokens=1), PRICE),
        (Usage(), PRICE),
        (Usage(input_tokens=1, output_tokens=1), replace(PRICE, output=None)),
        (Usage(input_tokens=1, output_tokens=0), replace(PRICE, input=None)),
        (Usage(input_tokens=1, output_tokens=1, cache_read_tokens=1), replace(PRICE, cache_read=None)),
        (Usage(input_tokens=1, output_tokens=1, cache_write_1h_tokens=1), replace(PRICE, cache_write_1h=None)),
    ],
)
def test_what_is_unknown_makes_the_cost_unknown_never_zero(usage: Usage, price: Price | None) -> None:
    assert cost_usd(usage, price) is None


def test_a_class_without_tokens_needs_no_price() -> None:
    price = replace(PRICE, cache_read=None, cache_write_5m=None, cache_write_1h=None)

    assert cost_usd(Usage(input_tokens=1, output_tokens=1, cache_read_tokens=0), price) == Decimal("0.000018")


def test_a_cost_finer_than_the_table_column_is_rounded_to_twelve_places() -> None:
    price = replace(PRICE, input=Decimal("0.0000006"))
    cost = cost_usd(Usage(input_tokens=1, output_tokens=0), price)

    assert cost == Decimal("0.000000000001")
