"""Builds summary.json in one pass over results and scores, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.records import ANSWERED, Metric
from pipeline.core.settings import GateSettings, StatisticsSettings
from pipeline.stats.accounts import Account, add_batch, dollars, total
from pipeline.stats.cells import CellKey, cell_entry, cell_order
from pipeline.stats.columns import RESULT_COLUMNS
from pipeline.stats.comparisons import compare_cells
from pipeline.stats.equal_models import equivalences
from pipeline.stats.frontier import frontier
from pipeline.stats.gates import check_gates
from pipeline.stats.grouping import RowNumbers
from pipeline.stats.job_columns import JobColumns, floats
from pipeline.stats.job_costs import CellCosts, cost_entry, costs_of_answers
from pipeline.stats.metrics import CellScores, Groupings, metric_entry, metric_figures, percentiles
from pipeline.stats.outcomes import read_outcomes
from pipeline.stats.row_means import Codes, RowMeans
from pipeline.stats.shapes import add_shapes, keep_tokens
from pipeline.stats.slices import cut, slice_comparisons, slice_figures

STATUSES = ("ok", "truncated", "refused", "empty", "error", "blocked", "skipped")
_Batch: TypeAlias = pa.RecordBatch | pa.Table
_Mask: TypeAlias = NDArray[np.bool_]


class SummaryBuilder:
    """Collects results with their scores, then computes every figure that the reports show.

    What it keeps per job is its row id, a cell number, two times, two token counts, and per metric a value and two
    flags; with repeats 8 bytes for what the answer says, and of a corpus figure its statistics.
    """

    def __init__(  # noqa: PLR0913 # each is a fact of the run that no other tells
        self,
        eval_name: str,
        run_id: str,
        *,
        simulated: bool,
        metrics: Sequence[Metric],
        gates: Sequence[GateSettings],
        budget_usd: Decimal | None,
        statistics: StatisticsSettings | None = None,
        planned_jobs: int | None = None,
        unanswered: tuple[int, Decimal | None] | None = None,
    ) -> None:
        """Start empty.

        `planned_jobs` counts the jobs of the whole run, answered or not. `unanswered` are requests that were sent and
        whose answers were never stored, with the most that they can have cost.
        """
        self._head = {"eval": eval_name, "run_id": run_id, "simulated": simulated}
        self._metrics = tuple(metrics)
        self._gates = tuple(gates)
        self._budget_usd = budget_usd
        self._how = statistics or StatisticsSettings()
        self._planned_jobs = planned_jobs
        self._unanswered = unanswered
        self._cells: dict[CellKey, int] = {}
        self._accounts: dict[int, Account] = {}
        self._rows = RowNumbers(self._how.columns)
        self._jobs = JobColumns()

    def add_rows(self, row_ids: pa.ChunkedArray, columns: Mapping[str, pa.ChunkedArray]) -> None:
        """Add rows of the dataset with the columns that the statistics name; each row once."""
        self._rows.add_dataset(row_ids, columns)

    def add_pair(self, results: _Batch, scores: _Batch) -> None:
        """Add a batch of results and all scores of its jobs (and of no others), in any order.

        Scores hold the columns of `score_columns`. Raises ValueError when the two do not belong together.
        """
        jobs = _as_table(results).select(RESULT_COLUMNS)
        outcomes = read_outcomes(jobs, _as_table(scores), self._metrics)
        if not jobs.num_rows:
            return
        cells = self._cell_numbers(jobs)
        first = next((metric.name for metric in self._metrics if metric.pass_fail), None)
        passed = np.zeros(jobs.num_rows, dtype=np.bool_) if first is None else outcomes[first].passed
        add_batch(self._accounts, jobs, cells, passed)
        answered = np.asarray(pc.is_in(jobs["status"], pa.array(ANSWERED)), dtype=np.bool_)
        self._rows.add_results(jobs["row_id"])
        keep = self._jobs.keep
        keep("cell", cells)
        keep("usd", costs_of_answers(jobs))
        keep("first_passed", passed)
        keep("ok", np.asarray(pc.equal(jobs["status"], "ok"), dtype=np.bool_))
        keep("latency_ms", np.where(answered, floats(jobs["latency_ms"]), np.nan))
        keep("first_token_ms", np.where(answered, floats(jobs["first_token_ms"]), np.nan))
        keep_tokens(self._jobs, jobs, answered)
        for metric in self._metrics:
            outcome = outcomes[metric.name]
            for column in ("value", "passed", "unscored", "sums", "labels"):
                if (values := getattr(outcome, column)) is not None and (column != "labels" or metric.pass_fail):
                    keep(f"{column} {metric.name}", values)

    def finish(
        self, *, models: Sequence[str] = (), prompts: Sequence[str] = (), params: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Compute the summary, once, ready for JSON: money as decimal strings, unknown as None.

        Cells come in the order of `models`, `prompts` and `params` (the texts of the results' column), what they do
        not name after them as it was first seen; so neither the order nor the direction of a comparison depends on
        which answer came first.
        """
        order = cell_order(list(self._cells), models, prompts, params)
        rows = self._rows.numbers()
        asked = np.bincount(rows) > 0
        groupings = self._groupings(asked.size)
        means: dict[tuple[CellKey, str], RowMeans] = {}
        costs: dict[CellKey, CellCosts] = {}
        cells = self._all_cells(order, rows, groupings, means, costs)
        self._jobs = JobColumns()  # rows are compared, not jobs: what is known of those may go
        del rows
        return {
            **self._head,
            "jobs": self._job_counts(),
            "metrics": {metric.name: metric_entry(metric) for metric in self._metrics},
            "cells": cells,
            "comparisons": compare_cells(order, means, self._metrics, self._how, groupings.clusters),
            **self._sliced(order, means, groupings, asked),
            "equivalence": equivalences(order, means, self._metrics, self._how, groupings.clusters),
            "frontier": frontier(order, self._metrics, means, costs, groupings.clusters, self._how.seed),
            "cost": self._costs(),
            "gates": check_gates(self._gates, cells),
            **self._unanswered_entry(),
        }

    def _all_cells(
        self,
        order: Sequence[CellKey],
        rows: Codes,
        groupings: Groupings,
        means: dict[tuple[CellKey, str], RowMeans],
        costs: dict[CellKey, CellCosts],
    ) -> list[dict[str, Any]]:
        """The cells of the summary; leaves the means of their rows in `means`, and what they cost in `costs`."""
        jobs_of = self._jobs.by_cell(len(self._cells))
        cells = []
        for key in order:
            jobs = jobs_of[self._cells[key]]
            metrics = {}
            for metric in self._metrics:
                scores = self._scores(metric.name, jobs, rows)
                means[key, metric.name] = units = scores.means()
                metrics[metric.name] = metric_figures(scores, units, metric, self._how, groupings)
            usd, passed = (self._jobs.column(name)[jobs] for name in ("usd", "first_passed"))
            costs[key] = spent = CellCosts.of(rows[jobs], usd, passed)
            figures = {"metrics": metrics, **cost_entry(spent, self._how, groupings.clusters)}
            cells.append(self._cell(key, jobs, figures))
        add_shapes(cells, [jobs_of[self._cells[key]] for key in order], self._jobs, self._metrics, rows)
        return cells

    def _groupings(self, size: int) -> Groupings:
        how = self._how
        columns = self._rows.groups(size)
        return Groupings(
            clusters=None if how.cluster is None else columns[how.cluster].clusters_of(np.arange(size, dtype=np.int32)),
            macro=None if how.macro is None else (how.macro, columns[how.macro]),
            slices={name: columns[name] for name in how.slices},
        )

    def _sliced(
        self, order: Sequence[CellKey], means: dict[tuple[CellKey, str], RowMeans], groupings: Groupings, asked: _Mask
    ) -> dict[str, Any]:
        slices, left_out = cut(groupings.slices, asked)
        clusters = groupings.clusters
        return {
            "slices": slice_figures(slices, means, self._metrics, self._how, clusters),
            "slice_comparisons": slice_comparisons(slices, order, means, self._metrics, self._how, clusters),
            "slices_left_out": left_out,
        }

    def _cell(self, key: CellKey, jobs: NDArray[np.int64], figures: dict[str, Any]) -> dict[str, Any]:
        account = self._accounts[self._cells[key]]
        return {
            **cell_entry(key),
            "n": int(jobs.size),
            "statuses": {status: account.statuses[status] for status in STATUSES},
            **figures,
            "stop_reasons": dict(sorted(account.stop_reasons.items(), key=lambda item: (-item[1], item[0]))),
            "tokens": account.tokens,
            "cost_usd": dollars(account.cost_usd),
            "unpriced_jobs": account.unpriced,
            "reused": account.reused,
            "cost_per_1k_jobs_usd": dollars(account.per_thousand()),
            "cost_per_pass_usd": dollars(account.per_pass()),
            "retries": account.retries,
            "wasted_usd": dollars(account.wasted()),
            "possibly_paid": account.possibly_paid,
            "possibly_paid_usd": dollars(account.possibly_paid_usd),
            "latency_ms": percentiles(self._jobs.column("latency_ms")[jobs], (50, 95, 99)),
            "first_token_ms": percentiles(self._jobs.column("first_token_ms")[jobs], (50, 95)),
        }

    def _scores(self, name: str, jobs: NDArray[np.int64], rows: Codes) -> CellScores:
        column = self._jobs.optional
        return CellScores(
            rows=rows[jobs],
            value=self._jobs.column(f"value {name}")[jobs],
            passed=self._jobs.column(f"passed {name}")[jobs],
            unscored=self._jobs.column(f"unscored {name}")[jobs],
            ok=self._jobs.column("ok")[jobs],
            sums=column(f"sums {name}", jobs),
            labels=column(f"labels {name}", jobs),
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
            "possibly_paid": sum(account.possibly_paid for account in accounts),
            "possibly_paid_usd": dollars(total([account.possibly_paid_usd for account in accounts])),
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


def _as_table(batch: _Batch) -> pa.Table:
    return batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
