"""The providers that are known by name, read from catalog.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pipeline.core.settings import Limits, ProviderSettings

_FILE = Path(__file__).with_name("catalog.toml")


def load_catalog() -> dict[str, ProviderSettings]:
    """Return every known provider by name, without prices; a fresh dict that the caller may change."""
    return dict(_entries())


@cache
def _entries() -> dict[str, ProviderSettings]:
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    entries: dict[str, ProviderSettings] = {}
    for name, entry in document.items():
        limits = Limits(**entry.pop("limits", {}))
        entries[name] = ProviderSettings(name=name, limits=limits, **entry)
    return entries
