"""How long an answer takes: a base, plus its tokens, with a lognormal spread."""

from __future__ import annotations

import math

from pipeline.simulator import chance
from pipeline.simulator.catalog import ModelCard

_TYPICAL_TOKENS = 40
_BASE_SHARE = 0.5
_SIGMA = 0.3


def seconds(card: ModelCard, output_tokens: int, *, seed: int, key: str, sighting: int) -> float:
    """Draw the unscaled latency; a typical answer's median is the card's."""
    typical = _BASE_SHARE + (1.0 - _BASE_SHARE) * output_tokens / _TYPICAL_TOKENS
    spread = math.exp(_SIGMA * chance.normal(seed, "latency", key, sighting))
    return card.median_ms / 1000.0 * typical * spread


def spread(total_seconds: float, frames: int) -> tuple[float, float]:
    """Spread a stream's time: what passes before its first frame, and between two frames."""
    if frames < 2:
        return total_seconds, 0.0
    return total_seconds * _BASE_SHARE, total_seconds * (1.0 - _BASE_SHARE) / (frames - 1)
