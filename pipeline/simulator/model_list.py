"""The list of models, as Anthropic pages it and as OpenAI-compatible servers give it whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.simulator.catalog import Catalog, ModelCard
from pipeline.simulator.fields import Invalid

_DEFAULT_PAGE = 20
_LONGEST_PAGE = 1_000


def anthropic_page(catalog: Catalog, query: Mapping[str, str]) -> dict[str, Any]:
    """Give one page, newest models first, by `limit`, `after_id` and `before_id`."""
    cards = sorted((card for card in catalog.cards if not card.retired), key=lambda card: card.created, reverse=True)
    ids = [card.ids[0] for card in cards]
    limit = _limit(query.get("limit"))
    if "before_id" in query:
        end = _place(ids, query["before_id"], "before_id")
        page = cards[max(0, end - limit) : end]
        has_more = end > limit
    else:
        start = _place(ids, query["after_id"], "after_id") + 1 if "after_id" in query else 0
        page = cards[start : start + limit]
        has_more = start + limit < len(cards)
    return {
        "data": [_anthropic_model(card) for card in page],
        "has_more": has_more,
        "first_id": page[0].ids[0] if page else None,
        "last_id": page[-1].ids[0] if page else None,
    }


def openai_list(catalog: Catalog) -> dict[str, Any]:
    """Give all models in every spelling."""
    return {
        "object": "list",
        "data": [_openai_model(card, model_id) for card in catalog.cards if not card.retired for model_id in card.ids],
    }


def one(card: ModelCard, model_id: str, *, anthropic: bool) -> dict[str, Any]:
    """Describe one model."""
    return _anthropic_model(card) if anthropic else _openai_model(card, model_id)


def _openai_model(card: ModelCard, model_id: str) -> dict[str, Any]:
    return {"id": model_id, "object": "model", "created": _seconds(card.created), "owned_by": "simulator"}


def _anthropic_model(card: ModelCard) -> dict[str, Any]:
    return {
        "type": "model",
        "id": card.ids[0],
        "display_name": card.name.replace("-", " ").title(),
        "created_at": card.created,
        "lifecycle": "active",
        "max_input_tokens": card.window,
        "max_tokens": card.max_output,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_PAGE
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST_PAGE:
        raise Invalid(f"limit: Input should be a whole number from 1 to {_LONGEST_PAGE}")
    return int(text)


def _place(ids: list[str], model_id: str, name: str) -> int:
    if model_id not in ids:
        raise Invalid(f"{name}: no model {model_id!r}")
    return ids.index(model_id)


def _seconds(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp())
