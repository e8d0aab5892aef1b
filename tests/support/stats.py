"""Results and scores as the tables that a run leaves on disk."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipeline.core.records import Metric

MONEY = pa.decimal128(38, 12)
ATTEMPT = pa.struct(
    [
        ("started_at", pa.timestamp("us", "UTC")),
        ("http_status", pa.int64()),
        ("error", pa.string()),
        ("latency_ms", pa.float64()),
        ("cost_usd", MONEY),
        ("possibly_paid", pa.bool_()),
        ("booked_usd", MONEY),
    ]
)
RESULTS = pa.schema(
    [
        ("job_id", pa.string()),
        ("row_id", pa.string()),
        ("prompt", pa.string()),
        ("model", pa.string()),
        ("params", pa.string()),
        ("repeat", pa.int64()),
        ("status", pa.string()),
        ("stop_reason", pa.string()),
        ("text", pa.string()),
        ("input_tokens", pa.int64()),
        ("cache_read_tokens", pa.int64()),
        ("cache_write_5m_tokens", pa.int64()),
        ("cache_write_1h_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("thinking_tokens", pa.int64()),
        ("usage_source", pa.string()),
        ("cost_usd", MONEY),
        ("source", pa.string()),
        ("reused_cost_usd", MONEY),
        ("attempts", pa.list_(ATTEMPT)),
        ("first_token_ms", pa.float64()),
        ("latency_ms", pa.float64()),
    ]
)
SCORES = pa.schema(
    [
        ("run_id", pa.string()),
        ("job_id", pa.string()),
        ("scorer", pa.string()),
        ("value", pa.float64()),
        ("passed", pa.bool_()),
        ("label", pa.string()),
        ("extracted", pa.string()),
        ("status", pa.string()),
        ("sums", pa.list_(pa.float64())),
    ]
)


def plain_metric(name: str, pass_fail: bool = True, **more: Any) -> Metric:
    """A metric of shares where it is pass/fail, of plain numbers else."""
    return Metric(**{"name": name, "pass_fail": pass_fail, "scale": "share" if pass_fail else "number", **more})


_START = datetime(2026, 11, 22, tzinfo=UTC)


def attempt(cost: str | None = None, *, possibly_paid: bool = False, booked: str | None = None) -> dict[str, Any]:
    return {
        "started_at": _START,
        "http_status": 200,
        "error": None,
        "latency_ms": 10.0,
        "cost_usd": None if cost is None else Decimal(cost),
        "possibly_paid": possibly_paid,
        "booked_usd": None if booked is None else Decimal(booked),
    }


def result(row: str, model: str = "m", **columns: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "row_id": row,
        "prompt": "p",
        "model": model,
        "params": "{}",
        "repeat": 0,
        "status": "ok",
        "stop_reason": "end_turn",
        "usage_source": "reported",
        "source": "called",
        "attempts": [],
    }
    base |= columns
    base.setdefault("job_id", "/".join(str(base[key]) for key in ("row_id", "model", "prompt", "params", "repeat")))
    return base


def score(of: dict[str, Any], value: float | None, scorer: str = "number", **columns: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "run_id": "r",
        "job_id": of["job_id"],
        "scorer": scorer,
        "value": value,
        "passed": None if value is None else value == 1.0,
        "status": "unscored" if value is None else "scored",
    }
    return base | columns


def results_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=RESULTS)


def scores_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=SCORES)
