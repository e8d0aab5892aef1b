"""Two runs beside each other: rows in common, differences by metric and slice, endings, cost, changed rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.report.measures import Measure
from pipeline.stats.across_runs import CommonRows, largest_slices
from pipeline.stats.comparisons import CellKey, cell_entry
from pipeline.stats.metrics import row_means
from pipeline.steps.compare_changes import extreme_jobs, read_answers
from pipeline.steps.compare_jobs import Jobs, RunHead
from pipeline.steps.compare_match import CellPair, Matching
from pipeline.steps.compare_rows import KeptRows, column_texts, content_hashes, shown_column
from pipeline.steps.compare_settings import differing_settings

_CHANGES_SHOWN = 400
_CHANGES_EACH = (5, 100)
_EXAMPLES = 5


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

    def __init__(self, a: Run, b: Run, matching: Matching, measures: Sequence[Measure], ids: pa.Array) -> None:
        """Take two runs whose rows are numbered together; `ids` has the row id of each number."""
        self.a = a
        self.b = b
        self.matching = matching
        self.measures = measures
        self.ids = ids
        self.texts: dict[str, tuple[NDArray[np.int32], list[str]]] = {}
        self.common = np.zeros(len(ids), dtype=np.bool_)
        self.common[np.intersect1d(a.rows, b.rows)] = True

    def entry(self, slices: Sequence[str]) -> dict[str, Any]:
        """Compare everything, sliced by these columns; the p values are not adjusted yet."""
        a, b, matching = self.a, self.b, self.matching
        self.texts = {column: self._by_row(column) for column in slices}
        compared = [self._metric(pair, measure) for pair in matching.pairs for measure in self.measures]
        return {
            "run": b.letter,
            "rows": self._rows(),
            "differing": differing_settings(a.head, b.head, matching.pairs),
            "matched": [{"a": cell_entry(pair.a), "b": cell_entry(pair.b), "how": pair.how} for pair in matching.pairs],
            "only_a": [cell_entry(cell) for cell in matching.only_a],
            "only_b": [cell_entry(cell) for cell in matching.only_b],
            "comparisons": [found for found, _, _ in compared],
            "slices": [one for _, found, _ in compared for one in found],
            "endings": [found for pair in matching.pairs for found in self._endings(pair)],
            "costs": [self._paid(pair, "cost_usd") for pair in matching.pairs],
            "latencies": [self._paid(pair, "latency_ms") for pair in matching.pairs],
            "changes": self._changes([one for _, _, found in compared for one in found]),
        }

    def _rows(self) -> dict[str, Any]:
        a, b = self.a, self.b
        common = int(self.common.sum())
        columns = [name for name in a.kept.columns if name in b.kept.columns]
        changed = self._changed_content(columns)
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
        """Rows of both runs whose values differ in a column that both have."""
        a, b = self.a, self.b
        if not columns or a.head.run["dataset"]["sha256"] == b.head.run["dataset"]["sha256"]:
            return np.zeros(0, dtype=np.int32)
        common, in_a, in_b = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
        differ = content_hashes(a.kept, columns)[in_a] != content_hashes(b.kept, columns)[in_b]
        changed: NDArray[np.int32] = common[differ]
        return changed

    def _by_row(self, column: str) -> tuple[NDArray[np.int32], list[str]]:
        """A dataset column by row number."""
        run = self.a if column in self.a.kept.columns else self.b
        places = np.full(len(self.ids), -1, dtype=np.int32)
        if column not in run.kept.columns:
            return places, []
        places[run.rows], names = column_texts(run.kept, column)
        return places, names

    def _metric(self, pair: CellPair, measure: Measure) -> tuple[dict[str, Any], list[dict[str, Any]], list[Any]]:
        """The comparison, those of its slices, and the rows that changed."""
        common = self._common(pair, {letter.letter: letter.jobs.values[measure.name] for letter in (self.a, self.b)})
        head = {"metric": measure.name, "a": cell_entry(pair.a), "b": cell_entry(pair.b)}
        compared = partial(common.compared, pass_fail=measure.pass_fail, share=measure.share)
        whole = {**head, **compared(), "only_a": common.only_a, "only_b": common.only_b}
        sliced = [
            {"column": column, "value": name, **head, **compared(within=within)}
            for column, (places, names) in self.texts.items()
            for name, within in largest_slices(places[common.rows], names).items()
        ]
        most = self._shown_each()
        changed = [
            (pair, measure.name, change, row)
            for change in ("lower", "higher")
            for row in common.changed(most, higher=change == "higher").tolist()
        ]
        return whole, sliced, changed

    def _shown_each(self) -> int:
        lists = 2 * len(self.matching.pairs) * len(self.measures)
        low, high = _CHANGES_EACH
        return max(low, min(high, _CHANGES_SHOWN // lists))

    def _common(self, pair: CellPair, values: Mapping[str, NDArray[np.float64]]) -> CommonRows:
        a, b = (jobs[self.common[run.job_rows[jobs]]] for run, jobs in
                ((self.a, self.a.of_cell(pair.a)), (self.b, self.b.of_cell(pair.b))))  # fmt: skip
        ours, theirs = values[self.a.letter][a], values[self.b.letter][b]
        return CommonRows(row_means(self.a.job_rows[a], ours), row_means(self.b.job_rows[b], theirs))

    def _paid(self, pair: CellPair, column: str) -> dict[str, Any]:
        """Cost or latency of one answer: mean of the rows' means on both sides, and their difference."""
        common = self._common(pair, {run.letter: getattr(run.jobs, column) for run in (self.a, self.b)})
        found = common.compared(pass_fail=False, share=False)
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

    def _changes(self, changed: Sequence[tuple[CellPair, str, str, int]]) -> list[dict[str, Any]]:
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

    def _extremes(self, changed: Sequence[tuple[CellPair, str, str, int]], run: Run, *, ours: bool) -> list[int]:
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
