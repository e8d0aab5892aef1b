"""The simulated models, read from models.toml: limits, sampling rules, prices, skill and manner."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Literal

Sampling = Literal["free", "one_of_two", "default_only"]
"""`one_of_two`: temperature or top_p, not both; `default_only`: any other value is refused (protocol 1.8)."""
Display = Literal["summarized", "omitted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What one model costs, in USD per million tokens (protocol section 11)."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    long_prompt: int | None = None
    """Prompts of more tokens cost `long_factor` times as much, the whole request."""
    long_factor: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One simulated model."""

    name: str
    ids: tuple[str, ...]
    """Every spelling by which it may be requested."""
    created: str = "2025-01-01T00:00:00Z"
    window: int = 200_000
    max_output: int = 64_000
    input_and_output_share_window: bool = False
    """Input plus max_tokens above the window is refused (models before the 4.5 generation)."""
    prefill: bool = True
    sampling: Sampling = "free"
    thinking: tuple[str, ...] = ("enabled", "disabled")
    """The forms of the `thinking` field that are taken; empty: none."""
    always_thinks: bool = False
    """Its id asks for thinking by itself (`-thinking`)."""
    thinks_by_default: bool = False
    """Thinks, adaptively, when the request says nothing of it (protocol section 9)."""
    thinking_display: Display = "summarized"
    """What is shown of thinking when the request does not choose."""
    disabled_needs_low_effort: bool = False
    """Thinking can be switched off at effort `low` only."""
    cache_minimum: int = 1_024
    """Shorter prefixes are not cached (protocol section 8)."""
    prices: Prices | None = None
    structured_output: bool = True
    system_turns: bool = False
    forced_tools: bool = True
    retired: bool = False
    tool_tokens: int = 496
    """Hidden prompt tokens when tools are offered (protocol section 7)."""
    forced_tool_tokens: int = 588
    tokens_per_piece: float = 1.0
    image_edge: int = 1_568
    """Images are shrunk to this many pixels on the longer edge (protocol section 12)."""
    image_tokens: int = 1_568
    """And until they cost no more tokens than this."""
    skill: float = 0.75
    """Share of questions solved."""
    sloppiness: float = 0.1
    """Share of answers with formatting noise."""
    lines: int = 2
    """Lines of reasoning, when asked for steps."""
    median_ms: float = 120.0


@dataclass(frozen=True, slots=True)
class Catalog:
    """All cards, by requested id."""

    cards: tuple[ModelCard, ...]
    by_id: dict[str, ModelCard]
    unlisted: ModelCard
    """The manner of models that only an answer book names."""


@cache
def load() -> Catalog:
    """Read models.toml."""
    text = resources.files("pipeline.simulator").joinpath("models.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    cards = tuple(_card(name, entry, table["families"]) for name, entry in table["models"].items())
    by_id = {model_id: card for card in cards for model_id in card.ids}
    unlisted = replace(by_id["sim-medium"], name="unlisted", ids=())
    return Catalog(cards, by_id, unlisted)


def _card(name: str, entry: dict[str, Any], families: dict[str, dict[str, Any]]) -> ModelCard:
    own = {key: value for key, value in entry.items() if key != "family"}
    values = {**families.get(entry.get("family", ""), {}), "ids": [name], **own, "name": name}
    unknown = values.keys() - {item.name for item in fields(ModelCard)}
    if unknown:
        raise ValueError(f"models.toml: {name} has unknown keys {sorted(unknown)}")
    for key in ("ids", "thinking"):
        if key in values:
            values[key] = tuple(values[key])
    if "prices" in values:
        values["prices"] = _prices(values["prices"])
    return ModelCard(**values)


def _prices(entry: dict[str, Any]) -> Prices:
    """Prices are written as text, so that no binary fraction comes between the table and the sum."""
    written = {**entry}
    long_prompt = written.pop("long_prompt", None)
    return Prices(long_prompt=long_prompt, **{key: Decimal(value) for key, value in written.items()})
