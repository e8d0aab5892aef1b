"""What passes between the doctor's parts: whom to ask, a question, its reply, findings, the diagnosis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipeline.core.records import Failure, Response
from pipeline.core.settings import Limits, ProviderSettings
from pipeline.providers.formats import wire_format

MAX_TOKENS = 64
"""Of every answer that is asked for: a word is wanted, and models that think need a little room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom the doctor asks: a provider as settings describe it, and one of its models."""

    provider: ProviderSettings
    model: str
    has_key: bool
    stamp: str = ""
    """Differs from visit to visit, so that no earlier visit's prompt is in the provider's cache."""
    keeps_limits: bool = False
    """The user's own file states limits; they may be lower than the account's on purpose."""

    @property
    def limits(self) -> Limits:
        """What settings say of this model's limits."""
        return self.provider.model_limits.get(self.model, self.provider.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, without the key."""

    path: str
    """Appended to the provider's base_url."""
    body: bytes
    headers: Mapping[str, str]
    key_header: tuple[str, str]
    """Name of the header that carries the key, and what stands before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back; the status is None where nothing did."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""
    broken: str | None = None
    """Why the body is missing or cut."""
    unreachable: bool = False
    """No connection was made at all."""
    held_open: bool = False
    """The answer was over, and the connection stayed open."""

    def outcome(self, protocol: str) -> Response | Failure:
        """What a run would make of it."""
        if self.status is None or self.broken is not None:
            message = self.broken or "no answer"
            paid = not self.unreachable
            return Failure(
                kind="transport", message=message, http_status=self.status, transient=True, possibly_paid=paid
            )
        decoder = wire_format(protocol).decoder(self.status, self.headers)
        decoder.feed(self.body)
        return decoder.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Keys for one table of providers.toml."""

    table: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing learned."""

    aspect: str
    found: str
    catalog: str | None = None
    """What settings say; None where they say nothing of it."""
    note: str = ""
    differs: bool = False
    """What was found contradicts the settings, or is news to them."""
    change: Change | None = None
    """What would put it into providers.toml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything one visit learned."""

    provider: str
    base_url: str
    protocol: str
    model: str
    findings: tuple[Finding, ...]
    calls: int
    cost_usd: Decimal
    """Of the calls whose cost is known."""
    unpriced_calls: int
    """Calls that may have cost something, nobody can say how much."""
    answered: bool
    """The plain question got its answer; without it little could be learned."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What providers.toml would have to say."""
        return tuple(finding.change for finding in self.findings if finding.change is not None)


def plain_number(value: float) -> int | float:
    """Write 50.0 as 50."""
    return int(value) if math.isfinite(value) and value == int(value) else value
