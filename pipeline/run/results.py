"""A job and what came of it to one result row; pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, get_args

import orjson

from pipeline.core.records import Attempt, Failure, Job, Response, Result, StopReason, Usage
from pipeline.core.secrets import Scrubber
from pipeline.core.settings import ModelSettings, Price
from pipeline.core.tokens import estimate_request_tokens, estimate_tokens
from pipeline.run.attempt import Exchange
from pipeline.run.permits import booked_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultContext:
    """What all results of one lane share."""

    run_id: str
    eval: str
    model: ModelSettings
    scrubber: Scrubber = field(default_factory=Scrubber)
    """Keeps the provider's key out of what models and providers say."""


class Charge(NamedTuple):
    """What an answer costs."""

    price: Price | None
    cost_usd: Decimal | None


class Timing(NamedTuple):
    """When a job ran."""

    queue_ms: float | None = None
    first_token_ms: float | None = None
    latency_ms: float | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


def answered(
    context: ResultContext,
    job: Job,
    response: Response,
    *,
    charge: Charge,
    attempts: Sequence[Attempt],
    timing: Timing,
) -> Result:
    """The row of a job that got an answer, whatever the answer is worth."""
    usage = response.usage
    clean = context.scrubber.scrub_known
    return Result(
        **_base(context, job, attempts, timing),
        status=response.status,
        model_served=_cleaned(clean, response.model_served),
        stop_reason=response.stop_reason,
        stop_reason_raw=_cleaned(clean, response.stop_reason_raw),
        stop_sequence=_cleaned(clean, response.stop_sequence),
        text=clean(response.text),
        thinking=_cleaned(clean, response.thinking),
        content=clean(_json(response.content)),
        tool_calls=clean(_json(response.tool_calls)) if response.tool_calls else None,
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_tokens=usage.output_tokens,
        thinking_tokens=usage.thinking_tokens,
        usage_source=usage.source,
        usage_raw=None if usage.raw is None else clean(_json(usage.raw)),
        cost_usd=total_cost(charge.cost_usd, attempts),
        price_id=None if charge.price is None else charge.price.price_id,
        http_status=attempts[-1].http_status if attempts else None,
        request_id=_cleaned(clean, response.request_id),
    )


def failed(
    context: ResultContext, job: Job, failure: Failure, *, attempts: Sequence[Attempt], timing: Timing
) -> Result:
    """The row of a job that ended without an answer."""
    known = [attempt.cost_usd for attempt in attempts if attempt.cost_usd is not None]
    return Result(
        **_base(context, job, attempts, timing),
        status="error",
        cost_usd=sum(known, Decimal(0)) if known else None,
        error_kind=failure.kind,
        error_message=failure.message,
        http_status=failure.http_status,
        request_id=_cleaned(context.scrubber.scrub_known, failure.request_id),
    )


def skipped(context: ResultContext, job: Job, failure: Failure) -> Result:
    """The row of a job that was not sent because its lane had stopped."""
    return Result(
        **_base(context, job, (), Timing()),
        status="skipped",
        error_kind=failure.kind,
        error_message=f"not sent: the model stopped after: {failure.message}",
    )


def recorded(context: ResultContext, job: Job) -> Result:
    """The row of an answer that the dataset already holds: no call, no attempt, no cost."""
    answer = job.recorded
    if answer is None:
        raise ValueError(f"job {job.job_id} has no recorded answer")
    reason: Any = answer.stop_reason if answer.stop_reason in _KNOWN_STOP_REASONS else "unknown"
    reported = answer.input_tokens is not None and answer.output_tokens is not None
    response = Response(
        text=answer.text,
        content=({"type": "text", "text": answer.text},),
        stop_reason="end_turn" if answer.stop_reason is None else reason,
        stop_reason_raw=answer.stop_reason,
        usage=Usage(
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            source="reported" if reported else "missing",
        ),
    )
    timing = Timing(latency_ms=answer.latency_ms)
    return answered(context, job, response, charge=Charge(None, None), attempts=(), timing=timing)


def with_estimates(response: Response, job: Job) -> Response:
    """Fill in token counts where the provider reports none, marked as estimated."""
    if response.usage.source != "missing" or job.request is None:
        return response
    usage = replace(
        response.usage,
        input_tokens=estimate_request_tokens(job.request),
        output_tokens=estimate_tokens(response.text) + estimate_tokens(response.thinking or ""),
        source="estimated",
    )
    return replace(response, usage=usage)


def total_cost(final_usd: Decimal | None, attempts: Sequence[Attempt]) -> Decimal | None:
    """What a job cost: its answer and the earlier attempts that are known to have been billed."""
    if final_usd is None:
        return None
    return sum((attempt.cost_usd for attempt in attempts[:-1] if attempt.cost_usd is not None), final_usd)


def attempt_record(exchange: Exchange, cost_usd: Decimal | None, bound_usd: Decimal | None) -> Attempt:
    """The record of one attempt, with what the budget booked for it."""
    outcome = exchange.outcome
    return Attempt(
        started_at=exchange.started_at,
        http_status=exchange.http_status,
        error=_attempt_error(outcome),
        latency_ms=exchange.latency_ms,
        cost_usd=cost_usd,
        possibly_paid=isinstance(outcome, Failure) and outcome.possibly_paid,
        booked_usd=booked_usd(outcome, cost_usd, bound_usd),
    )


def at_stake(attempts: list[Attempt], bound_usd: Decimal | None) -> Decimal | None:
    """What may have been paid for a job so far, with one more attempt at `bound_usd`; None when nothing bounds it."""
    booked = [attempt.booked_usd for attempt in attempts]
    if bound_usd is None or None in booked:
        return None
    return sum((amount for amount in booked if amount is not None), bound_usd)


def _attempt_error(outcome: Response | Failure) -> str | None:
    if isinstance(outcome, Failure):
        return f"{outcome.kind}: {outcome.message[:500]}"
    return f"accepted with: {', '.join(outcome.flags)}" if outcome.flags else None


def all_input(usage: Usage | None) -> int | None:
    """Input of all classes, which decides the price tier."""
    if usage is None or usage.input_tokens is None:
        return None
    return (
        usage.input_tokens
        + (usage.cache_read_tokens or 0)
        + (usage.cache_write_5m_tokens or 0)
        + (usage.cache_write_1h_tokens or 0)
    )


_KNOWN_STOP_REASONS = frozenset(get_args(StopReason))


def _base(context: ResultContext, job: Job, attempts: Sequence[Attempt], timing: Timing) -> dict[str, Any]:
    """The fields that every result has. A dictionary, since each result is built once: `replace` doubles its cost."""
    return {
        "job_id": job.job_id,
        "fingerprint": job.fingerprint,
        "run_id": context.run_id,
        "eval": context.eval,
        "row_id": job.row_id,
        "prompt": job.prompt,
        "model": job.model,
        "provider": context.model.provider,
        "model_requested": context.model.model,
        "params": job.params,
        "repeat": job.repeat,
        "shard": job.shard,
        "attempts": tuple(attempts),
        "queue_ms": timing.queue_ms,
        "first_token_ms": timing.first_token_ms,
        "latency_ms": timing.latency_ms,
        "started_at": timing.started_at,
        "finished_at": timing.finished_at,
    }


def _cleaned(clean: Callable[[str], str], text: str | None) -> str | None:
    return None if text is None else clean(text)


def _json(value: Any) -> str:
    """JSON of anything that JSON gave us: integers beyond 64 bits and lone surrogates included."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=True)
