"""Whole columns are priced as single answers are, digit for digit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.records import Usage
from pipeline.core.settings import Price
from pipeline.cost.charges import cost_usd
from pipeline.cost.prices import find_price
from pipeline.cost.reprice import COLUMNS, PriceList, answer_costs

DAY = date(2026, 5, 1)
TOKENS = [name for name in COLUMNS if name.endswith("_tokens")]
INPUTS = [name for name in TOKENS if name != "output_tokens"]


def price(model: str = "m", **rates: Any) -> Price:
    day = rates.pop("effective", date(2026, 1, 1))
    bound = rates.pop("above_input_tokens", None)
    amounts = {name: Decimal(rate) for name, rate in rates.items()}
    return Price(provider="lab", model=model, effective=day, source="s", above_input_tokens=bound, **amounts)


PRICES = [
    price(input="3", output="15", cache_read="0.3", cache_write_5m="3.75", cache_write_1h="6"),
    price(input="6", output="22.5", cache_read="0.6", above_input_tokens=1000),
    price("fine", input="0.0000001234567", output="1.00000005"),
    price("finer", input="1e-25", output="3"),
    price("half", input="1"),
    price("later", input="1", output="1", effective=date(2026, 6, 1)),
]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    defaults = {"provider": "lab", "model_requested": "m", "lane": "sync", **dict.fromkeys(TOKENS)}
    filled = [{**defaults, **row} for row in rows]
    return pa.table({
        name: pa.array([row[name] for row in filled], pa.int64() if name in TOKENS else pa.string()) for name in COLUMNS
    })  # fmt: skip


def costs(rows: list[dict[str, Any]], on: date = DAY) -> list[Decimal | None]:
    found: list[Decimal | None] = answer_costs(table(rows), PriceList({"lab": PRICES}, on)).to_pylist()
    return found


counts = st.none() | st.integers(0, 3) | st.integers(0, 3_000_000)
models = st.sampled_from(["m", "m-thinking", "fine", "finer", "half", "later", "nobody's"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.fixed_dictionaries({"model_requested": models, **dict.fromkeys(TOKENS, counts)}), max_size=12))
def test_every_answer_costs_what_it_costs_alone(rows: list[dict[str, Any]]) -> None:
    for row, found in zip(rows, costs(rows), strict=True):
        size = None if row["input_tokens"] is None else sum(row[name] or 0 for name in INPUTS)
        tier = find_price(PRICES, "lab", row["model_requested"], DAY, size)
        assert found == cost_usd(Usage(**{name: row[name] for name in TOKENS}), tier)


def test_a_tier_begins_above_its_bound_and_counts_cached_input() -> None:
    at, above = (
        {"input_tokens": 1000, "output_tokens": 0},
        {"input_tokens": 1, "cache_read_tokens": 1000, "output_tokens": 0},
    )
    assert costs([at, above]) == [Decimal("0.003"), Decimal("0.000606")]


def test_a_price_holds_from_its_day_on() -> None:
    row = {"model_requested": "later", "input_tokens": 10, "output_tokens": 0}
    assert costs([row]) == [None]
    assert costs([row], date(2026, 6, 1)) == [Decimal("0.00001")]


def test_batches_and_providers_without_a_table_have_no_price() -> None:
    row = {"input_tokens": 10, "output_tokens": 10}
    assert costs([{**row, "lane": "batch"}, {**row, "provider": "elsewhere"}]) == [None, None]
    assert costs([]) == []
