"""Queries on the index of a run's jobs: which jobs match, in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.report.cells import params_text
from pipeline.report.visible import visible
from pipeline.steps.browsing.columns import worst
from pipeline.steps.browsing.index import FAILED, GRADED, OUTCOMES, RIGHT, UNSCORED, WRONG, JobIndex

SORTS = ("failures", "score", "score_high", "tokens", "cost", "latency", "row")
NAMED = ("model", "prompt", "params", "status", "stop")
_COMPARED = {"model": "models", "prompt": "prompts", "params": "parameters", "repeat": "repeats"}
"""What rows are compared by, the first that differs at all, and how that is called."""

Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which jobs are wanted, in which order; an empty text does not narrow."""

    model: str = ""
    prompt: str = ""
    params: str = ""
    status: str = ""
    stop: str = ""
    scorer: str = ""
    outcome: str = ""
    low: float | None = None
    high: float | None = None
    differ: bool = False
    text: str = ""
    sort: str = "failures"


class JobView:
    """One state of an index, with what was worked out for it: orders, rows that differ."""

    def __init__(self, index: JobIndex) -> None:
        """Look at `index` as it is now."""
        self.index = index
        self.version = index.version
        self._orders: dict[tuple[str, str], Positions] = {}
        self._differing: Mask | None = None

    def mask(self, query: Query) -> Mask:
        """The jobs that match all of the query but its text."""
        index, columns = self.index, self.index.columns
        mask = np.ones(len(index), dtype=np.bool_)
        if not len(index):
            return mask
        for name in NAMED:
            wanted = getattr(query, name)
            if wanted:
                told = [shown(name, text) == wanted for text in index.names[name].texts]
                mask &= np.array(told, dtype=np.bool_)[columns[name]]
        if query.outcome:
            wanted_outcome = OUTCOMES.index(query.outcome) if query.outcome in OUTCOMES else -1
            mask &= self._outcomes(query.scorer) == wanted_outcome
        if query.low is not None or query.high is not None:
            values = self._values(query.scorer)
            mask &= ~np.isnan(values)
            mask &= (values >= (-np.inf if query.low is None else query.low)) & (
                values <= (np.inf if query.high is None else query.high)
            )
        if query.differ:
            mask &= self._differ()
        return mask

    def order(self, sort: str, scorer: str, ranks: Callable[[], NDArray[Any]]) -> Positions:
        """All jobs in the order of `sort`; `ranks` gives the place of each job's row in the dataset."""
        key = (sort, scorer if sort.startswith("score") else "")
        if key not in self._orders:
            self._orders[key] = self._sorted(sort, scorer, ranks).astype(np.int64)
        return self._orders[key]

    def facets(self) -> dict[str, Any]:
        """What can be chosen from."""
        index = self.index
        scorers = index.scorers.texts
        graded = index.graded() if len(index) else [False] * len(scorers)
        outcomes = np.unique(index.columns["outcome"]) if len(index) else ()
        return {
            **{name: [shown(name, text) for text in index.names[name].texts if text] for name in NAMED},
            "outcome": [OUTCOMES[number] for number in outcomes],
            "scorer": [{"name": visible(name), "graded": grades} for name, grades in zip(scorers, graded, strict=True)],
            "differ": _COMPARED.get(self._compared() or ""),
        }

    def _outcomes(self, scorer: str) -> NDArray[np.int8]:
        columns, number = self.index.columns, self._scorer(scorer)
        if number is None:
            overall: NDArray[np.int8] = columns["outcome"]
            return overall
        passed, values = columns["passed"][:, number], columns["value"][:, number]
        conditions = [columns["outcome"] == FAILED, passed == 0, passed == 1, np.isnan(values)]
        return np.select(conditions, [FAILED, WRONG, RIGHT, UNSCORED], GRADED).astype(np.int8)

    def _values(self, scorer: str) -> NDArray[np.float32]:
        columns, number = self.index.columns, self._scorer(scorer)
        chosen = slice(None) if number is None else slice(number, number + 1)
        return worst(columns["value"][:, chosen], columns["passed"][:, chosen])

    def _scorer(self, name: str) -> int | None:
        found = [number for number, text in enumerate(self.index.scorers.texts) if visible(text) == name]
        return found[0] if found else None

    def _sorted(self, sort: str, scorer: str, ranks: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        columns = self.index.columns
        if sort in ("tokens", "cost", "latency"):
            return np.argsort(-columns[sort], kind="stable")
        if sort in ("score", "score_high"):
            values = self._values(scorer)
            return np.argsort(values if sort == "score" else -values, kind="stable")
        if sort == "row":
            return np.argsort(ranks(), kind="stable")
        groups = np.array([0, 1, 1, 2, 3], dtype=np.int8)[columns["outcome"]]
        order = np.argsort(groups, kind="stable")
        if GRADED in columns["outcome"]:
            first, last = np.searchsorted(groups[order], [1, 2])
            values = self._values("")[order[first:last]]
            order[first:last] = order[first:last][np.argsort(values, kind="stable")]
        return order

    def _compared(self) -> str | None:
        """What tells the answers to one row apart: models if there are several, else prompts, ..."""
        columns = self.index.columns
        several = (name for name in _COMPARED if len(self.index) and columns[name].min() < columns[name].max())
        return next(several, None)

    def _differ(self) -> Mask:
        """Jobs of rows where one answer is right and another wrong, or grades lie half the range of all apart."""
        if self._differing is None:
            self._differing = self._work_out_differing()
        return self._differing

    def _work_out_differing(self) -> Mask:
        columns, by = self.index.columns, self._compared()
        if by is None:
            return np.zeros(len(self.index), dtype=np.bool_)
        groups = _groups(columns["row"], [columns[name] for name in _COMPARED if name not in (by, "repeat")])
        values = self._values("")
        judged = np.flatnonzero(~np.isnan(values) & (columns["outcome"] != FAILED))
        count = int(groups.max()) + 1
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(low, groups[judged], values[judged])
        np.maximum.at(high, groups[judged], values[judged])
        least, most = np.full(count, np.iinfo(np.int32).max), np.full(count, -1)
        np.minimum.at(least, groups[judged], columns[by][judged])
        np.maximum.at(most, groups[judged], columns[by][judged])
        known = values[~np.isnan(values)]
        reach = float(known.max() - known.min()) if known.size else 0.0
        torn = (least < most) & (high > low) & (high - low >= reach / 2)
        differing: Mask = torn[groups]
        return differing


def shown(column: str, text: str) -> str:
    """A name as the page shows it, and as its address has it."""
    return visible(params_text(text) if column == "params" else text)


def _groups(rows: NDArray[np.uint64], others: list[NDArray[np.int32]]) -> NDArray[np.int64]:
    """The same number for jobs of the same row and the same other columns."""
    keys = rows.copy()
    for other in others:
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + other.astype(np.uint64)
    _, groups = np.unique(keys, return_inverse=True)
    return groups
