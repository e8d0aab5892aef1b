"""Two runs beside each other: rows in common, differences by metric and slice, endings, cost, changed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats.across_runs import CommonRows
from pipeline.stats.cells import CellKey, cell_entry
from pipeline.stats.grouping import NO_GROUP, Groups
from pipeline.stats.row_means import row_means
from pipeline.stats.slices import Slice, cut
from pipeline.steps.comparing.changes import extreme_jobs, read_answers
from pipeline.steps.comparing.jobs import Jobs, RunHead
from pipeline.steps.comparing.match import CellPair, Matching
from pipeline.steps.comparing.rows import KeptRows, column_texts, content_hashes, shown_column
from pipeline.steps.comparing.settings import answer_columns, differing_settings

_CHANGES_SHOWN = 400
_CHANGES_EACH = (5, 100)
_EXAMPLES = 5
_COST = Metric(name="cost_usd", pass_fail=False, better="lower", unit="USD")
_LATENCY = Metric(name="latency_ms", pass_fail=False, better="lower", unit="ms")

_Changed = tuple[CellPair, str, str, int]
"""Cells, metric, whether it is lower or higher in the second run, row number."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A figure of each job."""

    values: NDArray[np.float64]
    sums: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, read, its rows numbered as those of the others."""

    letter: str
    head: RunHead
    jobs: Jobs
    kept: KeptRows
    job_rows: NDArray[np.int32]
    """Row number of each job; equal numbers are equal row ids, in all runs."""
    rows: NDArray[np.int32]
    """Row numbers of the dataset's rows, in order."""

    def of_cell(self, cell: CellKey) -> NDArray[np.int64]:
        """Numbers of the cell's jobs."""
        return np.flatnonzero(self.jobs.cell == self.head.cells.index(cell))


class RunPair:
    """Two runs, beside each other."""

    def __init__(self, a: Run, b: Run, matching: Matching, ids: pa.Array, how: StatisticsSettings) -> None:
        """Take two runs whose rows are numbered together; `ids` has the row id of each number."""
        self.a = a
        self.b = b
        self.matching = matching
        self.ids = ids
        self.how = how
        self.common = np.zeros(len(ids), dtype=np.bool_)
        self.common[np.intersect1d(a.rows, b.rows)] = True
        every = np.arange(len(ids), dtype=np.int32)
        self.clusters = None if how.cluster is None else self._groups(how.cluster).clusters_of(every)

    def entry(self, metrics: Sequence[Metric], columns: Sequence[str]) -> dict[str, Any]:
        """Compare everything, sliced by these columns; the p values are not adjusted yet."""
        a, b, matching = self.a, self.b, self.matching
        slices, left_out = cut({column: self._groups(column) for column in columns}, self.common)
        most = _shown_each(2 * len(matching.pairs) * len(metrics))
        compared = [self._metric(pair, metric, slices, most) for pair in matching.pairs for metric in metrics]
        return {
            "run": b.letter,
            "rows": self._rows(),
            "differing": differing_settings(a.head, b.head, matching.pairs, b.letter),
            "matched": [{"a": cell_entry(pair.a), "b": cell_entry(pair.b), "how": pair.how} for pair in matching.pairs],
            "only_a": [cell_entry(cell) for cell in matching.only_a],
            "only_b": [cell_entry(cell) for cell in matching.only_b],
            "comparisons": [found for found, _, _ in compared],
            "slices": [one for _, found, _ in compared for one in found],
            "slices_left_out": left_out,
            "endings": [found for pair in matching.pairs for found in self._endings(pair)],
            "costs": [self._paid(pair, _COST) for pair in matching.pairs],
            "latencies": [self._paid(pair, _LATENCY) for pair in matching.pairs],
            "changes": self._changes([one for _, _, found in compared for one in found]),
        }

    def _rows(self) -> dict[str, Any]:
        a, b = self.a, self.b
        common = int(self.common.sum())
        columns = [name for name in a.kept.columns if name in b.kept.columns]
        answers = answer_columns(a.head) | answer_columns(b.head)
        changed = self._changed_content([name for name in columns if name not in answers])
        return {
            "common": common,
            "only_a": int(a.rows.size) - common,
            "only_b": int(b.rows.size) - common,
            "changed": int(changed.size),
            "changed_ids": self.ids.take(pa.array(changed[:_EXAMPLES])).to_pylist(),
            "columns_only_a": [shown_column(name) for name in a.kept.columns if name not in columns],
            "columns_only_b": [shown_column(name) for name in b.kept.columns if name not in columns],
        }

    def _changed_content(self, columns: Sequence[str]) -> NDArray[np.int32]:
        """Rows of both runs whose values differ in one of the columns."""
        a, b = self.a, self.b
        if not columns or a.head.run["dataset"]["sha256"] == b.head.run["dataset"]["sha256"]:
            return np.zeros(0, dtype=np.int32)
        common, in_a, in_b = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
        differ = content_hashes(a.kept, columns)[in_a] != content_hashes(b.kept, columns)[in_b]
        changed: NDArray[np.int32] = common[differ]
        return changed

    def _groups(self, column: str) -> Groups:
        """A dataset column by row number, as the first run has it, else the second."""
        codes = np.full(len(self.ids), NO_GROUP, dtype=np.int32)
        run = next((run for run in (self.a, self.b) if column in run.kept.columns), None)
        if run is None:
            return Groups(codes=codes, values=pa.array([], pa.large_string()))
        codes[run.rows], values = column_texts(run.kept, column)
        return Groups(codes=codes, values=values)

    def _metric(
        self, pair: CellPair, metric: Metric, slices: Sequence[Slice], most: int
    ) -> tuple[dict[str, Any], list[dict[str, Any]], list[_Changed]]:
        """The comparison, those of its slices, and the rows that changed."""
        name = metric.name
        common = self._common(
            pair, *(_Column(run.jobs.values[name], run.jobs.sums.get(name)) for run in (self.a, self.b))
        )
        head = {"metric": name, "a": cell_entry(pair.a), "b": cell_entry(pair.b)}
        compared = partial(common.compared, metric, self.how, self.clusters)
        sliced = [{"column": part.column, "value": part.value, **head, **compared(part.rows)} for part in slices]
        changed = [
            (pair, name, change, row)
            for change in ("lower", "higher")
            for row in common.changed(most, higher=change == "higher").tolist()
        ]
        whole = {**head, **compared(), "only_a": common.only_a, "only_b": common.only_b}
        return whole, [entry for entry in sliced if entry["n"]], changed

    def _common(self, pair: CellPair, ours: _Column, theirs: _Column) -> CommonRows:
        """The rows of both runs in which both cells have a value."""
        means = []
        for run, cell, column in ((self.a, pair.a, ours), (self.b, pair.b, theirs)):
            jobs = run.of_cell(cell)
            jobs = jobs[self.common[run.job_rows[jobs]]]
            sums = None if column.sums is None else column.sums[jobs]
            means.append(row_means(run.job_rows[jobs], column.values[jobs], sums))
        return CommonRows(*means)

    def _paid(self, pair: CellPair, metric: Metric) -> dict[str, Any]:
        """Cost or latency of one answer: mean of the rows' means on both sides, and their difference."""
        common = self._common(pair, *(_Column(getattr(run.jobs, metric.name)) for run in (self.a, self.b)))
        plain = StatisticsSettings(correction=self.how.correction)
        found = common.compared(metric, plain, self.clusters)
        figures = {name: found[name] for name in ("n", "mean_a", "mean_b", "difference", "se", "ci95")}
        return {"a": cell_entry(pair.a), "b": cell_entry(pair.b), **figures}

    def _endings(self, pair: CellPair) -> list[dict[str, Any]]:
        """Jobs of the same row and repeat that ended in another way."""
        a, b = self.a.of_cell(pair.a), self.b.of_cell(pair.b)
        repeats = 1 + max(self.a.jobs.repeat.max(initial=0), self.b.jobs.repeat.max(initial=0))
        ours = self.a.job_rows[a].astype(np.int64) * repeats + self.a.jobs.repeat[a]
        theirs = self.b.job_rows[b].astype(np.int64) * repeats + self.b.jobs.repeat[b]
        _, in_a, in_b = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
        before, after = self.a.jobs.endings, self.b.jobs.endings
        codes = self.a.jobs.ending[a][in_a].astype(np.int64) * max(1, len(after)) + self.b.jobs.ending[b][in_b]
        found = [
            {"a": cell_entry(pair.a), "b": cell_entry(pair.b), "from": before[code // len(after)],
             "to": after[code % len(after)], "jobs": count, "of": int(in_a.size)}
            for code, count in zip(*(part.tolist() for part in np.unique(codes, return_counts=True)), strict=True)
        ]  # fmt: skip
        return sorted((one for one in found if one["from"] != one["to"]), key=lambda one: -one["jobs"])

    def _changes(self, changed: Sequence[_Changed]) -> list[dict[str, Any]]:
        """The changed rows with question, answers and scores; with repeats the answers that differ most."""
        numbers = [self._extremes(changed, run, ours=run is self.a) for run in (self.a, self.b)]
        told = [read_answers(run.head, run.jobs, found) for run, found in zip((self.a, self.b), numbers, strict=True)]
        return [
            {
                "metric": metric, "a": cell_entry(pair.a), "b": cell_entry(pair.b), "change": change,
                "row_id": self.ids[row].as_py(), "before": told[0][before], "after": told[1][after],
            }
            for (pair, metric, change, row), before, after in zip(changed, *numbers, strict=True)
        ]  # fmt: skip

    def _extremes(self, changed: Sequence[_Changed], run: Run, *, ours: bool) -> list[int]:
        """The job that is shown for each changed row."""
        groups: dict[tuple[CellPair, str, str], list[int]] = {}
        for pair, metric, change, row in changed:
            groups.setdefault((pair, metric, change), []).append(row)
        found: dict[tuple[CellPair, str, str, int], int] = {}
        for (pair, metric, change), rows in groups.items():
            jobs = run.of_cell(pair.a if ours else pair.b)
            jobs = jobs[np.isin(run.job_rows[jobs], rows)]
            highest = (change == "lower") == ours
            extremes = extreme_jobs(jobs, run.job_rows[jobs], run.jobs.values[metric][jobs], highest=highest)
            found |= {(pair, metric, change, row): job for row, job in extremes.items()}
        return [found[one] for one in changed]


def _shown_each(lists: int) -> int:
    """How many rows of each of so many lists are shown."""
    low, high = _CHANGES_EACH
    return max(low, min(high, _CHANGES_SHOWN // max(1, lists)))
