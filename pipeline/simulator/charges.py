"""What a request costs by the simulator's own price table (protocol sections 8 and 11)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pipeline.simulator.asking import Answer, Asked
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.ledger import Entry
from pipeline.simulator.prompt_cache import CacheUse

_MILLION = Decimal(1_000_000)


def book(said: Answer, asked: Asked, use: CacheUse) -> Entry:
    """Make the ledger's entry for an answer."""
    entry = Entry(
        model=asked.model_id,
        key=asked.key,
        status=200,
        billed=True,
        input_tokens=asked.input_tokens - use.cached_tokens,
        output_tokens=said.output_tokens,
        thinking_tokens=said.thinking_tokens,
        cache_read_tokens=use.read_tokens,
        cache_write_5m_tokens=use.write_5m_tokens,
        cache_write_1h_tokens=use.write_1h_tokens,
    )
    return replace(entry, cost_usd=cost_usd(asked.card, entry))


def cost_usd(card: ModelCard, entry: Entry) -> Decimal | None:
    """Charge the tokens of `entry`; None where the model has no price."""
    prices = card.prices
    if prices is None:
        return None
    prompt = entry.input_tokens + entry.cache_read_tokens + entry.cache_write_tokens
    total = (
        entry.input_tokens * prices.input
        + entry.cache_read_tokens * prices.cache_read
        + entry.cache_write_5m_tokens * prices.cache_write_5m
        + entry.cache_write_1h_tokens * prices.cache_write_1h
        + entry.output_tokens * prices.output
    )
    is_long = prices.long_prompt is not None and prompt > prices.long_prompt
    return total * (prices.long_factor if is_long else 1) / _MILLION
