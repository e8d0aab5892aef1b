"""What is expected of one model or judge, first without its time, then with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pipeline.core.settings import Limits
from pipeline.plan.expand import Lane
from pipeline.stats.predict import Range
from pipeline.steps.choose import Again, Choice
from pipeline.steps.planning.money import Dollars
from pipeline.steps.planning.pace import Duration, Load, lane_seconds
from pipeline.steps.planning.usage import Pairs
from pipeline.steps.prepare import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a forecast is made from."""

    prepared: Prepared
    reports: Path
    home: Path
    choice: Choice
    """Where the run would go."""
    again: Again
    today: date
    counted: Mapping[str, Pairs] = field(default_factory=dict)
    """What providers counted, by model name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one model, or one judge, is expected to be asked and to take."""

    provider: str
    jobs: Range
    """To be sent."""
    reused: Range
    """Answered by earlier runs, and free."""
    input: Range | None
    """Tokens of all classes; None where nothing is known."""
    output: Range | None
    usd: Dollars | None
    """None without a price."""
    seconds: Duration
    basis: tuple[str, ...]
    """What the figures rest on."""
    load: Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is expected of a lane before its time is known, which depends on the lanes beside it."""

    lane: Lane
    jobs: Range
    reused: Range
    input: Range | None
    output: Range | None
    usd: Dollars | None
    basis: tuple[str, ...]
    load: Load


def timed(prepared: Prepared, drafts: Mapping[str, Draft]) -> dict[str, Expected]:
    """Add the time: lanes of one account share its limits."""
    accounts: dict[tuple[str, str | None], list[Load]] = {}
    for draft in drafts.values():
        accounts.setdefault(_account(draft.lane), []).append(draft.load)
    return {
        name: Expected(provider=draft.lane.provider.name,
            jobs=draft.jobs, reused=draft.reused, input=draft.input, output=draft.output, usd=draft.usd,
            basis=draft.basis, load=draft.load,
            seconds=lane_seconds(
                draft.load, accounts[_account(draft.lane)], _limits(draft.lane), draft.lane.provider.accounting,
                prepared.settings.run,
            ),
        )
        for name, draft in drafts.items()
    }  # fmt: skip


def _account(lane: Lane) -> tuple[str, str | None]:
    own = lane.provider.model_limits.get(lane.model.model)
    return lane.provider.name, None if own is None else lane.model.model


def _limits(lane: Lane) -> Limits:
    return lane.provider.model_limits.get(lane.model.model) or lane.provider.limits
