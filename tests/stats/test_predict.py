"""Prediction intervals of totals: how often they hold what comes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipeline.stats.predict import (
    NOTHING,
    Range,
    predict_from_base,
    predict_longest,
    predict_sum,
    scaled_up,
    total,
)

DRAWS = 4_000


def held(found: Range | None, truth: float) -> bool:
    return found is not None and found.low <= truth <= found.high


@pytest.mark.parametrize(("seen", "new"), [(3, 100), (12, 5), (40, 400)])
def test_a_sum_lies_in_its_interval_in_95_of_100_draws(seen: int, new: int) -> None:
    draw = np.random.default_rng(seen)
    hits = [held(predict_sum(draw.normal(50, 9, seen), new), draw.normal(50, 9, new).sum()) for _ in range(DRAWS)]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def test_the_interval_is_students_t_over_the_mean_and_the_new_values() -> None:
    values = np.array([3.0, 8.0, 5.0, 9.0, 4.0])
    found = predict_sum(values, 20)
    assert found is not None
    half = stats.t.ppf(0.975, 4) * values.std(ddof=1) * (1 / 5 + 1 / 20) ** 0.5 * 20
    assert (found.low, found.likely, found.high) == pytest.approx((116 - half, 116, 116 + half))


def test_of_many_values_t_is_the_same_without_scipy() -> None:
    values = np.random.default_rng(3).normal(50, 9, 120)
    found = predict_sum(values, 20)
    assert found is not None
    assert found.likely is not None
    half = stats.t.ppf(0.975, 119) * values.std(ddof=1) * (1 / 120 + 1 / 20) ** 0.5 * 20
    assert found.high - found.likely == pytest.approx(half, rel=1e-7)


def test_repeats_of_a_row_count_as_often_as_they_are_sent() -> None:
    values = np.array([3.0, 8.0, 5.0, 9.0, 4.0])
    once, thrice = predict_sum(values, 20), predict_sum(values, 20, units=3)
    assert once is not None
    assert thrice == once.times(3)


def test_a_sum_with_a_known_base_lies_in_its_interval_in_95_of_100_draws() -> None:
    draw = np.random.default_rng(5)
    hits = []
    for _ in range(DRAWS):
        base = draw.uniform(20, 200, 90)
        values = 0.8 * base + draw.normal(0, 6, 90)
        hits.append(held(predict_from_base(values[:15], base[:15], base[15:], 1.0), values[15:].sum()))
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def test_a_known_base_says_more_than_the_mean() -> None:
    draw = np.random.default_rng(6)
    base = draw.uniform(20, 200, 90)
    values = 0.8 * base + draw.normal(0, 6, 90)
    known = predict_from_base(values[:15], base[:15], base[15:], 1.0)
    blind = predict_sum(values[:15], 75)
    assert known is not None
    assert blind is not None
    assert known.high - known.low < 0.5 * (blind.high - blind.low)


def test_the_longest_of_many_times_lies_in_its_interval() -> None:
    draw = np.random.default_rng(7)
    hits = [
        held(predict_longest(draw.lognormal(0, 0.3, 40), 64), draw.lognormal(0, 0.3, 64).max()) for _ in range(DRAWS)
    ]
    assert np.mean(hits) >= 0.93


@pytest.mark.parametrize("seen", [[], [7.0]])
def test_no_interval_is_made_of_one_observation(seen: list[float]) -> None:
    values = np.array(seen)
    assert predict_sum(values, 10) is None
    assert predict_from_base(values, values, np.array([1.0, 2.0]), 1.0) is None
    assert predict_longest(values, 10) is None


def test_equal_values_leave_room_for_rounding() -> None:
    found = predict_sum(np.full(10, 4.0), 100)
    assert found is not None
    assert found.low < 400 < found.high
    assert found.high - found.low < 50


def test_a_part_of_the_rows_stands_for_all_with_its_own_uncertainty() -> None:
    draw = np.random.default_rng(8)
    hits = []
    for _ in range(DRAWS):
        whole = draw.poisson(3, 400).astype(np.float64)
        hits.append(held(scaled_up(draw.permutation(whole)[:80], 400), whole.sum()))
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)
    assert scaled_up(np.array([1.0, 2.0, 3.0]), 3) == Range(6.0, 6.0, 6.0), "all rows were looked at"


def test_a_sum_over_a_part_is_as_open_as_the_part() -> None:
    assert Range(10.0, 12.0, 14.0).as_open_as(Range(50.0, 100.0, 200.0)) == Range(5.0, 12.0, 28.0)
    assert Range(10.0, None, 14.0).as_open_as(Range(7.0, 7.0, 7.0)) == Range(10.0, None, 14.0)


def test_what_is_not_known_stays_unknown_in_a_sum() -> None:
    assert total([Range(1, 2, 3), Range(1, None, 9)]) == Range(2, None, 12)
    assert total([]) == NOTHING
    assert Range(2, 4, 8).widened(2) == Range(1, 4, 16)
    assert Range(-2, 4, 8).within(0, 6) == Range(0, 4, 6)
