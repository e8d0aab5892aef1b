"""providers.toml laid over the catalog: which providers there are, at what address, with what limits and prices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from pipeline.config.read import parse, read_text
from pipeline.config.tables import LimitsTable, PriceTable, ProvidersTable, ProviderTable
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Limits, Price, ProviderSettings
from pipeline.cost.prices import load_prices
from pipeline.providers.catalog import load_catalog

FILE_NAME = "providers.toml"
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


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
    _require_sound(name, given, base, file)
    if base is None:
        base = _new_provider(name, given, file)
    if entry.limits is not None:
        given["limits"] = _limits(entry.limits)
    given["model_limits"] = {**base.model_limits, **{key: _limits(value.limits) for key, value in entry.models.items()}}
    given["prices"] = _merge_prices(base.prices, [_price(name, price) for price in entry.prices])
    return replace(base, **given)


def _require_sound(name: str, given: Mapping[str, Any], base: ProviderSettings | None, file: Path) -> None:
    """Refuse an address or headers that no request could carry, or that would carry a password into files."""
    address = given.get("base_url")
    if address is not None:
        problem = _address_problem(address)
        protocol = given.get("protocol") or (base.protocol if base else None)
        if protocol == "anthropic-messages" and address.endswith("/v1"):
            problem = "ends in /v1, and anthropic-messages adds /v1/messages to it; leave /v1 out"
        if problem:
            raise SettingsError(f"{file}: provider {name!r}: base_url {problem}")
    for header, value in (given.get("headers") or {}).items():
        if not _HEADER_NAME.fullmatch(header) or not _HEADER_VALUE.fullmatch(value):
            raise SettingsError(f"{file}: provider {name!r}: the header {header!r} holds what no header can carry")


def _address_problem(address: str) -> str | None:
    try:
        url = httpx.URL(address)
        port = url.port
    except (httpx.InvalidURL, ValueError) as error:
        return f"{address!r} is no address: {error}"
    if url.userinfo:
        return "holds a user name or password; name a key's environment variable with key_env instead"
    if not url.host or (port is not None and not 0 < port < 65536):
        return f"{address!r} is no address: it needs a host and a port below 65536"
    return None


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
    """A model with an entry of one's own is priced by one's own entries alone, whatever their dates."""
    replaced = {price.model for price in own}
    return (*own, *(price for price in base if price.model not in replaced))
