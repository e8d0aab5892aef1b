"""Records that travel between the parts: request, job, response, failure, result, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

Block = dict[str, Any]
"""One content block in the shape of the Messages protocol (protocol section 1.4)."""

Message = dict[str, Any]
"""One turn: `{"role": ..., "content": str | list[Block]}`."""

Status = Literal["ok", "truncated", "refused", "empty", "error", "blocked", "skipped"]
ANSWERED: tuple[Status, ...] = ("ok", "truncated", "refused", "empty")
"""Statuses of jobs that got an answer, whatever it is worth."""
StopReason = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
    "compaction",
    "unknown",
]
UsageSource = Literal["reported", "estimated", "missing"]
ErrorKind = Literal[
    "auth",
    "billing",
    "model",
    "endpoint",
    "rate",
    "overload",
    "transport",
    "conflict",
    "request",
    "output",
    "local",
    "limits",
]
Stops = Literal["nothing", "lane", "run"]
ScoreStatus = Literal["scored", "unscored", "left_out"]
Better = Literal["higher", "lower", "neither"]
Scale = Literal["share", "number"]
"""A share lies between 0 and 1 and may be shown in percent."""
Corpus = Literal["bleu", "chrf", "ter"]
"""Figures of many answers that are computed from summed statistics and are not the mean of the answers' values."""
Treatment = Literal["wrong", "scored", "left_out"]
"""What answers of a status count as; "scored" is by what they say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, in the neutral form: the shape of the Messages protocol, whatever the provider speaks."""

    messages: tuple[Message, ...]
    system: str | tuple[Block, ...] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    """Messages parameters (max_tokens, temperature, tools, ...); unknown keys pass through."""

    @property
    def prefill(self) -> str:
        """The text that the answer continues: the last assistant turn, if the conversation ends in one."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            return ""
        content = self.messages[-1]["content"]
        if isinstance(content, str):
            return content
        return "".join(block["text"] for block in content if block.get("type") == "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request to be answered once: a row under a prompt, a model, a grid cell and a repeat."""

    job_id: str
    fingerprint: str
    """Hash of everything that can change the answer."""
    row_id: str
    prompt: str
    model: str
    """The name that reports use."""
    params: str
    """The grid cell as canonical JSON; `{}` without a grid."""
    repeat: int
    shard: str
    request: Request | None
    """None when the row could not be rendered; `failure` then says why."""
    failure: Failure | None = None
    recorded: Recorded | None = None
    """The answer that the dataset already holds (provider `recorded`)."""
    earlier: Result | None = None
    """The result, where an earlier run's answer is reused: nothing is sent then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An answer that exists already, with what the dataset says of it."""

    text: str
    stop_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens billed for one response, in classes that never overlap; None is "not reported"."""

    input_tokens: int | None = None
    """Fresh input only: neither read from nor written to a cache."""
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    """All output, thinking included."""
    thinking_tokens: int | None = None
    """The part of output_tokens spent on thinking; a breakdown, never billed again."""
    source: UsageSource = "missing"
    raw: Mapping[str, Any] | None = None
    """The provider's own usage object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer as it was read from the wire."""

    text: str
    """All text blocks joined; without the prefill."""
    content: tuple[Block, ...]
    stop_reason: StopReason
    stop_reason_raw: str | None
    usage: Usage
    thinking: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """`{"id", "name", "input"}` each."""
    stop_sequence: str | None = None
    model_served: str | None = None
    request_id: str | None = None
    flags: tuple[str, ...] = ()
    """What was unusual about the answer and did not spoil it, such as `no_message_stop`."""

    @property
    def status(self) -> Status:
        """What this answer is worth to the pipeline (protocol section 2)."""
        if self.stop_reason == "refusal":
            return "refused"
        if self.stop_reason in ("max_tokens", "model_context_window_exceeded"):
            return "truncated"
        if not self.text.strip() and not self.tool_calls:
            return "empty"
        return "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An expected failure of one attempt or one job, classified (reliability 5.2)."""

    kind: ErrorKind
    message: str
    """Scrubbed of secrets, at most 2,000 characters."""
    http_status: int | None = None
    transient: bool = False
    """Whether another attempt can succeed."""
    stops: Stops = "nothing"
    retry_after_seconds: float | None = None
    possibly_paid: bool = False
    """The request may have been processed and billed although no answer arrived."""
    stale_connection: bool = False
    """The connection had been closed while it lay idle: over a new one the request is as good as a first one."""
    request_id: str | None = None
    usage: Usage | None = None
    """What was billed for the failed attempt, where the provider says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that left for the provider."""

    started_at: datetime
    http_status: int | None
    error: str | None
    latency_ms: float
    cost_usd: Decimal | None
    possibly_paid: bool
    booked_usd: Decimal | None = None
    """What the budget booked for this attempt: its cost where known, its upper bound where it was possibly paid,
    else 0; None without a price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One finished job: a row of `results/*.parquet`. Field names are the column names."""

    job_id: str
    fingerprint: str
    run_id: str
    eval: str
    row_id: str
    prompt: str
    model: str
    provider: str
    model_requested: str
    model_served: str | None = None
    params: str
    repeat: int
    status: Status
    stop_reason: str | None = None
    stop_reason_raw: str | None = None
    stop_sequence: str | None = None
    text: str | None = None
    thinking: str | None = None
    content: str | None = None
    """Content blocks as JSON."""
    tool_calls: str | None = None
    """Tool calls as JSON; None when there are none."""
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    usage_source: UsageSource = "missing"
    usage_raw: str | None = None
    """The provider's own usage object as JSON."""
    cost_usd: Decimal | None = None
    price_id: str | None = None
    lane: Literal["sync", "batch"] = "sync"
    source: Literal["called", "reused"] = "called"
    reused_from: str | None = None
    """The run that called for a reused answer."""
    reused_cost_usd: Decimal | None = None
    """What a reused answer cost there, where known."""
    attempts: tuple[Attempt, ...] = ()
    error_kind: str | None = None
    error_message: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    queue_ms: float | None = None
    first_token_ms: float | None = None
    latency_ms: float | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    shard: str = ""
    """Plan coordinates; kept so that a resume knows which shards are complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a scorer may look at: an answer as it is stored."""

    text: str
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """`{"id", "name", "input"}` each."""
    output_tokens: int | None = None
    latency_ms: float | None = None
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one scorer says about one answer: with run, job and scorer, a row of `scores/*.parquet`."""

    value: float | None
    """The metric; 0 or 1 for pass/fail scorers; None when unscored."""
    passed: bool | None = None
    label: str | None = None
    extracted: str | None = None
    expected: str | None = None
    explanation: str | None = None
    status: ScoreStatus = "scored"
    sums: tuple[float, ...] | None = None
    """Of corpus figures: the answer's statistics, which add up over answers (see `Corpus`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What one scorer's values are and how they were counted: an entry of `scores/judged.json`."""

    name: str
    kind: str = ""
    """The scorer's kind; empty where an older version wrote the file."""
    pass_fail: bool
    better: Better = "higher"
    unit: str = ""
    """Such as ms, USD, characters; empty for plain figures."""
    scale: Scale = "number"
    corpus: Corpus | None = None
    corpus_options: Mapping[str, Any] = field(default_factory=dict)
    """What the corpus figure depends on beside the sums, such as the word order of chrF."""
    counts: Mapping[str, Treatment] = field(default_factory=dict)
    """What each status other than ok counts as."""
