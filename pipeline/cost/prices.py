"""Dated price tables, read from `prices/*.toml`: one file per provider, USD per million tokens."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.settings import Price

_FOLDER = Path(__file__).with_name("prices")
_THINKING_SUFFIX = "-thinking"
RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
"""The rates of a price, as its fields are called."""


@cache
def load_prices() -> tuple[Price, ...]:
    """Return every entry of every table. Each table says in its head what its figures are."""
    return tuple(price for path in sorted(_FOLDER.glob("*.toml")) for price in _read(path))


def find_price(prices: Sequence[Price], provider: str, model: str, on: date, input_tokens: int | None) -> Price | None:
    """Find what `model` costs at `provider` on a day; None before the first entry and for an unknown model.

    The newest entry that is in force wins; of those of one day the highest tier that `input_tokens` (the whole
    prompt, cached parts included; None is the lowest tier) is above; of equals the first, so a user's own prices
    stand in front. An id that ends in `-thinking` and has no price of its own costs what its base model costs.
    """
    best = _newest(prices, provider, model, on, input_tokens)
    if best is None and model.endswith(_THINKING_SUFFIX):
        return _newest(prices, provider, model.removesuffix(_THINKING_SUFFIX), on, input_tokens)
    return best


def _newest(prices: Sequence[Price], provider: str, model: str, on: date, input_tokens: int | None) -> Price | None:
    in_force = (
        price
        for price in prices
        if price.model == model
        and price.provider == provider
        and price.effective <= on
        and (price.above_input_tokens is None or (input_tokens is not None and input_tokens > price.above_input_tokens))
    )
    return max(in_force, key=lambda price: (price.effective, price.above_input_tokens or 0), default=None)


def _read(path: Path) -> Iterator[Price]:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    for entry in table["prices"]:
        for model in (entry["model"], *entry.get("aliases", ())):
            yield _price(table, entry, model)


def _price(table: Mapping[str, Any], entry: Mapping[str, Any], model: str) -> Price:
    rates = {name: Decimal(entry[name]) for name in RATES if name in entry}
    return Price(
        provider=entry.get("provider", table.get("provider")),
        model=model,
        effective=entry["effective"],
        source=entry.get("source", table.get("source")),
        above_input_tokens=entry.get("above_input_tokens"),
        checked=entry.get("checked", table.get("checked")),
        **rates,
    )
