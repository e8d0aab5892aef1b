"""What each model and gateway takes and refuses, read from capabilities.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("capabilities.toml")
_DATE_SUFFIX = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")
_THINKING_SUFFIX = "-thinking"
_MODEL_WORD = re.compile(r"[A-Za-z][A-Za-z0-9./_-]*-[A-Za-z0-9._-]*[A-Za-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One model's rules; the fields are explained in capabilities.toml."""

    model: str
    prefill: bool
    sampling: bool
    temperature_xor_top_p: bool
    forced_tool_choice: bool
    images: bool
    max_output_tokens: int | None = None
    max_input_tokens: int | None = None
    thinking: tuple[str, ...] | None = None
    """None where the protocol of the model has no such parameter."""
    retires: date | None = None
    successor: str | None = None
    output_config: bool = True
    system_turns: bool = True
    disabled_needs_low_effort: bool = False
    cache_minimum_tokens: int | None = None
    dense_tokens: bool = False
    always_thinks: bool = False
    """The id ends in `-thinking`: a gateway turns thinking on by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One gateway's own rules, whatever the model."""

    max_stop_sequences: int | None = None
    url_images: bool = True
    min_max_tokens: int = 0
    unknown_params: tuple[str, ...] = ()


def capabilities(provider: str, model: str) -> Capabilities | None:
    """Find a model under any gateway's spelling; None when nothing is known of it.

    A `recorded` model calls nobody, so nothing is known of it either.
    """
    if provider == "recorded":
        return None
    thinks = model.endswith(_THINKING_SUFFIX)
    known = _tables()[0].get(_canonical(model))
    if known is None:
        return None
    return _thinking_twin(known) if thinks else known


def find_mentioned(text: str) -> Capabilities | None:
    """Find the first known model that `text` names."""
    models = _tables()[0]
    words = (_canonical(word) for word in _MODEL_WORD.findall(text))
    return next((models[word] for word in words if word in models), None)


def gateway(provider: str) -> Gateway:
    """Return what is known of a gateway itself; nothing special for most."""
    return _tables()[1].get(provider, Gateway())


def _canonical(model: str) -> str:
    bare = model.lower().rpartition("/")[2].removesuffix(_THINKING_SUFFIX)
    return _DATE_SUFFIX.sub("", bare).replace(".", "-").rstrip("-")


@cache
def _thinking_twin(known: Capabilities) -> Capabilities:
    values = {name: getattr(known, name) for name in Capabilities.__slots__}
    return Capabilities(**{**values, "always_thinks": True})


def _frozen(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}


@cache
def _tables() -> tuple[Mapping[str, Capabilities], Mapping[str, Gateway]]:
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    models: dict[str, Capabilities] = {}
    for entry in document["models"]:
        aliases = entry.pop("aliases", [])
        name = entry.pop("id")
        for spelling in (name, *aliases):
            models[spelling] = Capabilities(model=spelling, **_frozen(entry))
    gateways = {name: Gateway(**_frozen(entry)) for name, entry in document["gateways"].items()}
    return models, gateways
