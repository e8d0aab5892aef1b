"""Prices that nobody has compared with their source for long are told from fresh ones."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from pipeline.core.settings import Price
from pipeline.cost.freshness import STALE_DAYS, sources, stale_words
from pipeline.cost.prices import load_prices

TODAY = date(2026, 11, 27)


def price(model: str, checked: date | None, source: str = "list") -> Price:
    return Price(
        provider="lab", model=model, effective=date(2020, 1, 1), source=source, input=Decimal(1), checked=checked
    )


def test_the_price_left_alone_for_longest_decides() -> None:
    old = TODAY - timedelta(days=STALE_DAYS + 1)
    one, other = sources([price("a", TODAY), price("b", old), price("b", None), price("c", TODAY, "invoice")])
    assert (one.source, one.models, one.checked, one.is_stale(TODAY)) == ("list", 2, old, True)
    assert (other.source, other.age_days(TODAY), other.is_stale(TODAY)) == ("invoice", 0, False)
    assert f"{old}, {STALE_DAYS + 1} days ago" in stale_words(one, TODAY)


def test_a_price_is_fresh_up_to_its_last_day_however_long_it_has_held() -> None:
    assert not sources([price("a", TODAY - timedelta(days=STALE_DAYS))])[0].is_stale(TODAY)


def test_what_was_never_checked_is_not_called_old() -> None:
    (one,) = sources([price("a", None)])
    assert (one.age_days(TODAY), one.is_stale(TODAY)) == (None, False)


def test_every_bought_price_of_ours_says_when_it_was_checked() -> None:
    assert [price for price in load_prices() if price.checked is None and price.provider != "simulator"] == []
    assert all(price.checked is None or price.checked >= price.effective for price in load_prices())
