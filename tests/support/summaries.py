"""Small runs to summarize: values by model and row, with the dataset's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import plain_metric, result, results_batch, score, scores_batch


def summary_of(
    values: Mapping[str, Sequence[float | None]],
    columns: Mapping[str, Sequence[Any]] | None = None,
    *,
    metric: Metric | None = None,
    sums: Mapping[str, Sequence[Sequence[float]]] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """The summary of models that answered rows r0, r1, …: `values` by model, `columns` of the dataset by name."""
    metric = metric or plain_metric("number")
    builder = SummaryBuilder(
        "e", "r", simulated=False, metrics=[metric], gates=[], budget_usd=None,
        statistics=StatisticsSettings(**settings),
    )  # fmt: skip
    rows = max(map(len, values.values()))
    named = {name: pa.chunked_array([column]) for name, column in (columns or {}).items()}
    builder.add_rows(pa.chunked_array([[f"r{row}" for row in range(rows)]]), named)
    for model, given in values.items():
        jobs = [result(f"r{row}", model=model) for row in range(len(given))]
        of_model = [None] * rows if sums is None else sums[model]
        marks = [
            score(job, value, metric.name, sums=counts, passed=value == 1.0 if metric.pass_fail else None)
            for job, value, counts in zip(jobs, given, of_model, strict=False)
        ]
        builder.add_pair(results_batch(jobs), scores_batch(marks))
    summary: dict[str, Any] = builder.finish(models=list(values))
    return summary


def metric_of(summary: Mapping[str, Any], model: str, name: str = "number") -> dict[str, Any]:
    """The figures of one model's cell."""
    found: dict[str, Any] = next(cell for cell in summary["cells"] if cell["model"] == model)["metrics"][name]
    return found
