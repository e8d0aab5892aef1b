"""Spend over many runs: what was used and paid, where, when and for what; pure sums over records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypeAlias, get_args

Dimension: TypeAlias = Literal[
    "day", "week", "month", "provider", "model", "evaluation", "prompt", "tag", "run", "judge"
]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
OF_TIME: tuple[Dimension, ...] = ("day", "week", "month")
ANSWERS = "answers"
"""What money that is not a judge's was spent on."""
NO_TAG = "(no tag)"
RunState = Literal["running", "unfinished", "finished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Sums over jobs. Money and tokens are None where no part of them is known, never 0.

    Tokens and money are those of called jobs: a reused answer was paid for in the run that called for it.
    """

    jobs: int = 0
    """Jobs that a provider was to answer; neither reused nor recorded."""
    failed: int = 0
    """Of them, jobs without an answer."""
    retries: int = 0
    """Attempts beyond each job's last."""
    input_tokens: int | None = None
    """Fresh input."""
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    """Part of the output."""
    cost_usd: Decimal | None = None
    """The known costs."""
    unpriced_jobs: int = 0
    """Jobs that were or may have been billed at a cost that is not known."""
    estimated_jobs: int = 0
    """Jobs whose tokens the provider did not report."""
    estimated_usd: Decimal | None = None
    """Their part of the cost."""
    wasted_usd: Decimal | None = None
    """The part of the cost that went into attempts without a result."""
    possibly_paid: int = 0
    """Attempts without an answer that may have been billed for more than the cost says."""
    possibly_paid_usd: Decimal | None = None
    """The most that they can have cost beyond it, as far as known; in no total."""
    judges_usd: Decimal | None = None
    """The part of the cost that judges took."""
    reused_jobs: int = 0
    saved_usd: Decimal | None = None
    """What reused answers cost when they were called."""
    recorded_jobs: int = 0
    """Answers that a dataset held already; nothing was bought."""
    table_usd: Decimal | None = None
    """The cost under another price table."""
    table_unpriced_jobs: int = 0
    """Jobs that may have been billed and have no cost under that table."""
    kept_usd: Decimal | None = None
    """The part of `table_usd` that is as recorded: of attempts without a result no tokens are stored."""
    change_usd: Decimal | None = None
    """`table_usd` less `cost_usd`, over the jobs that have both."""

    def __add__(self, other: Spend) -> Spend:
        """Sum; unknown and known is what is known."""
        return Spend(**{name: _sum(getattr(self, name), getattr(other, name)) for name in FIELDS})


FIELDS = tuple(field.name for field in fields(Spend))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one run spent on one model, prompt and day."""

    run: str
    evaluation: str
    tags: tuple[str, ...]
    judge: str | None
    """The scorer whose judges these jobs are; None for the run's own answers."""
    provider: str
    model: str
    """The provider's id."""
    name: str
    """What the evaluation calls the model."""
    prompt: str
    day: date
    """UTC: when the answer arrived; of what was reused or never sent, when the run began."""
    simulated: bool
    spend: Spend


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFound:
    """One run below the folder."""

    run: str
    folder: str
    evaluation: str
    day: date
    """When it began, UTC."""
    state: RunState
    simulated: bool
    """Every model of it is the simulator's."""
    unanswered: int = 0
    """Requests that left and have no result: lost with a process, or on their way."""
    unanswered_usd: Decimal = Decimal(0)
    """The most that they can have cost, as far as known; in no total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A folder that is in no figure."""

    folder: str
    reason: str
    damaged: bool = False
    """It is, or may be, a run whose spending is missing; else it is no run, or one that is counted elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What was found below a folder."""

    folder: str
    runs: tuple[RunFound, ...] = ()
    entries: tuple[Entry, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def during(self, since: date | None, until: date | None) -> Ledger:
        """What was spent from one day to another, both included."""
        low, high = since or date.min, until or date.max
        entries = tuple(entry for entry in self.entries if low <= entry.day <= high)
        spent = {entry.run for entry in entries}
        runs = tuple(run for run in self.runs if run.run in spent or low <= run.day <= high)
        return Ledger(folder=self.folder, runs=runs, entries=entries, skipped=self.skipped)

    def only(self, *, simulated: bool) -> Ledger:
        """Either the simulated part, or the rest: invented money and real money are never added."""
        entries = tuple(entry for entry in self.entries if entry.simulated is simulated)
        spent = {entry.run for entry in entries}
        runs = tuple(run for run in self.runs if run.run in spent or run.simulated is simulated)
        return Ledger(folder=self.folder, runs=runs, entries=entries, skipped=self.skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The sums of the entries that share a value in each dimension."""

    key: tuple[str, ...]
    spend: Spend


def total(entries: Iterable[Entry]) -> Spend:
    """Sum all entries."""
    return sum((entry.spend for entry in entries), Spend())


def grouped(entries: Iterable[Entry], by: Sequence[Dimension]) -> list[Group]:
    """Sum the entries by the values of some dimensions: in the order of time, else the dearest first.

    An entry of a run with several tags counts under each of them, so sums over tags may exceed the total.
    """
    sums: dict[tuple[str, ...], Spend] = {}
    for entry in entries:
        for key in _keys(entry, by):
            sums[key] = sums.get(key, Spend()) + entry.spend
    found = [Group(key=key, spend=spend) for key, spend in sums.items()]
    return sorted(found, key=_order(found, by))


def model_id(entry: Entry) -> str:
    """Name a model as eval.toml does, since two evaluations may call two models by one name."""
    return f"{entry.provider}/{entry.model}"


def week(day: date) -> str:
    """Name the ISO week of a day: `2026-W48`."""
    year, number, _ = day.isocalendar()
    return f"{year:04d}-W{number:02d}"


def as_plain(spend: Spend) -> Mapping[str, Any]:
    """The sums by name, in their fixed order."""
    return {name: getattr(spend, name) for name in FIELDS}


def _keys(entry: Entry, by: Sequence[Dimension]) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [()]
    for dimension in by:
        keys = [(*key, value) for key in keys for value in _values(entry, dimension)]
    return keys


def _values(entry: Entry, dimension: Dimension) -> Sequence[str]:
    if dimension == "tag":
        return entry.tags or (NO_TAG,)
    return (_value(entry, dimension),)


def _value(entry: Entry, dimension: Dimension) -> str:
    judge = f"judge {entry.judge}"
    values: Mapping[str, str] = {
        "day": f"{entry.day}",
        "week": week(entry.day),
        "month": f"{entry.day:%Y-%m}",
        "provider": entry.provider,
        "model": model_id(entry),
        "evaluation": entry.evaluation,
        "prompt": entry.prompt if entry.judge is None else judge,
        "run": entry.run,
        "judge": ANSWERS if entry.judge is None else judge,
    }
    return values[dimension]


def _order(groups: Sequence[Group], by: Sequence[Dimension]) -> Callable[[Group], tuple[Any, ...]]:
    """Sort by one dimension after the other, what belongs together kept together."""
    within: dict[tuple[str, ...], Spend] = {}
    for group in groups:
        for depth in range(1, len(by) + 1):
            within[group.key[:depth]] = within.get(group.key[:depth], Spend()) + group.spend

    def place(group: Group) -> tuple[Any, ...]:
        return tuple(
            (Decimal(0) if dimension in OF_TIME else -_weight(within[group.key[: depth + 1]]), group.key[depth])
            for depth, dimension in enumerate(by)
        )

    return place


def _weight(spend: Spend) -> Decimal:
    return Decimal(-1) if spend.cost_usd is None else spend.cost_usd


def _sum(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return one + other
