"""Summarize: stored results and scores to summary.json, streamed part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from pipeline.stats.summary import SummaryBuilder
from pipeline.steps.score import read_judged, scored_parts
from pipeline.store.run_store import RunStore

_UNNEEDED = frozenset({"text", "thinking", "content", "tool_calls", "usage_raw"})


def summarize(store: RunStore, run: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure that the reports show."""
    judged = read_judged(store.folder)
    builder = SummaryBuilder(
        run["eval"],
        run["run_id"],
        simulated=run["simulated"],
        scorers=judged.scorers,
        gates=judged.gates,
        budget_usd=judged.budget_usd,
    )
    for results_path, scores_path in scored_parts(store):
        names = [name for name in pq.read_schema(results_path).names if name not in _UNNEEDED]
        builder.add_pair(pq.read_table(results_path, columns=names), pq.read_table(scores_path))
    summary: dict[str, Any] = builder.finish()
    return summary
