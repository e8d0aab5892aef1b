"""Chooses whom to ask: the provider from catalog and providers.toml, and its cheapest model that still lives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from pipeline.config.providers import load_providers
from pipeline.config.read import nearest
from pipeline.core.errors import UsageError
from pipeline.core.settings import Price, ProviderSettings
from pipeline.doctor.records import Subject
from pipeline.providers.capabilities import capabilities


def find_subject(name: str, model: str | None, providers_file: Path | None, *, now: datetime) -> Subject:
    """Find the provider `name` and one of its models; UsageError for what does not exist or cannot be asked."""
    known = load_providers(providers_file)
    if name not in known:
        raise UsageError(f"there is no provider {name!r}{nearest(name, known) or '; there are: ' + ', '.join(known)}")
    provider = known[name]
    if provider.protocol == "recorded":
        raise UsageError(f"provider {name!r} holds answers of datasets; there is nobody to ask")
    asked = model or _cheapest(provider, now)
    if asked is None:
        raise UsageError(f"no model of provider {name!r} has a price; name the one to ask with --model")
    return Subject(
        provider=provider,
        model=asked,
        has_key=provider.key_env is not None or provider.name == "simulator",
        stamp=now.isoformat(),
        keeps_limits=_own_limits(provider, asked, load_providers(None)),
    )


def _cheapest(provider: ProviderSettings, now: datetime) -> str | None:
    """The model with the lowest price in force; one that has retired would only give an error."""
    prices = [price for price in provider.prices if _is_usable(price, now)]
    best = min(prices, key=_rates, default=None)
    return None if best is None else best.model


def _is_usable(price: Price, now: datetime) -> bool:
    known = capabilities(price.provider, price.model)
    retires = None if known is None else known.retires
    in_force = price.effective <= now.date() and price.above_input_tokens is None
    return in_force and None not in (price.input, price.output) and (retires is None or retires > now.date())


def _rates(price: Price) -> Decimal:
    return (price.input or Decimal(0)) + (price.output or Decimal(0))


def _own_limits(provider: ProviderSettings, model: str, catalog: Mapping[str, ProviderSettings]) -> bool:
    mine = provider.model_limits.get(model, provider.limits)
    base = catalog.get(provider.name)
    return mine != (base.limits if base is not None else type(mine)())
