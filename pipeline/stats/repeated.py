"""A cell whose rows were asked several times: what k answers pass, what their majority says, how alike they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats.comparisons import as_list
from pipeline.stats.estimates import estimate
from pipeline.stats.outcomes import NO_LABEL
from pipeline.stats.repeats import consistency, majority_at_k, pass_all_k, pass_at_k
from pipeline.stats.row_means import Codes, RowMeans

_Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """The scored answers of a cell, sorted by row, and by how often a row says the same."""

    rows: Codes
    """Each row once."""
    starts: NDArray[np.int64]
    """Where each row's answers begin."""
    counts: NDArray[np.int64]
    """Answers of each row."""
    labels: NDArray[np.uint64]
    passed: NDArray[np.bool_]


def repeats_entry(
    answers: Answers, metric: Metric, how: StatisticsSettings, clusters: Codes | None
) -> dict[str, Any] | None:
    """What repeated answers of a pass/fail metric tell; None where no row has two.

    `clusters` has the cluster of every row by its number. A row with fewer than k answers has no figure at that k.
    """
    repeats = int(answers.counts.max(initial=0))
    if repeats < 2 or not metric.pass_fail:
        return None
    passes = np.add.reduceat(answers.passed.astype(np.int64), answers.starts)
    ks = how.k or (1, repeats)
    patterns = _Patterns.of(answers)

    def entry(values: _Rows) -> dict[str, Any]:
        known = ~np.isnan(values)
        units = RowMeans(rows=answers.rows[known], means=values[known], repeated=True)
        found = estimate(units, metric, how, None if clusters is None else clusters[units.rows])
        return {"mean": found.mean, "se": found.se, "ci95": as_list(found.ci95)}

    def majority(k: int) -> _Rows:
        return patterns.each(lambda labels, values: majority_at_k(labels, values, k))

    alike = patterns.each(lambda labels, values: consistency(labels))
    return {
        "repeats": repeats,
        "consistency": None if np.isnan(alike).all() else float(np.nanmean(alike)),
        "majority_at": {str(k): entry(majority(k)) for k in ks},
        "pass_at": {str(k): entry(pass_at_k(answers.counts, passes, k)) for k in ks},
        "pass_all": {str(k): entry(pass_all_k(answers.counts, passes, k)) for k in ks},
    }


def answers_of(rows: Codes, values: _Rows, labels: NDArray[np.uint64]) -> Answers:
    """Sort the scored answers of a cell, job by job, into rows."""
    scored = ~np.isnan(values)
    rows, passed, labels = rows[scored], values[scored] == 1.0, labels[scored]
    order = np.lexsort((labels, rows))
    rows, passed, labels = rows[order], passed[order], labels[order]
    unique, starts, counts = np.unique(rows, return_index=True, return_counts=True)
    return Answers(rows=unique, starts=starts, counts=counts, labels=labels, passed=passed)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Rows whose answers agree in the same way are looked at once: there are few ways, and many rows."""

    firsts: list[tuple[list[Any], list[float]]]
    """Labels and values of one row of each pattern."""
    pattern: NDArray[np.int64]
    """Of each row."""

    @classmethod
    def of(cls, answers: Answers) -> _Patterns:
        _, of_row = np.unique(np.repeat(answers.rows, answers.counts), return_inverse=True)
        new = np.append(True, (of_row[1:] != of_row[:-1]) | (answers.labels[1:] != answers.labels[:-1]))
        same = np.cumsum(new) - 1
        alike = np.bincount(same)[same]
        sign = alike * 4 + answers.passed * 2 + (answers.labels == NO_LABEL)
        table = np.zeros((answers.rows.size, int(answers.counts.max())), dtype=np.int64)
        order = np.lexsort((sign, of_row))
        table[of_row, np.arange(sign.size) - answers.starts[of_row]] = sign[order]
        _, firsts, pattern = np.unique(table, axis=0, return_index=True, return_inverse=True)
        return cls(firsts=[_answers(answers, int(row)) for row in firsts], pattern=pattern.reshape(-1))

    def each(self, figure: Callable[[list[Any], list[float]], float | None]) -> _Rows:
        """A figure of every row, from its labels and values; NaN where it has none."""
        found = [figure(labels, values) for labels, values in self.firsts]
        return np.array([np.nan if value is None else value for value in found])[self.pattern]


def _answers(answers: Answers, row: int) -> tuple[list[Any], list[float]]:
    part = slice(int(answers.starts[row]), int(answers.starts[row] + answers.counts[row]))
    labels = [None if label == NO_LABEL else int(label) for label in answers.labels[part]]
    return labels, [float(passed) for passed in answers.passed[part]]
