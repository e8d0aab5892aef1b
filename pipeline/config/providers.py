"""providers.toml laid over the catalog: which providers there are, at what address, with what limits and prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.config.read import parse, read_text
from pipeline.config.tables import LimitsTable, PriceTable, ProvidersTable, ProviderTable
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Limits, Price, ProviderSettings
from pipeline.cost.prices import load_prices
from pipeline.providers.catalog import load_catalog

FILE_NAME = "providers.toml"


def load_providers(file: Path | None) -> dict[str, ProviderSettings]:
    """Every provider known: the catalog with its dated prices, and what `file` adds or overrides."""
    prices = load_prices()
    known = {
        name: replace(provider, prices=tuple(price for price in prices if price.provider == name))
        for name, provider in load_catalog().items()
    }
    if file is None:
        return known
    table = parse(read_text(file), file, ProvidersTable)
    for name, entry in table.providers.items():
        known[name] = _overlay(name, known.get(name), entry, file)
    return known


def find_providers_file(folder: Path) -> Path | None:
    """The providers.toml in `folder` or in the nearest folder above it."""
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    return None


def _overlay(name: str, base: ProviderSettings | None, entry: ProviderTable, file: Path) -> ProviderSettings:
    given: dict[str, Any] = {
        key: value
        for key in ("protocol", "base_url", "key_env", "auth", "headers", "accounting", "max_tokens_field")
        if (value := getattr(entry, key)) is not None
    }
    if "base_url" in given:
        given["base_url"] = given["base_url"].rstrip("/")
    if base is None:
        base = _new_provider(name, given, file)
    if entry.limits is not None:
        given["limits"] = _limits(entry.limits)
    given["model_limits"] = {**base.model_limits, **{key: _limits(value.limits) for key, value in entry.models.items()}}
    given["prices"] = _merge_prices(base.prices, [_price(name, price) for price in entry.prices])
    return replace(base, **given)


def _new_provider(name: str, given: Mapping[str, Any], file: Path) -> ProviderSettings:
    for key in ("protocol", "base_url"):
        if key not in given:
            raise SettingsError(f"{file}: provider {name!r} is not in the catalog and needs {key!r}")
    is_openai = given["protocol"] == "openai-chat"
    return ProviderSettings(
        name=name,
        protocol=given["protocol"],
        base_url=given["base_url"],
        auth="bearer" if is_openai else "x-api-key",
        accounting="openai" if is_openai else "anthropic",
    )


def _limits(table: LimitsTable) -> Limits:
    return Limits(**table.model_dump())


def _price(provider: str, table: PriceTable) -> Price:
    return Price(provider=provider, **table.model_dump())


def _merge_prices(base: Sequence[Price], own: Sequence[Price]) -> tuple[Price, ...]:
    """Own entries replace the catalog's for the same model and date, and stand beside the others."""
    replaced = {(price.model, price.effective, price.above_input_tokens) for price in own}
    kept = [price for price in base if (price.model, price.effective, price.above_input_tokens) not in replaced]
    return (*own, *kept)
