"""What a simulator plays: which provider, with which answers, faults and delays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.simulator.answers import AnswerBook

PROFILES = ("anthropic", "apimart-wrapped", "apimart", "ofox", "openai")
"""The providers that can be played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One simulator's settings; the same options give the same answers and faults."""

    profile: str = "anthropic"
    seed: int = 0
    answers: AnswerBook | None = None
    error_rate: float = 0.0
    """Share of requests answered with 500 or 529 (503 where a gateway is played)."""
    rate_limited: float = 0.0
    """Share of requests answered with 429."""
    latency_scale: float = 1.0
    """Multiplies every model's latency; 0 answers at once."""
    ledger_path: Path | None = None
    """A file that gets one JSON line per request."""

    def __post_init__(self) -> None:
        """Refuse what cannot be played (SettingsError)."""
        if self.profile not in PROFILES:
            raise SettingsError(f"the simulator has no profile {self.profile!r}; choose one of {', '.join(PROFILES)}")
        for name in ("error_rate", "rate_limited"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SettingsError(f"the simulator's {name} is {getattr(self, name)}; it must lie between 0 and 1")
        if self.error_rate + self.rate_limited > 1.0:
            raise SettingsError(
                f"the simulator's error_rate {self.error_rate} and rate_limited {self.rate_limited} "
                "add up to more than 1; they are shares of all requests"
            )
        if self.latency_scale < 0.0:
            raise SettingsError(f"the simulator's latency_scale is {self.latency_scale}; it cannot be negative")
