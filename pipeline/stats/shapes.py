"""How tokens, times and scores of each cell are distributed: entries of summary.json, with bins shared by all cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.stats.histograms import Scale, Values, quantiles, shared_scale
from pipeline.stats.job_columns import JobColumns, floats
from pipeline.stats.row_means import Codes

QUANTITIES = ("input_tokens", "output_tokens", "latency_ms", "first_token_ms")
_MORE_INPUT = ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_Jobs = NDArray[np.int64]


def keep_tokens(columns: JobColumns, jobs: pa.Table, answered: NDArray[np.bool_]) -> None:
    """Keep the tokens of a batch of jobs, in 4 bytes each, which hold up to 16 million exactly.

    Input is everything that was sent, whether a cache was read or written: the classes together. It is unknown where
    fresh input is, and so are the tokens of a job without an answer.
    """
    sent = floats(jobs["input_tokens"])
    for name in _MORE_INPUT:
        sent = sent + np.asarray(pc.fill_null(jobs[name], 0), dtype=np.float64)
    for name, tokens in (("input_tokens", sent), ("output_tokens", floats(jobs["output_tokens"]))):
        columns.keep(name, np.where(answered, tokens, np.nan).astype(np.float32))


def add_shapes(
    cells: Sequence[dict[str, Any]],
    jobs_of: Sequence[_Jobs],
    columns: JobColumns,
    metrics: Sequence[Metric],
    rows: Codes,
) -> None:
    """Add `distributions` to each cell, and `distribution` to its metrics that are graded or repeated.

    `jobs_of` has the jobs of each cell, `rows` the row number of each job.
    """
    for cell in cells:
        cell["distributions"] = {}
    for name in QUANTITIES:
        values = columns.column(name)
        if (scale := shared_scale(values, whole=name.endswith("tokens"))) is not None:
            for cell, jobs in zip(cells, jobs_of, strict=True):
                cell["distributions"][name] = _entry(scale, values[jobs])
    for metric in metrics:
        found = [cell["metrics"][metric.name] for cell in cells]
        values = columns.column(f"value {metric.name}")
        if metric.pass_fail:
            _add_passes(found, jobs_of, values, rows)
        else:
            _add_scores(found, jobs_of, values, shared_scale(values, few=True, log=metric.scale != "share"))


def _entry(scale: Scale, values: Values) -> dict[str, Any]:
    counts = np.bincount(scale.bin_of(values), minlength=scale.bins + 1)
    found = {**scale.entry(counts[:-1]), "unknown": int(counts[-1])}
    return found if scale.values is not None else {**found, **quantiles(values)}


def _add_scores(
    entries: Sequence[dict[str, Any]], jobs_of: Sequence[_Jobs], values: Values, scale: Scale | None
) -> None:
    """How the scores of the single answers lie."""
    if scale is None:
        return
    for entry, jobs in zip(entries, jobs_of, strict=True):
        entry["distribution"] = _entry(scale, values[jobs])


def _add_passes(entries: Sequence[dict[str, Any]], jobs_of: Sequence[_Jobs], values: Values, rows: Codes) -> None:
    """How many of its k answers each row passes; nothing where no row has two."""
    answers = []
    for jobs in jobs_of:
        scored = jobs[~np.isnan(values[jobs])]
        found, inverse = np.unique(rows[scored], return_inverse=True)
        passes = np.bincount(inverse, weights=values[scored] == 1.0, minlength=found.size).astype(np.int64)
        answers.append((np.bincount(inverse, minlength=found.size), passes))
    k = max((int(counts.max(initial=0)) for counts, _ in answers), default=0)
    if k < 2:
        return
    for entry, (counts, passes) in zip(entries, answers, strict=True):
        whole = counts == k
        entry["distribution"] = {
            "of": k,
            "counts": np.bincount(passes[whole], minlength=k + 1).tolist(),
            "unknown": int((~whole).sum()),
        }
