"""Costs have intervals over rows, that of a passed answer included, and never one from a single observation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.core.settings import StatisticsSettings
from pipeline.stats.job_costs import CellCosts, cost_entry
from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import plain_metric, result, results_batch, score, scores_batch

HOW = StatisticsSettings()
RNG = np.random.default_rng(5)


def cell(usd: Any, passed: Any, rows: Any = None) -> CellCosts:
    size = len(usd)
    return CellCosts.of(
        np.arange(size, dtype=np.int32) if rows is None else np.asarray(rows, dtype=np.int32),
        np.asarray(usd, dtype=np.float64),
        np.asarray(passed, dtype=np.bool_),
    )


def floats(ends: list[str]) -> list[float]:
    return [float(end) for end in ends]


def resampled(costs: CellCosts, labels: NDArray[Any], draws: int = 4_000) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cost of 1,000 jobs and of a passed answer in each resample of the labels' groups."""
    _, codes = np.unique(labels, return_inverse=True)
    groups = codes.max() + 1
    spent, jobs = np.bincount(codes, weights=costs.usd), np.bincount(codes)
    passes = np.bincount(codes, weights=costs.passed)
    chosen = RNG.integers(0, groups, (draws, groups))
    total = spent[chosen].sum(axis=1)
    return 1000 * total / jobs[chosen].sum(axis=1), total / passes[chosen].sum(axis=1)


def skewed(rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Long answers cost more and are wrong more often."""
    hard = RNG.lognormal(0, 0.6, rows)
    return 0.002 * hard, RNG.random(rows) < np.clip(0.9 - 0.25 * hard, 0.05, 0.95)


@pytest.mark.parametrize("grouped", [None, 3, 5])
def test_intervals_are_those_of_a_bootstrap_over_rows_or_clusters(grouped: int | None) -> None:
    usd, passed = skewed(600)
    costs = cell(usd, passed)
    clusters = None if grouped is None else np.arange(600, dtype=np.int32) // grouped
    found = cost_entry(costs, HOW, clusters)
    per_1k, per_pass = resampled(costs, costs.rows if clusters is None else clusters)
    for name, draws in (("cost_per_1k_jobs_ci95_usd", per_1k), ("cost_per_pass_ci95_usd", per_pass)):
        low, high = floats(found[name])
        assert np.percentile(draws, [2.5, 97.5]) == pytest.approx([low, high], rel=0.025)
        assert high - low == pytest.approx(3.92 * draws.std(), rel=0.1)


def test_repeats_of_a_row_are_one_observation() -> None:
    usd, passed = skewed(100)
    once = cost_entry(cell(usd, passed), HOW, None)
    rows = np.repeat(np.arange(100), 4)
    repeated = cost_entry(cell(np.repeat(usd, 4), np.repeat(passed, 4), rows), HOW, None)
    for name in ("cost_per_1k_jobs_ci95_usd", "cost_per_pass_ci95_usd"):
        assert floats(repeated[name]) == pytest.approx(floats(once[name]), rel=1e-9)
    assert (repeated["row_cost"]["rows"], repeated["row_cost"]["jobs"]) == (100, 4.0)
    assert float(repeated["row_cost"]["usd"]) == pytest.approx(4 * float(once["row_cost"]["usd"]))


def test_a_single_row_and_equal_costs_have_no_interval() -> None:
    one = cost_entry(cell([0.5, 0.7], [True, False], rows=[3, 3]), HOW, None)
    assert one["cost_per_1k_jobs_ci95_usd"] is None
    assert one["cost_per_pass_ci95_usd"] is None
    assert one["row_cost"] == {"rows": 1, "jobs": 2.0, "usd": "1.2", "margin95_usd": None}
    equal = cost_entry(cell([0.5] * 9, [True] * 9), HOW, None)
    assert equal["cost_per_1k_jobs_ci95_usd"] is None
    assert equal["cost_per_pass_ci95_usd"] is None


def test_equal_costs_still_leave_the_number_of_passes_uncertain() -> None:
    found = cost_entry(cell([0.5] * 40, [True, False] * 20), HOW, None)
    low, high = floats(found["cost_per_pass_ci95_usd"])
    assert 0.5 < low < 1.0 < high


def test_few_passes_reach_far_up_and_never_below_zero() -> None:
    found = cost_entry(cell([0.01 + 0.001 * row for row in range(50)], [True] + [False] * 49), HOW, None)
    low, high = floats(found["cost_per_pass_ci95_usd"])
    assert low > 0
    whole = 50 * 0.01 + 0.001 * 49 * 25
    assert high / whole == pytest.approx(whole / low)
    assert high > 5 * whole


def test_without_a_known_cost_or_a_pass_nothing_is_made_up() -> None:
    unknown = cost_entry(cell([np.nan] * 5, [True] * 5), HOW, None)
    nothing = {"cost_per_1k_jobs_ci95_usd": None, "cost_per_pass_ci95_usd": None, "row_cost": None}
    assert unknown == nothing
    assert cost_entry(cell([0.1, 0.2], [False, False]), HOW, None)["cost_per_pass_ci95_usd"] is None
    assert cost_entry(cell([0.0, 0.0], [True, True]), HOW, None)["cost_per_pass_ci95_usd"] is None


def test_what_n_more_rows_cost_lies_in_the_projection_95_times_in_100() -> None:
    inside = 0
    for _ in range(400):
        seen, more = RNG.lognormal(0, 0.8, 60), RNG.lognormal(0, 0.8, 90).sum()
        found = cost_entry(cell(seen, [True] * 60), HOW, None)["row_cost"]
        usd, margin = float(found["usd"]), float(found["margin95_usd"])
        inside += abs(more - 90 * usd) <= 90 * margin * (1 + 60 / 90) ** 0.5
    assert 0.90 <= inside / 400 <= 0.98


def test_a_reused_answer_counts_with_what_it_cost_when_it_was_called() -> None:
    builder = SummaryBuilder("e", "r", simulated=False, metrics=[plain_metric("number")], gates=[], budget_usd=None)
    jobs = [result(f"r{row}", cost_usd=Decimal("0.01") * (row + 1)) for row in range(6)]
    jobs[5] |= {"source": "reused", "cost_usd": Decimal(0), "reused_cost_usd": Decimal("0.06")}
    builder.add_pair(results_batch(jobs), scores_batch([score(job, 1.0) for job in jobs]))
    found = builder.finish()["cells"][0]
    low, high = floats(found["cost_per_1k_jobs_ci95_usd"])
    assert found["cost_per_1k_jobs_usd"] == "35"
    assert (low + high) / 2 == pytest.approx(35)
    assert (high - low) / 2 == pytest.approx(2.5706 * np.std(range(1, 7), ddof=1) * 10 / 6**0.5, rel=1e-4)
