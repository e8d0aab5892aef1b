"""The simulated models, read from models.toml: limits, sampling rules, skill and manner."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

Sampling = Literal["free", "one_of_two", "default_only"]
"""`one_of_two`: temperature or top_p, not both; `default_only`: any other value is refused (protocol 1.8)."""


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
    return ModelCard(**values)
