"""The records that the pages are rendered from; whoever reads the tables fills them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of the conversation that was sent."""

    role: str
    text: str
    """Images stand as `[image]` markers with kind and size, tool blocks as compact JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleScore:
    """What one scorer said about one answer."""

    scorer: str
    value: float | None
    passed: bool | None
    label: str | None
    extracted: str | None
    expected: str | None
    explanation: str | None
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAttempt:
    """One request that left for the provider."""

    started_at: str | None
    http_status: int | None
    error: str | None
    latency_ms: float | None
    cost_usd: str | None
    possibly_paid: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One job as it is shown to a reader: what was asked, answered, scored and paid.

    Long texts may be cut already; `left_out` says by how much.
    """

    job_id: str
    row_id: str
    model: str
    prompt: str
    params: str
    repeat: int
    status: str
    stop_reason: str | None
    turns: tuple[Turn, ...]
    answer: str
    """Without the prefill."""
    prefill: str
    thinking: str | None
    error: str | None
    scores: tuple[SampleScore, ...]
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: str | None
    latency_ms: float | None
    attempts: tuple[SampleAttempt, ...] = ()
    tool_calls: str | None = None
    """As JSON."""
    usage: Mapping[str, int | None] = field(default_factory=dict)
    """Tokens by class; None is not reported."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else is known: the model served, when it ended, ..."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Characters by field that were cut off: `answer`, `thinking`, `tool_calls`, `error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run as the pages see it."""

    summary: Mapping[str, Any]
    """`summary.json` as it is on disk."""
    description: str
    created_at: str
    dataset: Mapping[str, Any]
    """`name`, `rows`, `sha256`."""
    version: str
    samples: Iterable[Sample]
    """In the order in which they are to be shown; read once, as far as there is room."""
    total_jobs: int
    folder: str = ""
    """Where the run is, for the command that shows the rest."""
    notes: tuple[str, ...]
