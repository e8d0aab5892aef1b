"""What answers cost as figures with intervals: of 1,000 jobs, of one passed answer, of one more row."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.settings import StatisticsSettings
from pipeline.stats.accounts import dollars
from pipeline.stats.clusters import Units, clustered_mean, units
from pipeline.stats.intervals import Interval, t_interval
from pipeline.stats.row_means import Codes


@dataclass(frozen=True, slots=True)
class CellCosts:
    """One cell's jobs of known cost, in the order in which they were added."""

    rows: Codes
    usd: NDArray[np.float64]
    passed: NDArray[np.bool_]
    """By the first pass/fail scorer."""

    @classmethod
    def of(cls, rows: Codes, usd: NDArray[np.float64], passed: NDArray[np.bool_]) -> CellCosts:
        """Those of some jobs whose cost is not NaN."""
        known = ~np.isnan(usd)
        return cls(rows=rows[known], usd=usd[known], passed=passed[known])


def costs_of_answers(results: pa.Table) -> NDArray[np.float64]:
    """What each job's answer cost when it was called, a reused one in an earlier run; NaN where it is not known."""
    reused = pc.equal(results["source"], "reused")
    cost = pc.if_else(reused, results["reused_cost_usd"], results["cost_usd"])
    return np.asarray(pc.fill_null(cost.cast(pa.float64()), np.nan))


def cost_entry(costs: CellCosts, how: StatisticsSettings, clusters: Codes | None) -> dict[str, Any]:
    """The intervals of a cell's costs, and `row_cost`, from which those of any number of rows follow.

    The unit is the row with all its repeats, or the cluster (`clusters`, by row number). `row_cost` has the `rows` that
    it rests on, the `jobs` and the `usd` of one row, and `margin95_usd`: half the 95 % interval of that mean.
    """
    labels = costs.rows if clusters is None else clusters[costs.rows]
    correction = how.correction if clusters is not None else "CR1"
    found = clustered_mean(costs.usd, labels, correction)
    per_job = t_interval(found.mean, found.se, found.clusters)
    spent, passes = units(costs.usd, labels), units(costs.passed.astype(np.float64), labels)
    factor = 1.0 if correction == "CR0" else found.clusters / max(1, found.clusters - 1)
    return {
        "cost_per_1k_jobs_ci95_usd": _money(None if per_job is None else (per_job[0] * 1000, per_job[1] * 1000)),
        "cost_per_pass_ci95_usd": _money(ratio_interval(spent, passes, factor)),
        "row_cost": _row_cost(costs, found.mean, per_job),
    }


def ratio_interval(top: Units, bottom: Units, factor: float) -> Interval | None:
    """95 % interval of the ratio of two sums over the same units, by the delta method on its logarithm.

    The logarithm keeps it above 0 and lets it reach further up than down, as a ratio to few passes does; `factor`
    corrects the variance for the number of units. None with fewer than two units, where a sum is 0, and without spread.
    Source: Cochran 1977, "Sampling Techniques", section 6.3; Casella and Berger 2002, section 5.5.4.
    """
    n, above, below = top.sums.size, float(top.sums.sum()), float(bottom.sums.sum())
    if n < 2 or above <= 0 or below <= 0:
        return None
    residuals = top.sums / above - bottom.sums / below
    found = t_interval(0.0, (factor * float(np.square(residuals).sum())) ** 0.5, n)
    if found is None or np.abs(residuals).max() * n < _NO_SPREAD:
        return None
    low, high = np.exp(found) * above / below
    return float(low), float(high)


_NO_SPREAD = 1e-9


def _row_cost(costs: CellCosts, mean: float | None, per_job: Interval | None) -> dict[str, Any] | None:
    if mean is None:
        return None
    rows = int(np.unique(costs.rows).size)
    jobs = costs.rows.size / rows
    margin = None if per_job is None else (per_job[1] - per_job[0]) / 2 * jobs
    return {"rows": rows, "jobs": jobs, "usd": _usd(mean * jobs), "margin95_usd": _usd(margin)}


def _money(interval: Interval | None) -> list[str | None] | None:
    return None if interval is None else [_usd(max(0.0, end)) for end in interval]


def _usd(value: float | None) -> str | None:
    return None if value is None else dollars(Decimal(value))
