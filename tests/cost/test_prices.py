from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipeline.core.settings import Price
from pipeline.cost.prices import find_price, load_prices

TODAY = date(2026, 11, 22)
BASE = Price(provider="lab", model="m", effective=date(2026, 1, 1), source="s", input=Decimal(1), output=Decimal(2))

SEED_MODELS = [
    ("apimart", "claude-haiku-4-5-20251001", "1", "5"),
    ("apimart", "claude-sonnet-4-5-20250929", "3", "15"),
    ("apimart", "claude-opus-4-1-20250805", "15", "75"),
    ("apimart", "claude-opus-4-1-20250805-thinking", "15", "75"),
    ("apimart", "claude-sonnet-4-5-20250929-thinking", "3", "15"),
    ("ofox", "anthropic/claude-opus-4.6", "5", "25"),
    ("ofox", "anthropic/claude-sonnet-4.5", "3", "15"),
    ("ofox", "anthropic/claude-haiku-4.5", "1", "5"),
]


@pytest.mark.parametrize(("provider", "model", "rate_in", "rate_out"), SEED_MODELS)
def test_every_model_of_both_documents_has_a_dated_price_that_says_what_it_is(
    provider: str, model: str, rate_in: str, rate_out: str
) -> None:
    price = find_price(load_prices(), provider, model, TODAY, None)

    assert price is not None
    assert (price.input, price.output) == (Decimal(rate_in), Decimal(rate_out))
    assert "Anthropic list price" in price.source
    assert None not in (price.cache_read, price.cache_write_5m, price.cache_write_1h)


@pytest.mark.parametrize(("model", "rates"), [("sim-small", "0.25 1.25"), ("sim-medium", "1 5"), ("sim-large", "3 15")])
def test_simulated_models_have_prices(model: str, rates: str) -> None:
    price = find_price(load_prices(), "simulator", model, TODAY, None)

    assert price is not None
    assert [price.input, price.output] == [Decimal(rate) for rate in rates.split()]
    assert price.cache_read is not None


def test_every_table_entry_is_whole() -> None:
    for price in load_prices():
        assert price.source
        assert price.provider
        assert price.input is not None
        assert price.output is not None
        assert price.output > price.input > 0
        assert price.cache_read is None or price.cache_read < price.input
        assert price.cache_write_5m is None or price.cache_write_5m > price.input
        assert price.effective <= TODAY


def test_no_entry_is_written_twice() -> None:
    ids = [price.price_id for price in load_prices()]

    assert len(set(ids)) == len(ids)


def test_anthropic_cache_prices_follow_the_documented_multipliers() -> None:
    cheap_reads = {"claude-opus-5-5": "0.05", "claude-sonnet-5-5": "0.05"} | {
        "claude-fable-5-1": "0.025",
        "claude-mythos-5-1": "0.025",
    }
    for price in load_prices():
        if price.provider not in ("anthropic", "apimart", "ofox", "simulator"):
            continue
        assert price.input is not None
        assert price.cache_write_5m == price.input * Decimal("1.25")
        assert price.cache_write_1h == price.input * 2
        assert price.cache_read == price.input * Decimal(cheap_reads.get(price.model, "0.1"))


def test_the_newest_price_in_force_wins() -> None:
    newer = replace(BASE, effective=date(2026, 6, 1), input=Decimal(3))
    later = replace(BASE, effective=date(2027, 1, 1), input=Decimal(9))

    for table in ([BASE, newer, later], [later, newer, BASE]):
        assert find_price(table, "lab", "m", date(2026, 5, 31), None) is BASE
        assert find_price(table, "lab", "m", date(2026, 6, 1), None) is newer
        assert find_price(table, "lab", "m", TODAY, None) is newer


def test_before_the_first_price_there_is_none() -> None:
    assert find_price([BASE], "lab", "m", date(2025, 12, 31), None) is None
    assert find_price(load_prices(), "apimart", "claude-sonnet-4-5-20250929", date(2025, 9, 28), None) is None


def test_an_unknown_model_or_provider_has_no_price() -> None:
    assert find_price([BASE], "lab", "n", TODAY, None) is None
    assert find_price([BASE], "other", "m", TODAY, None) is None


def test_a_tier_holds_above_its_bound_only() -> None:
    tier = replace(BASE, above_input_tokens=100, input=Decimal(5))
    for table in ([BASE, tier], [tier, BASE]):
        assert find_price(table, "lab", "m", TODAY, 100) is BASE
        assert find_price(table, "lab", "m", TODAY, 101) is tier
        assert find_price(table, "lab", "m", TODAY, None) is BASE


def test_a_newer_price_replaces_the_tiers_of_an_older_one() -> None:
    tier = replace(BASE, above_input_tokens=100, input=Decimal(5))
    newer = replace(BASE, effective=date(2026, 6, 1))

    assert find_price([BASE, tier, newer], "lab", "m", TODAY, 101) is newer


def test_haiku_5_5_costs_five_times_as_much_above_100k() -> None:
    low = find_price(load_prices(), "anthropic", "claude-haiku-5-5", TODAY, 100_000)
    high = find_price(load_prices(), "anthropic", "claude-haiku-5-5", TODAY, 100_001)

    assert low is not None
    assert high is not None
    for name in ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h"):
        assert getattr(high, name) == 5 * getattr(low, name)
    assert low.price_id != high.price_id


def test_of_two_equal_entries_the_first_wins() -> None:
    own = replace(BASE, input=Decimal(7))

    assert find_price([own, BASE], "lab", "m", TODAY, None) is own


def test_a_thinking_id_costs_what_its_base_costs_unless_it_has_its_own_price() -> None:
    own = replace(BASE, model="m-thinking", input=Decimal(7))

    assert find_price([BASE], "lab", "m-thinking", TODAY, None) is BASE
    assert find_price([BASE, own], "lab", "m-thinking", TODAY, None) is own
