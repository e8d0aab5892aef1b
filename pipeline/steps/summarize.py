"""Summarize: stored results and scores to summary.json, streamed part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from pipeline.stats.summary import RESULT_COLUMNS, SCORE_COLUMNS, SummaryBuilder
from pipeline.steps.score import read_judged, scored_parts
from pipeline.store.run_store import RunStore


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
        results = pq.read_table(results_path, columns=list(RESULT_COLUMNS))
        builder.add_pair(results, pq.read_table(scores_path, columns=list(SCORE_COLUMNS)))
    settings = run["settings"]
    summary: dict[str, Any] = builder.finish(
        models=[model["name"] for model in settings["models"]],
        prompts=[prompt["name"] for prompt in settings["prompts"]],
    )
    return summary
