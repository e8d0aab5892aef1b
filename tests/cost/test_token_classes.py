"""Money by class of tokens adds up to what the answers cost, and providers' own figures stand beside it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.records import Usage
from pipeline.core.settings import Price
from pipeline.cost.charges import cost_usd
from pipeline.cost.reported import reported_costs
from pipeline.cost.token_classes import COLUMNS, Split, TokenClasses
from pipeline.store.schema import RESULTS_SCHEMA

CELL = ("m", "p", "{}")


def price(**rates: Any) -> Price:
    above = rates.pop("above_input_tokens", None)
    amounts = {name: Decimal(rate) for name, rate in rates.items()}
    return Price(provider="lab", model="m", effective=date(2026, 1, 1), source="s", above_input_tokens=above, **amounts)


BASE = price(input="3", output="15", cache_read="0.3", cache_write_5m="3.75", cache_write_1h="6")
LARGE = price(input="6", output="22.5", cache_read="0.6", cache_write_5m="7.5", above_input_tokens=1000)
FINE = Price(
    provider="lab", model="fine", effective=date(2026, 1, 1), source="s", input=Decimal("0.0000001234567"),
    output=Decimal("1.00000005"),
)  # fmt: skip
PRICES = {one.price_id: one for one in (BASE, LARGE, FINE)}


def answer(of: Price = BASE, earlier: tuple[str, ...] = (), **columns: Any) -> dict[str, Any]:
    """One stored answer; what it cost is what a run would have booked, with earlier attempts that were paid."""
    tokens = {name: columns.pop(name, None) for name in COLUMNS if name.endswith("_tokens")}
    cost = cost_usd(Usage(**tokens), of)
    paid = [Decimal(usd) for usd in earlier]
    return {
        "model": "m", "prompt": "p", "params": "{}", "status": "ok", "source": "called", "price_id": of.price_id,
        "cost_usd": None if cost is None else cost + sum(paid), "usage_raw": "{}",
        "attempts": [{"cost_usd": usd} for usd in (*paid, cost)], **tokens, **columns,
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema([RESULTS_SCHEMA.field(name) for name in COLUMNS]))


def split(rows: list[dict[str, Any]], prices: dict[str, Price] = PRICES, parts: int = 1) -> Split:
    spent = TokenClasses(prices)
    for part in range(parts):
        spent.add(table(rows[part::parts]))
    return spent.split(CELL)


def spent(found: Split) -> Decimal:
    return sum((usd or Decimal(0) for name, usd in found.classes.items() if name != "thinking"), Decimal(0))


counts = st.integers(0, 3_000_000)
some = st.none() | counts
answers = st.fixed_dictionaries({
    "of": st.sampled_from([BASE, LARGE, FINE]), "input_tokens": counts, "output_tokens": counts,
    "cache_read_tokens": some, "cache_write_5m_tokens": some, "cache_write_1h_tokens": some, "thinking_tokens": counts,
    "earlier": st.sampled_from([(), ("0.01",), ("0.01", "0.000000000001")]),
})  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(answers, max_size=8), st.integers(1, 3))
def test_classes_are_the_cost_of_the_answers_without_earlier_attempts(rows: list[dict[str, Any]], parts: int) -> None:
    jobs = [answer(**row) for row in rows]
    own = [cost_usd(Usage(**{name: job[name] for name in job if name.endswith("_tokens")}), row["of"])
           for job, row in zip(jobs, rows, strict=True)]  # fmt: skip
    known = sum((usd for usd in own if usd is not None), Decimal(0))
    assert abs(spent(split(jobs, parts=parts)) - known) <= Decimal("1e-12") * len(jobs)


def test_each_class_costs_its_tokens_times_its_rate_and_thinking_is_part_of_the_output() -> None:
    row = {
        "input_tokens": 1000, "cache_read_tokens": 20_000, "cache_write_5m_tokens": 400, "cache_write_1h_tokens": 100,
        "output_tokens": 500, "thinking_tokens": 200,
    }  # fmt: skip
    found = split([answer(**row), answer(**row)])
    assert found.classes == {
        "input": Decimal("0.006"), "cache_read": Decimal("0.012"), "cache_write": Decimal("0.0042"),
        "output": Decimal("0.015"), "thinking": Decimal("0.006"),
    }  # fmt: skip
    assert found.cache_saved_usd == 2 * (Decimal("0.0615") - Decimal("0.0081"))


def test_a_cache_that_is_written_and_never_read_costs_more_than_it_saves() -> None:
    found = split([answer(input_tokens=10, output_tokens=1, cache_write_1h_tokens=1000, cache_read_tokens=0)])
    assert found.cache_saved_usd == Decimal("-0.003")


def test_tiers_have_their_own_rates() -> None:
    found = split([answer(input_tokens=1000, output_tokens=0), answer(LARGE, input_tokens=2000, output_tokens=0)])
    assert found.classes["input"] == Decimal("0.015")


def test_classes_that_were_not_reported_are_unknown_and_not_zero() -> None:
    found = split([answer(input_tokens=1000, output_tokens=2)])
    assert found.classes["cache_read"] is None
    assert found.classes["thinking"] is None
    assert found.cache_saved_usd is None
    assert split([answer(input_tokens=1, output_tokens=2, cache_read_tokens=0)]).classes["cache_read"] == 0


def test_reused_recorded_and_failed_jobs_have_no_part() -> None:
    row = {"input_tokens": 1000, "output_tokens": 2}
    jobs = [
        answer(source="reused", **row),
        answer(status="error", **row),
        answer(price_id=None, **row) | {"cost_usd": None, "attempts": []},
    ]
    assert spent(split(jobs)) == 0


def test_a_price_that_does_not_explain_what_was_paid_splits_nothing() -> None:
    other = Price(**{**{name: getattr(BASE, name) for name in ("provider", "model", "effective", "source")},
                     "input": Decimal(1), "output": Decimal(1)})  # fmt: skip
    row = answer(input_tokens=1000, output_tokens=10)
    assert spent(split([row], {other.price_id: other})) == 0
    assert spent(split([row], {})) == 0


def reported(*texts: str | None) -> list[dict[str, Any]]:
    return [answer(input_tokens=1000, output_tokens=100, usage_raw=text) for text in texts]


def test_what_a_provider_says_an_answer_cost_stands_beside_what_the_table_says() -> None:
    found = split(reported('{"cost": 0.005}', '{"input_tokens": 1, "cost": "0.0041"}', '{"input_tokens": 1}', None))
    told = found.reported["usd"]
    assert (told.jobs, told.amount, told.computed_usd) == (2, Decimal("0.0091"), Decimal("0.009"))


def test_credits_are_not_dollars() -> None:
    found = split(reported('{"credits_cost": 12.5}', '{"credits_cost": 0.5, "cost": 0.004}'))
    assert (found.reported["credits"].jobs, found.reported["credits"].amount) == (2, Decimal(13))
    assert (found.reported["usd"].jobs, found.reported["usd"].amount) == (1, Decimal("0.004"))


def test_a_reported_cost_of_an_answer_without_a_price_is_kept_apart() -> None:
    row = answer(input_tokens=1, output_tokens=1, usage_raw='{"cost": 0.25}')
    found = split([row | {"cost_usd": None, "price_id": None, "attempts": [{"cost_usd": None}]}])
    told = found.reported["usd"]
    assert (told.jobs, told.only_jobs, told.only_amount) == (0, 1, Decimal("0.25"))


def test_earlier_attempts_are_no_part_of_what_is_compared_with_a_reported_cost() -> None:
    row = answer(input_tokens=1000, output_tokens=100, earlier=("0.7",), usage_raw='{"cost": 0.0045}')
    assert split([row]).reported["usd"].computed_usd == Decimal("0.0045")


def test_only_plausible_numbers_at_the_top_of_a_usage_object_are_costs() -> None:
    texts = [
        '{"cost": 1e-5}', '{"cost": "0.5"}', '{"details": {"cost": 3}}', '{"cost": {"usd": 1}}', '{"cost": -1}',
        '{"cost": true}', '{"cost": null}', '{"cost": "NaN"}', '{"cost": 1e30}', '{"cost": 0.1', "[1]", "", None,
        '{"a": "\\"cost\\": 7"}', json.dumps({"cost": 0.1234567890123}),
    ]  # fmt: skip
    found = reported_costs(pa.array(texts, pa.large_string()))["usd"].to_pylist()
    right = {0: Decimal("0.00001"), 1: Decimal("0.5"), 14: Decimal("0.123456789012")}
    assert found == [right.get(place) for place in range(len(texts))]


def test_usage_without_a_cost_is_not_parsed() -> None:
    assert reported_costs(pa.array(['{"input_tokens": 3}', None, "{"], pa.large_string())) == {}
    assert reported_costs(pa.array([], pa.large_string())) == {}
