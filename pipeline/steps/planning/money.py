"""Dollars to come: tokens of every class at today's prices, with what retries wasted earlier; exact Decimals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from pipeline.core.settings import Price
from pipeline.cost.prices import find_price
from pipeline.cost.reprice import INPUT_RATES
from pipeline.stats.predict import Range, predict_sum
from pipeline.steps.planning.evidence import Evidence
from pipeline.steps.planning.look import Part
from pipeline.steps.planning.usage import row_count

_ZERO = Decimal(0)
_NANO = 1e9
_WRITES = ("cache_write_5m_tokens", "cache_write_1h_tokens")


@dataclass(frozen=True, slots=True)
class Dollars:
    """An amount that is not known yet. `likely` is None where nothing says where in the interval it lies."""

    low: Decimal
    likely: Decimal | None
    high: Decimal

    def __add__(self, other: Dollars) -> Dollars:
        """End by end."""
        likely = None if self.likely is None or other.likely is None else self.likely + other.likely
        return Dollars(self.low + other.low, likely, self.high + other.high)


NO_DOLLARS = Dollars(_ZERO, _ZERO, _ZERO)


@dataclass(frozen=True, slots=True)
class Use:
    """The tokens of the open jobs of a part."""

    jobs: int
    input: Range
    output: Range
    per_estimated: float
    """Likely tokens of input for each estimated one."""


def predict_usd(part: Part, today: date, use: Use, evidence: Evidence | None) -> Dollars | None:
    """What the open jobs cost; None where a price is not known. `evidence` is of the same model."""
    fresh, out, jobs = use.input, use.output, use.jobs
    priced = _tiers(part, today, use.per_estimated)
    if priced is None:
        return None
    rates = _input_rates(part, priced, evidence, jobs)
    if rates is None:
        return None
    output_rate = sum((share * _rate(price, "output") for price, share in priced), _ZERO)
    waste = _waste(evidence, part, jobs)
    return Dollars(
        _usd(fresh.low, rates.low) + _usd(out.low, output_rate) + waste.low,
        _likely(fresh, rates.likely, out, output_rate, waste),
        _usd(fresh.high, rates.high) + _usd(out.high, output_rate) + waste.high,
    )


def _likely(
    fresh: Range, input_rate: Decimal | None, out: Range, output_rate: Decimal, waste: Dollars
) -> Decimal | None:
    if fresh.likely is None or input_rate is None or out.likely is None or waste.likely is None:
        return None
    return _usd(fresh.likely, input_rate) + _usd(out.likely, output_rate) + waste.likely


def _usd(tokens: float, per_million: Decimal) -> Decimal:
    return (Decimal(max(0, round(tokens))) * per_million).scaleb(-6)


def _rate(price: Price, name: str) -> Decimal:
    return getattr(price, name) or _ZERO


def _tiers(part: Part, today: date, scale: float) -> list[tuple[Price, Decimal]] | None:
    """The prices that hold for the open jobs by their size, each with its share of the input; None where one lacks."""
    provider, model = part.lane.provider, part.lane.model.model
    sizes = np.asarray(part.tokens, dtype=np.float64)
    bounds = sorted({price.above_input_tokens for price in provider.prices if price.above_input_tokens is not None})
    tier = np.searchsorted(np.asarray(bounds, dtype=np.float64), sizes * scale, side="left")
    whole = float(sizes.sum())
    found = []
    for number in np.unique(tier).tolist():
        price = find_price(provider.prices, provider.name, model, today, bounds[number - 1] + 1 if number else None)
        if price is None or price.input is None or price.output is None:
            return None
        found.append((price, Decimal(repr(float(sizes[tier == number].sum()) / whole if whole else 1.0))))
    return found or None


@dataclass(frozen=True, slots=True)
class _Rates:
    """USD for a million tokens of input, whatever their classes."""

    low: Decimal
    likely: Decimal | None
    high: Decimal


def _input_rates(
    part: Part, priced: list[tuple[Price, Decimal]], evidence: Evidence | None, jobs: int
) -> _Rates | None:
    """The input's price: by the classes of earlier answers to the same; else from full caching to none, where asked."""
    if evidence is not None and evidence.factor == 1.0:
        seen = {name: _seen_tokens(evidence, name) for name in INPUT_RATES}
        as_seen = _mixed(priced, seen)
        # What a run writes into the cache once need not grow with its size.
        answers = len(evidence.of_jobs(lambda one: one.output))
        once = _mixed(priced, _fewer_writes(seen, min(1.0, answers / max(jobs, 1))))
        if as_seen is None or once is None:
            return None
        low, high = min(as_seen, once), max(as_seen, once)
        return _Rates(low, (low + high) / 2, high)
    plain = sum((share * _rate(price, "input") for price, share in priced), _ZERO)
    if not part.caches:
        return _Rates(plain, plain, plain)
    least = sum((share * (price.cache_read or price.input or _ZERO) for price, share in priced), _ZERO)
    most = sum((share * _dearest(price) for price, share in priced), _ZERO)
    return _Rates(least, None, most)


def _seen_tokens(evidence: Evidence, name: str) -> float:
    return float(evidence.of_jobs(lambda one: one.classes[name]).sum())


def _dearest(price: Price) -> Decimal:
    return max(_rate(price, name) for name in INPUT_RATES.values())


def _mixed(priced: list[tuple[Price, Decimal]], tokens: Mapping[str, float]) -> Decimal | None:
    whole = sum(tokens.values())
    rate = _ZERO
    for name, kind in INPUT_RATES.items():
        if not tokens[name]:
            continue
        for price, share in priced:
            if getattr(price, kind) is None:
                return None
            rate += share * getattr(price, kind) * Decimal(repr(tokens[name] / whole))
    return rate


def _fewer_writes(tokens: Mapping[str, float], share: float) -> dict[str, float]:
    """As many tokens, of which only a share of the written ones is written and the rest is read."""
    changed = dict(tokens)
    for name in _WRITES:
        changed["cache_read_tokens"] += tokens[name] * (1 - share)
        changed[name] = tokens[name] * share
    return changed


def _waste(evidence: Evidence | None, part: Part, jobs: int) -> Dollars:
    """Attempts without a result, as often and as dear as earlier; none where nothing was seen."""
    if evidence is None:
        return NO_DOLLARS
    wasted = evidence.by_row(lambda one: one.wasted_usd) * _NANO
    if not wasted.any():
        return NO_DOLLARS
    found = predict_sum(wasted, row_count(jobs, part.per_row), units=part.per_row)
    if found is None:
        return NO_DOLLARS
    low, likely, high = (Decimal(max(0, round(end))).scaleb(-9) for end in (found.low, found.likely or 0.0, found.high))
    return Dollars(low, likely, high)
