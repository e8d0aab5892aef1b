"""Summarize: stored results and scores to summary.json, streamed part by part."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from pipeline.core.fingerprint import canonical_json
from pipeline.cost.token_classes import COLUMNS as SPENT_COLUMNS
from pipeline.stats.columns import RESULT_COLUMNS, score_columns
from pipeline.stats.pace import PaceBuilder
from pipeline.stats.summary import SummaryBuilder
from pipeline.steps.columns import read_columns
from pipeline.steps.judging.summary import add_judges
from pipeline.steps.score import read_judged, scored_parts
from pipeline.steps.token_costs import add_token_costs, token_classes
from pipeline.store.events import read_events
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore


def summarize(store: RunStore, run: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure that the reports show."""
    judged = read_judged(store.folder)
    builder = SummaryBuilder(
        run["eval"],
        run["run_id"],
        simulated=run["simulated"],
        metrics=judged.scorers,
        statistics=judged.statistics,
        gates=judged.gates,
        budget_usd=judged.budget_usd,
        planned_jobs=run["planned_jobs"],
        unanswered=store.unanswered(),
    )
    settings = run["settings"]
    columns = score_columns(judged.scorers, repeated=settings["repeats"] > 1)
    for row_ids, named in read_columns(store.folder, judged.statistics):
        builder.add_rows(row_ids, named)
    spent, pace = token_classes(run), PaceBuilder()
    for results_path, scores_path in scored_parts(store):
        results = read_part(results_path, columns=tuple(dict.fromkeys((*RESULT_COLUMNS, *SPENT_COLUMNS))))
        spent.add(results)
        pace.add(results)
        builder.add_pair(results, read_part(scores_path, columns=columns))
    summary: dict[str, Any] = builder.finish(
        models=[model["name"] for model in settings["models"]],
        prompts=[prompt["name"] for prompt in settings["prompts"]],
        params=_params(settings["grid"]),
    )
    add_token_costs(summary, spent)
    events = read_events(store.folder)
    summary["pace"] = pace.finish(settings.get("limits"), changed_limits=events.limits, waits=events.waits)
    add_judges(summary, store, run)
    return summary


def _params(grid: Mapping[str, Any]) -> list[str]:
    """The grid's cells as results name them, in the order of the settings."""
    return [canonical_json(dict(zip(grid, values, strict=True))).decode() for values in product(*grid.values())]
