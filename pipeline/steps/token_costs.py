"""Token costs: adds to a summary where the money went, from the prices that the run took down when it began."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipeline.core.settings import Price
from pipeline.cost.prices import RATES, load_prices
from pipeline.cost.token_classes import CLASSES, Reported, Split, TokenClasses
from pipeline.stats.accounts import dollars


def token_classes(run: Mapping[str, Any]) -> TokenClasses:
    """An empty sum with the prices of `run`.

    Older runs took down no prices of larger inputs: those are looked for in this version's tables, and count only
    where they explain what the answers cost.
    """
    known = {price.price_id: price for price in load_prices()}
    noted = {entry["price_id"]: _price(entry) for entry in run.get("prices", ()) if entry["price_id"] is not None}
    return TokenClasses({**known, **noted})


def add_token_costs(summary: dict[str, Any], spent: TokenClasses) -> None:
    """Add `classes_usd`, `class_tokens`, `other_usd`, `cache_saved_usd` and `reported` to each cell and to the cost."""
    splits = [spent.split((cell["model"], cell["prompt"], cell["params"])) for cell in summary["cells"]]
    for cell, split in zip(summary["cells"], splits, strict=True):
        cell.update(_entry(split, cell["cost_usd"]))
    summary["cost"].update(_entry(Split.of(splits), summary["cost"]["total_usd"]))


def _entry(split: Split, cost_usd: str | None) -> dict[str, Any]:
    classes = {name: dollars(split.classes[name]) for name in CLASSES}
    told = sum((Decimal(usd) for name, usd in classes.items() if usd is not None and name != "thinking"), Decimal(0))
    return {
        "classes_usd": classes,
        "class_tokens": split.tokens,
        "other_usd": None if cost_usd is None else dollars(Decimal(cost_usd) - told),
        "cache_saved_usd": dollars(split.cache_saved_usd),
        "reported": [_reported(unit, found) for unit, found in split.reported.items()],
    }


def _reported(unit: str, found: Reported) -> dict[str, Any]:
    in_dollars = unit == "usd"
    return {
        "unit": unit,
        "jobs": found.jobs,
        "reported_usd" if in_dollars else "reported": dollars(found.amount) if found.jobs else None,
        "computed_usd": dollars(found.computed_usd) if found.jobs else None,
        "unpriced_jobs": found.only_jobs,
        "unpriced_usd" if in_dollars else "unpriced": dollars(found.only_amount) if found.only_jobs else None,
    }


def _price(entry: Mapping[str, Any]) -> Price:
    above = entry.get("above_input_tokens")
    rates: dict[str, Any] = {name: Decimal(entry[name]) for name in RATES if entry.get(name) is not None}
    return Price(
        provider=entry["provider"],
        model=entry["model"],
        effective=date.fromisoformat(entry["effective"]),
        source=entry["source"],
        above_input_tokens=None if above is None else int(above),
        **rates,
    )
