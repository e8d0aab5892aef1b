"""Where the money of stored answers went: by class of tokens, what caches saved, and what providers say themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.records import ANSWERED, Usage
from pipeline.core.settings import Price
from pipeline.cost.attempt_costs import own_costs
from pipeline.cost.charges import class_costs
from pipeline.cost.reported import reported_costs

CLASSES = ("input", "cache_read", "cache_write", "output", "thinking")
Cell = tuple[str, str, str]
"""Model, prompt, params."""
_CELL = ("model", "prompt", "params")
_TOKENS = (
    "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens",
    "thinking_tokens",
)  # fmt: skip
_CACHED = ("cache_read", "cache_write_5m", "cache_write_1h")
COLUMNS = (*_CELL, *_TOKENS, "status", "source", "cost_usd", "price_id", "attempts", "usage_raw")
"""What is read of the results."""
_ROUNDING = Decimal("1e-12")
_Amount = TypeVar("_Amount", Decimal, int)
_ZERO = Decimal(0)


@dataclass(slots=True)
class Reported:
    """Costs that a provider told itself, beside what the price table says of the same answers."""

    jobs: int = 0
    """Answers of which both are known."""
    amount: Decimal = _ZERO
    computed_usd: Decimal = _ZERO
    only_jobs: int = 0
    """Answers that a price table says nothing of."""
    only_amount: Decimal = _ZERO

    def __bool__(self) -> bool:
        """Whether a provider told anything."""
        return self.jobs + self.only_jobs > 0


@dataclass(slots=True)
class Split:
    """What answers cost, by class; None is a class of which no tokens were reported or no cost is known."""

    classes: dict[str, Decimal | None] = field(default_factory=lambda: dict.fromkeys(CLASSES))
    tokens: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(CLASSES))
    """The tokens that `classes` pays for."""
    cache_saved_usd: Decimal | None = None
    """What the tokens read from and written to a cache would have cost as fresh input, less what they did cost."""
    reported: dict[str, Reported] = field(default_factory=dict)
    """By unit."""

    @classmethod
    def of(cls, splits: Iterable[Split]) -> Split:
        """The sum of several."""
        whole = cls()
        for split in splits:
            for name, usd in split.classes.items():
                whole.classes[name] = _plus(whole.classes[name], usd)
            for name, tokens in split.tokens.items():
                whole.tokens[name] = _plus(whole.tokens[name], tokens)
            whole.cache_saved_usd = _plus(whole.cache_saved_usd, split.cache_saved_usd)
            for unit, found in split.reported.items():
                sums = whole.reported.setdefault(unit, Reported())
                sums.jobs, sums.only_jobs = sums.jobs + found.jobs, sums.only_jobs + found.only_jobs
                sums.amount, sums.only_amount = sums.amount + found.amount, sums.only_amount + found.only_amount
                sums.computed_usd += found.computed_usd
        return whole


class TokenClasses:
    """Adds up tokens by cell and price; the money follows from the sums, so it is as exact as that of each answer."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        """`prices` are by their `price_id`, as the results name them."""
        self._prices = prices
        self._splits: dict[Cell, Split] = {}

    def add(self, results: pa.Table) -> None:
        """Add some results. Reused answers cost nothing here and are left out, and so are jobs without an answer."""
        bought = pc.and_(pc.not_equal(results["source"], "reused"), pc.is_in(results["status"], pa.array(ANSWERED)))
        table = results.select(COLUMNS)
        table = table if pc.all(bought).as_py() else table.filter(bought)
        if not table.num_rows:
            return
        table = table.append_column("own", own_costs(table))
        self._add_classes(table)
        self._add_reported(table)

    def split(self, cell: Cell) -> Split:
        """What was found of a cell."""
        return self._splits.get(cell, Split())

    def _add_classes(self, table: pa.Table) -> None:
        priced = table.filter(pc.and_(pc.is_valid(table["own"]), pc.is_valid(table["price_id"])))
        sums = priced.group_by([*_CELL, "price_id"]).aggregate(
            [*((name, "sum") for name in _TOKENS), ("own", "sum"), ("own", "count")]
        )
        for row in sums.to_pylist():
            price = self._prices.get(row["price_id"])
            found = None if price is None else _split(row, price)
            if found is not None:
                cell: Cell = (row["model"], row["prompt"], row["params"])
                self._splits[cell] = Split.of([self.split(cell), found])

    def _add_reported(self, table: pa.Table) -> None:
        raw = table["usage_raw"].combine_chunks().cast(pa.large_string())
        for unit, amounts in reported_costs(raw).items():
            told = table.append_column("told", amounts).filter(pc.is_valid(amounts))
            if not told.num_rows:
                continue
            known = pc.is_valid(told["own"])
            sums = told.append_column("known", known).group_by([*_CELL, "known"]).aggregate(
                [("told", "sum"), ("told", "count"), ("own", "sum")]
            )  # fmt: skip
            for row in sums.to_pylist():
                split = self._splits.setdefault((row["model"], row["prompt"], row["params"]), Split())
                _note(split.reported.setdefault(unit, Reported()), row)


def _note(reported: Reported, row: Mapping[str, Any]) -> None:
    if row["known"]:
        reported.jobs += row["told_count"]
        reported.amount += row["told_sum"]
        reported.computed_usd += row["own_sum"]
    else:
        reported.only_jobs += row["told_count"]
        reported.only_amount += row["told_sum"]


def _split(row: Mapping[str, Any], price: Price) -> Split | None:
    """Split the cost of some answers of one price; None where its classes do not explain it."""
    tokens = {name: row[f"{name}_sum"] for name in _TOKENS}
    costs = class_costs(Usage(**tokens), price)
    if costs is None or abs(sum(costs.values(), _ZERO) - row["own_sum"]) > _ROUNDING * row["own_count"]:
        return None
    known = {name: costs.get(name, _ZERO) for name in _CACHED if tokens[f"{name}_tokens"] is not None}
    writes = [usd for name, usd in known.items() if name.startswith("cache_write")]
    thinking = tokens["thinking_tokens"]
    return Split(
        classes={
            "input": costs.get("input", _ZERO),
            "cache_read": known.get("cache_read"),
            "cache_write": sum(writes, _ZERO) if writes else None,
            "output": costs.get("output", _ZERO),
            "thinking": None if thinking is None else _alone(Usage(input_tokens=0, output_tokens=thinking), price),
        },
        tokens={
            "input": tokens["input_tokens"],
            "cache_read": tokens["cache_read_tokens"],
            "cache_write": _plus(tokens["cache_write_5m_tokens"], tokens["cache_write_1h_tokens"]),
            "output": tokens["output_tokens"],
            "thinking": thinking,
        },
        cache_saved_usd=_saved(known, sum(tokens[f"{name}_tokens"] for name in known), price),
    )


def _saved(cached_usd: Mapping[str, Decimal], tokens: int, price: Price) -> Decimal | None:
    fresh = _alone(Usage(input_tokens=tokens, output_tokens=0), price)
    return fresh - sum(cached_usd.values(), _ZERO) if cached_usd and fresh is not None else None


def _alone(usage: Usage, price: Price) -> Decimal | None:
    costs = class_costs(usage, price)
    return None if costs is None else sum(costs.values(), _ZERO)


def _plus(one: _Amount | None, other: _Amount | None) -> _Amount | None:
    return other if one is None else one if other is None else one + other
