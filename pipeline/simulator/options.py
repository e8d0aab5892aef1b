"""What a simulator plays: which provider, with which answers, faults and delays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import SettingsError
from pipeline.simulator import faults
from pipeline.simulator.fields import Invalid
from pipeline.simulator.judging import Manners

if TYPE_CHECKING:
    from pipeline.simulator.answers import AnswerBook

PROFILES = ("anthropic", "apimart-wrapped", "apimart", "ofox", "openai", "new-api", "openrouter")
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
    faults: Mapping[str, float] = field(default_factory=dict)
    """Faults, as a marker writes them, each with its share of requests; see `faults.FLAGS` and `faults.VALUES`."""
    outage: tuple[float, float] | None = None
    """Seconds from the start after which everything is answered with 503, and for how long."""
    judge: Manners = field(default_factory=Manners)
    """How it judges, where a verdict is asked for."""
    latency_scale: float = 1.0
    """Multiplies every model's latency; 0 answers at once."""
    requests_per_minute: int | None = None
    """Limit per key and model; None: unlimited."""
    input_tokens_per_minute: int | None = None
    """Where input and output share one bucket (openai, openrouter), the size of that."""
    output_tokens_per_minute: int | None = None
    ledger_path: Path | None = None
    """A file that gets one JSON line per request."""

    def __post_init__(self) -> None:
        """Refuse what cannot be played (SettingsError)."""
        if self.profile not in PROFILES:
            raise SettingsError(f"the simulator has no profile {self.profile!r}; choose one of {', '.join(PROFILES)}")
        for name in ("error_rate", "rate_limited"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SettingsError(f"the simulator's {name} is {getattr(self, name)}; it must lie between 0 and 1")
        self._check_faults()
        if self.error_rate + self.rate_limited + sum(self.faults.values()) > 1.0:
            others = "".join(f", {name} {share}" for name, share in self.faults.items())
            raise SettingsError(
                f"the simulator's error_rate {self.error_rate} and rate_limited {self.rate_limited}{others} "
                "add up to more than 1; they are shares of all requests"
            )
        for name in ("requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise SettingsError(f"the simulator's {name} is {limit}; it must be at least 1, or left out")
        if self.outage is not None and min(self.outage) < 0.0:
            raise SettingsError(f"the simulator's outage is {self.outage}; its seconds cannot be negative")
        if self.latency_scale < 0.0:
            raise SettingsError(f"the simulator's latency_scale is {self.latency_scale}; it cannot be negative")

    def _check_faults(self) -> None:
        for name, share in self.faults.items():
            if not 0.0 <= share <= 1.0:
                raise SettingsError(f"the share of the fault {name!r} is {share}; it must lie between 0 and 1")
            try:
                faults.parse(name)
            except Invalid as invalid:
                raise SettingsError(invalid.message) from None
