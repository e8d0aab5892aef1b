"""Sample rows: stored results and scores to what a page shows of a job, with long texts cut while they are columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.report.view import Sample, SampleAttempt, SampleScore, Turn
from pipeline.report.visible import TEXT_LIMIT

RESULT_COLUMNS = (
    "job_id", "row_id", "model", "prompt", "params", "repeat", "status", "stop_reason_raw", "text", "thinking",
    "tool_calls", "error_kind", "error_message", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens",
    "cache_write_1h_tokens", "output_tokens", "thinking_tokens", "usage_source", "cost_usd", "latency_ms",
    "first_token_ms", "queue_ms", "attempts", "model_served", "provider", "source", "reused_from", "request_id",
    "finished_at",
)  # fmt: skip
LINE_COLUMNS = (
    "job_id", "row_id", "model", "prompt", "params", "repeat", "status", "stop_reason_raw", "text", "tool_calls",
    "error_kind", "error_message", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens",
    "cache_write_1h_tokens", "output_tokens", "cost_usd", "latency_ms",
)  # fmt: skip
"""What a line of a list needs of them."""
SCORE_COLUMNS = ("job_id", "scorer", "value", "passed", "label", "extracted", "expected", "explanation", "status")
_LONG = {"text": "answer", "thinking": "thinking", "tool_calls": "tool_calls", "error_message": "error"}
"""Columns of a result that may be long, and what samples call them."""
_LONG_SCORES = ("extracted", "expected", "explanation")
_INPUT_CLASSES = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_USAGE = (*_INPUT_CLASSES, "output_tokens", "thinking_tokens")
_FACTS = ("provider", "model_served", "usage_source", "request_id", "reused_from")


def result_rows(table: pa.Table, limit: int = TEXT_LIMIT) -> list[dict[str, Any]]:
    """The table's rows as dicts; texts keep `limit` characters, `left_out` counts the others by field.

    Columns that the table does not have are None.
    """
    lengths = {}
    for column, name in _LONG.items():
        table, lengths[name] = _cut(table, column, limit)
    nothing = dict.fromkeys(RESULT_COLUMNS)
    rows: list[dict[str, Any]] = [nothing | row for row in table.to_pylist()]
    for number, row in enumerate(rows):
        row["left_out"] = {name: more for name, found in lengths.items() if (more := (found[number] or 0) - limit) > 0}
    return rows


def score_rows(table: pa.Table, limit: int = TEXT_LIMIT) -> dict[str, list[SampleScore]]:
    """The scores of each job, in their order; a cut text ends in a sign that says so."""
    for column in _LONG_SCORES:
        table, _ = _cut(table, column, limit + 1)  # one more, so that the page sees that it was cut
    scores: dict[str, list[SampleScore]] = {}
    for row in table.to_pylist():
        score = SampleScore(**{name: row[name] for name in SCORE_COLUMNS if name != "job_id"})
        scores.setdefault(row["job_id"], []).append(score)
    return scores


def sample_of(row: Mapping[str, Any], scores: Sequence[SampleScore], turns: tuple[Turn, ...], prefill: str) -> Sample:
    """What a page shows of one row of `result_rows`."""
    known_input = [row[name] for name in _INPUT_CLASSES if row[name] is not None]
    return Sample(
        job_id=row["job_id"],
        row_id=row["row_id"],
        model=row["model"],
        prompt=row["prompt"],
        params=row["params"],
        repeat=row["repeat"],
        status=row["status"],
        stop_reason=row["stop_reason_raw"],
        turns=turns,
        answer=row["text"] or "",
        prefill=prefill,
        thinking=row["thinking"],
        error=None if row["error_message"] is None else f"{row['error_kind']}: {row['error_message']}",
        scores=tuple(scores),
        input_tokens=sum(known_input) if known_input else None,
        output_tokens=row["output_tokens"],
        cost_usd=_money(row["cost_usd"]),
        latency_ms=row["latency_ms"],
        attempts=tuple(map(_attempt, row["attempts"] or ())),
        tool_calls=row["tool_calls"],
        usage={name.removesuffix("_tokens"): row[name] for name in _USAGE},
        facts=_facts(row),
        left_out=row["left_out"],
    )


def _cut(table: pa.Table, column: str, limit: int) -> tuple[pa.Table, list[int | None]]:
    """The table with a text column cut to `limit` characters, and how long its texts were."""
    place = table.schema.get_field_index(column)
    if place < 0:
        return table, [None] * table.num_rows
    texts = table[column]
    cut = pc.utf8_slice_codeunits(texts, 0, limit)
    return table.set_column(place, column, cut), pc.utf8_length(texts).to_pylist()


def _attempt(attempt: Mapping[str, Any]) -> SampleAttempt:
    return SampleAttempt(
        started_at=_moment(attempt["started_at"]),
        http_status=attempt["http_status"],
        error=attempt["error"],
        latency_ms=attempt["latency_ms"],
        cost_usd=_money(attempt["cost_usd"]),
        possibly_paid=attempt["possibly_paid"],
    )


def _facts(row: Mapping[str, Any]) -> dict[str, str]:
    found = {name: row[name] for name in _FACTS}
    return {name: value for name, value in {**found, "finished_at": _moment(row["finished_at"])}.items() if value}


def _money(value: Any) -> str | None:
    return None if value is None else f"{value:f}"


def _moment(value: Any) -> str | None:
    return f"{value.replace(tzinfo=None).isoformat(' ', 'seconds')} UTC" if isinstance(value, datetime) else None
