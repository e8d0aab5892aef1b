"""Builds summary.json in one pass over results and scores, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.records import ANSWERED
from pipeline.core.settings import GateSettings
from pipeline.stats.accounts import Account, add_batch, dollars, total
from pipeline.stats.comparisons import CellKey, cell_entry, compare_cells
from pipeline.stats.gates import check_gates
from pipeline.stats.metrics import CellScores, RowMeans, metric, percentiles, row_means
from pipeline.stats.outcomes import read_outcomes

RESULT_COLUMNS = (
    "job_id",
    "row_id",
    "prompt",
    "model",
    "params",
    "status",
    "stop_reason",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "thinking_tokens",
    "usage_source",
    "cost_usd",
    "source",
    "reused_cost_usd",
    "attempts",
    "first_token_ms",
    "latency_ms",
)
"""The columns of results that a summary needs; reading only these saves memory."""

SCORE_COLUMNS = ("job_id", "scorer", "value", "passed", "status")
"""The columns of scores that a summary needs."""

STATUSES = ("ok", "truncated", "refused", "empty", "error", "blocked", "skipped")
_Batch: TypeAlias = pa.RecordBatch | pa.Table


class SummaryBuilder:
    """Collects results with their scores, then computes every figure that the reports show.

    What it keeps per job is its row id, a cell number, two times, and per scorer a value and two flags.
    """

    def __init__(  # noqa: PLR0913 # each is a fact of the run that no other tells
        self,
        eval_name: str,
        run_id: str,
        *,
        simulated: bool,
        scorers: Sequence[tuple[str, bool]],
        gates: Sequence[GateSettings],
        budget_usd: Decimal | None,
        planned_jobs: int | None = None,
        unanswered: tuple[int, Decimal | None] | None = None,
    ) -> None:
        """Start empty; `scorers` are (name, pass_fail).

        `planned_jobs` counts the jobs of the whole run, answered or not. `unanswered` are requests that were sent and
        whose answers were never stored, with the most that they can have cost.
        """
        self._head = {"eval": eval_name, "run_id": run_id, "simulated": simulated}
        self._scorers = tuple(scorers)
        self._gates = tuple(gates)
        self._budget_usd = budget_usd
        self._planned_jobs = planned_jobs
        self._unanswered = unanswered
        self._cells: dict[CellKey, int] = {}
        self._accounts: dict[int, Account] = {}
        self._row_ids: list[pa.Array] = []
        self._columns: dict[str, list[NDArray[Any]]] = {}

    def add_pair(self, results: _Batch, scores: _Batch) -> None:
        """Add a batch of results and all scores of its jobs (and of no others), in any order.

        Raises ValueError when the two do not belong together.
        """
        jobs = _as_table(results, RESULT_COLUMNS)
        outcomes = read_outcomes(jobs, _as_table(scores, SCORE_COLUMNS), [name for name, _ in self._scorers])
        if not jobs.num_rows:
            return
        cells = self._cell_numbers(jobs)
        first = next((name for name, pass_fail in self._scorers if pass_fail), None)
        passed = np.zeros(jobs.num_rows, dtype=np.bool_) if first is None else outcomes[first].passed
        add_batch(self._accounts, jobs, cells, passed)
        answered = np.asarray(pc.is_in(jobs["status"], pa.array(ANSWERED)), dtype=np.bool_)
        self._row_ids.append(pc.cast(jobs["row_id"].combine_chunks(), pa.large_string()))
        self._keep("cell", cells)
        self._keep("ok", np.asarray(pc.equal(jobs["status"], "ok"), dtype=np.bool_))
        self._keep("latency_ms", np.where(answered, _floats(jobs["latency_ms"]), np.nan))
        self._keep("first_token_ms", np.where(answered, _floats(jobs["first_token_ms"]), np.nan))
        for name, outcome in outcomes.items():
            self._keep(f"value {name}", outcome.value)
            self._keep(f"passed {name}", outcome.passed)
            self._keep(f"unscored {name}", outcome.unscored)

    def finish(
        self, *, models: Sequence[str] = (), prompts: Sequence[str] = (), params: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Compute the summary, ready for JSON: money as decimal strings, unknown as None.

        Cells come in the order of `models`, `prompts` and `params` (the texts of the results' column), what they do
        not name after them as it was first seen; so neither the order nor the direction of a comparison depends on
        which answer came first.
        """
        order = _cell_order(list(self._cells), models, prompts, params)
        jobs_of = self._jobs_by_cell()
        rows = self._row_numbers()
        means: dict[tuple[CellKey, str], RowMeans] = {}
        cells = []
        for key in order:
            jobs = jobs_of[self._cells[key]]
            scores = {name: self._scores(name, jobs, rows) for name, _ in self._scorers}
            means |= {(key, name): row_means(found.rows, found.value) for name, found in scores.items()}
            cells.append(self._cell(key, jobs, scores))
        return {
            **self._head,
            "jobs": self._job_counts(),
            "cells": cells,
            "comparisons": compare_cells(order, means, self._scorers),
            "cost": self._costs(),
            "gates": check_gates(self._gates, cells),
            **self._unanswered_entry(),
        }

    def _cell(self, key: CellKey, jobs: NDArray[np.int64], scores: dict[str, CellScores]) -> dict[str, Any]:
        account = self._accounts[self._cells[key]]
        return {
            **cell_entry(key),
            "n": int(jobs.size),
            "statuses": {status: account.statuses[status] for status in STATUSES},
            "metrics": {name: metric(scores[name], pass_fail) for name, pass_fail in self._scorers},
            "stop_reasons": dict(sorted(account.stop_reasons.items(), key=lambda item: (-item[1], item[0]))),
            "tokens": account.tokens,
            "cost_usd": dollars(account.cost_usd),
            "unpriced_jobs": account.unpriced,
            "reused": account.reused,
            "cost_per_1k_jobs_usd": dollars(account.per_thousand()),
            "cost_per_pass_usd": dollars(account.per_pass()),
            "retries": account.retries,
            "wasted_usd": dollars(account.wasted()),
            "latency_ms": percentiles(self._column("latency_ms")[jobs], (50, 95, 99)),
            "first_token_ms": percentiles(self._column("first_token_ms")[jobs], (50, 95)),
        }

    def _scores(self, name: str, jobs: NDArray[np.int64], rows: NDArray[np.int32]) -> CellScores:
        return CellScores(
            rows=rows[jobs],
            value=self._column(f"value {name}")[jobs],
            passed=self._column(f"passed {name}")[jobs],
            unscored=self._column(f"unscored {name}")[jobs],
            ok=self._column("ok")[jobs],
        )

    def _job_counts(self) -> dict[str, int]:
        counts: Counter[str] = sum((account.statuses for account in self._accounts.values()), Counter())
        reused = sum(account.reused for account in self._accounts.values())
        planned = {} if self._planned_jobs is None else {"planned": self._planned_jobs}
        return {"total": counts.total(), **planned, **{status: counts[status] for status in STATUSES}, "reused": reused}

    def _unanswered_entry(self) -> dict[str, Any]:
        requests, usd = self._unanswered or (0, None)
        return {"unanswered": {"requests": requests, "usd": dollars(usd)}} if requests else {}

    def _costs(self) -> dict[str, Any]:
        accounts = list(self._accounts.values())
        saved = total([account.saved_usd for account in accounts])
        if saved is None and not any(account.reused for account in accounts):
            saved = Decimal(0)
        sources: Counter[str] = sum((account.usage_sources for account in accounts), Counter())
        return {
            "total_usd": dollars(total([account.cost_usd for account in accounts])),
            "unpriced_jobs": sum(account.unpriced for account in accounts),
            "reused_saved_usd": dollars(saved),
            "budget_usd": dollars(self._budget_usd),
            "usage_sources": {source: sources[source] for source in ("reported", "estimated", "missing")},
        }

    def _cell_numbers(self, jobs: pa.Table) -> NDArray[np.int32]:
        """Number each job's cell, opening an account for new ones."""
        codes = np.zeros(jobs.num_rows, dtype=np.int64)
        for name in ("model", "prompt", "params"):
            encoded = jobs[name].combine_chunks().cast(pa.string()).dictionary_encode()
            codes = codes * len(encoded.dictionary) + np.asarray(encoded.indices, dtype=np.int64)
        _, firsts, inverse = np.unique(codes, return_index=True, return_inverse=True)
        numbers = np.empty(firsts.size, dtype=np.int32)
        for position in np.argsort(firsts):
            first = int(firsts[position])
            key: CellKey = (jobs["model"][first].as_py(), jobs["prompt"][first].as_py(), jobs["params"][first].as_py())
            numbers[position] = number = self._cells.setdefault(key, len(self._cells))
            self._accounts.setdefault(number, Account())
        return numbers[inverse]

    def _jobs_by_cell(self) -> list[NDArray[np.int64]]:
        cells = self._column("cell")
        order = np.argsort(cells, kind="stable")
        return np.split(order, np.searchsorted(cells[order], np.arange(1, len(self._cells))))

    def _row_numbers(self) -> NDArray[np.int32]:
        """Number the rows by their id, exactly: equal numbers are equal ids."""
        if not self._row_ids:
            return np.zeros(0, dtype=np.int32)
        # one contiguous array has one dictionary; chunk by chunk each would carry its own copy
        self._row_ids = [pa.chunked_array(self._row_ids).combine_chunks()]
        return np.asarray(self._row_ids[0].dictionary_encode().indices)

    def _keep(self, name: str, values: NDArray[Any]) -> None:
        self._columns.setdefault(name, []).append(values)

    def _column(self, name: str) -> NDArray[Any]:
        chunks = self._columns.get(name, [])
        if len(chunks) > 1:
            self._columns[name] = chunks = [np.concatenate(chunks)]
        return chunks[0] if chunks else np.zeros(0, dtype=np.int64)


def _as_table(batch: _Batch, columns: tuple[str, ...]) -> pa.Table:
    table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
    return table.select(columns)


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan))


def _cell_order(
    cells: list[CellKey], models: Sequence[str], prompts: Sequence[str], params: Sequence[str]
) -> list[CellKey]:
    by_model = _ranks([*models, *(model for model, _, _ in cells)])
    by_prompt = _ranks([*prompts, *(prompt for _, prompt, _ in cells)])
    by_params = _ranks([*params, *(text for _, _, text in cells)])
    return sorted(cells, key=lambda cell: (by_model[cell[0]], by_prompt[cell[1]], by_params[cell[2]]))


def _ranks(names: Sequence[str]) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(dict.fromkeys(names))}
