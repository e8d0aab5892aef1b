"""The pages render what the statistics really build, not only what tests make up."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.core.settings import GateSettings
from pipeline.report.pages import render_pages
from pipeline.report.terminal import summary_table
from pipeline.report.view import RunView
from pipeline.report.words import verdict
from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import plain_metric

ATTEMPTS = pa.list_(
    pa.struct(
        {
            "started_at": pa.timestamp("us", "UTC"),
            "http_status": pa.int64(),
            "error": pa.string(),
            "latency_ms": pa.float64(),
            "cost_usd": pa.decimal128(38, 12),
            "possibly_paid": pa.bool_(),
        }
    )
)
TEXTS = ("job_id", "row_id", "prompt", "model", "params", "status", "stop_reason", "usage_source", "source")
TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens")
RESULTS = pa.schema(
    [(name, pa.string()) for name in TEXTS]
    + [(name, pa.int64()) for name in (*TOKENS, "thinking_tokens")]
    + [(name, pa.decimal128(38, 12)) for name in ("cost_usd", "reused_cost_usd")]
    + [("attempts", ATTEMPTS)]
    + [(name, pa.float64()) for name in ("first_token_ms", "latency_ms")]
)
SCORES = pa.schema(
    {"job_id": pa.string(), "scorer": pa.string(), "value": pa.float64(), "passed": pa.bool_(), "status": pa.string()}
)


def real_summary() -> dict[str, Any]:
    """40 rows for two models, of which one passes three quarters and the other a quarter; one job ends in an error."""
    results, scores = [], []
    for model, modulus in (("strong", 4), ("weak", 4)):
        for row in range(40):
            job = f"{model}-{row}"
            failed = model == "weak" and row == 7
            results.append(
                {
                    **dict.fromkeys(RESULTS.names),
                    "job_id": job,
                    "row_id": str(row),
                    "prompt": "p",
                    "model": model,
                    "params": "{}",
                    "status": "error" if failed else "ok",
                    "stop_reason": None if failed else "end_turn",
                    "usage_source": "missing" if failed else "reported",
                    "source": "called",
                    "input_tokens": None if failed else 100,
                    "output_tokens": None if failed else 20,
                    "cost_usd": None if failed else Decimal("0.0006"),
                    "attempts": [],
                    "latency_ms": None if failed else 500.0 + row,
                }
            )
            passed = (row % modulus == 0) == (model == "weak")
            status = "left_out" if failed else "scored"
            value = None if failed else float(passed)
            scores.append({"job_id": job, "scorer": "number", "value": value, "passed": passed, "status": status})
    gates = [GateSettings(metric="number", model="strong", min=0.9)]
    builder = SummaryBuilder(
        "real", "r", simulated=False, metrics=[plain_metric("number")], gates=gates, budget_usd=Decimal("1.50")
    )
    builder.add_pair(pa.Table.from_pylist(results, schema=RESULTS), pa.Table.from_pylist(scores, schema=SCORES))
    return builder.finish()


def test_the_verdict_and_every_page_come_from_a_built_summary(tmp_path: Path) -> None:
    summary = real_summary()
    assert verdict(summary).headline == "strong leads."
    view = RunView(
        summary=summary,
        description="",
        created_at="",
        dataset={},
        version="",
        samples=(),
        total_jobs=80,
        notes=(),
    )
    index, quality, cost = (path.read_text(encoding="utf-8") for path in render_pages(view, tmp_path))
    assert "Left out of every mean: 1 job ending in an error." in index
    assert "1 gate failed (number)." in index
    assert '<span class="judged worse">worse</span>' in quality
    assert "$0.600" in cost
    assert summary_table(summary).row_count == 2


def test_a_run_without_any_job_has_pages_too(tmp_path: Path) -> None:
    builder = SummaryBuilder("empty", "r", simulated=False, metrics=[plain_metric("number")], gates=[], budget_usd=None)
    view = RunView(
        summary=builder.finish(),
        description="",
        created_at="",
        dataset={},
        version="",
        samples=(),
        total_jobs=0,
        notes=(),
    )
    assert len(render_pages(view, tmp_path)) == 3
