"""The front of quality and cost: who is on it, how often, and what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from pipeline.core.settings import StatisticsSettings
from pipeline.stats.frontier import standings
from pipeline.stats.influence import Influence, covariance, quality_influence
from pipeline.stats.row_means import RowMeans
from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import plain_metric, result, results_batch, score, scores_batch

Answers = Mapping[str, tuple[NDArray[Any], NDArray[Any]]]
"""Quality and cost by row, by model; NaN is unknown."""


def front(answers: Answers, *, clusters: NDArray[Any] | None = None, **metric: Any) -> dict[str, Any]:
    how = StatisticsSettings(cluster=None if clusters is None else "group", seed=3)
    builder = SummaryBuilder(
        "e", "r", simulated=False, metrics=[plain_metric("number", False, scale="share", **metric)], gates=[],
        budget_usd=None, statistics=how,
    )  # fmt: skip
    rows = max(len(quality) for quality, _ in answers.values())
    if clusters is not None:
        ids = pa.chunked_array([[f"r{row}" for row in range(rows)]])
        builder.add_rows(ids, {"group": pa.chunked_array([[str(code) for code in clusters]])})
    for model, (quality, cost) in answers.items():
        jobs = [
            result(f"r{row}", model, cost_usd=None if np.isnan(usd) else Decimal(f"{usd:.12f}"))
            for row, usd in enumerate(cost)
        ]
        marks = [
            score(job, None if np.isnan(value) else float(value), passed=None)
            for job, value in zip(jobs, quality, strict=True)
        ]
        builder.add_pair(results_batch(jobs), scores_batch(marks))
    found: dict[str, Any] = builder.finish(models=list(answers))["frontier"]
    return found


def by_model(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {cell["model"]: cell[name] for cell in found["cells"]}


def drawn(rng: np.random.Generator, rows: int = 200) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Five models close to each other; a row is as hard and as long for all, and some values are missing."""
    hard, length = rng.normal(0, 0.2, rows), rng.lognormal(0, 0.5, rows)
    answers = {}
    for model, skill, price in (
        ("a", 0.60, 1.0),
        ("b", 0.62, 1.03),
        ("c", 0.61, 1.05),
        ("d", 0.70, 2.0),
        ("e", 0.69, 2.0),
    ):
        quality = np.clip(skill - hard + rng.normal(0, 0.15, rows), 0, 1)
        cost = 0.001 * price * length * rng.lognormal(0, 0.3, rows)
        quality[rng.random(rows) < 0.03] = np.nan
        cost[rng.random(rows) < 0.02] = np.nan
        answers[model] = quality, cost
    return answers


def bootstrapped(answers: Answers, clusters: NDArray[Any] | None, draws: int = 4_000) -> dict[str, float]:
    """How often nobody beats a model in resamples of rows (clusters), by brute force."""
    rng, rows = np.random.default_rng(9), len(next(iter(answers.values()))[0])
    labels = np.arange(rows) if clusters is None else clusters
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    unbeaten = dict.fromkeys(answers, 0)
    for _ in range(draws):
        chosen = np.concatenate([members[one] for one in rng.integers(0, len(members), len(members))])
        means = {
            name: (np.nanmean(quality[chosen]), np.nanmean(cost[chosen])) for name, (quality, cost) in answers.items()
        }
        for name, (quality, cost) in means.items():
            unbeaten[name] += not any(
                q >= quality and c <= cost and (q, c) != (quality, cost) for q, c in means.values()
            )
    return {name: count / draws for name, count in unbeaten.items()}


@pytest.mark.parametrize("clustered", [False, True])
def test_probabilities_are_those_of_a_bootstrap_over_rows(clustered: bool) -> None:
    answers = drawn(np.random.default_rng(2))
    clusters = np.arange(200) // 4 if clustered else None
    told, brute = by_model(front(answers, clusters=clusters), "probability"), bootstrapped(answers, clusters)
    assert any(0.1 < share < 0.9 for share in brute.values())
    assert told == pytest.approx(brute, abs=0.035)


def test_a_cell_that_is_worse_and_dearer_is_off_the_front_for_sure() -> None:
    rng = np.random.default_rng(1)
    quality, cost = rng.random(100), 0.001 + 0.001 * rng.random(100)
    found = front({"good": (quality, cost), "bad": (quality * 0.5, cost * 3)})
    assert by_model(found, "on_front") == {"good": True, "bad": False}
    assert by_model(found, "probability") == {"good": 1.0, "bad": 0.0}
    assert by_model(found, "dominated_by")["bad"] == {"model": "good", "prompt": "p", "params": "{}"}
    assert by_model(found, "dominated_by")["good"] is None


def test_pairing_tells_a_small_difference_that_every_row_shows() -> None:
    rng = np.random.default_rng(1)
    quality, cost = 0.9 * rng.random(60), 0.001 + 0.001 * rng.random(60)
    slightly = quality + 0.02 + 0.01 * rng.random(60), cost * 0.99
    found = front({"one": (quality, cost), "slightly better": slightly})
    assert by_model(found, "probability") == {"one": 0.0, "slightly better": 1.0}


def test_equal_cells_do_not_beat_each_other() -> None:
    rng = np.random.default_rng(1)
    same = rng.random(50), 0.001 + 0.001 * rng.random(50)
    found = front({"one": same, "two": same})
    assert by_model(found, "on_front") == {"one": True, "two": True}
    assert by_model(found, "probability") == {"one": 1.0, "two": 1.0}


def test_one_cell_alone_is_the_front() -> None:
    found = front({"only": (np.array([0.1, 0.9, 0.4]), np.array([0.1, 0.2, 0.1]))})
    assert by_model(found, "probability") == {"only": 1.0}
    assert by_model(found, "on_front") == {"only": True}


def test_cells_of_unknown_cost_are_not_compared() -> None:
    rng = np.random.default_rng(1)
    quality = rng.random(30)
    found = front({"priced": (quality, 0.001 + 0.001 * rng.random(30)), "free?": (quality, np.full(30, np.nan))})
    assert list(by_model(found, "on_front")) == ["priced"]
    assert front({"x": (quality, np.full(30, np.nan))})["cells"] == []


def test_a_single_row_tells_the_front_but_not_how_sure_it_is() -> None:
    found = front({"a": (np.array([0.5]), np.array([0.1])), "b": (np.array([0.4]), np.array([0.2]))})
    assert by_model(found, "on_front") == {"a": True, "b": False}
    assert by_model(found, "probability") == {"a": None, "b": None}
    assert by_model(found, "dominated_by")["b"]["model"] == "a"


def test_where_lower_is_better_the_lowest_is_on_the_front() -> None:
    rng = np.random.default_rng(1)
    quality, cost = 0.5 + 0.3 * rng.random(40), 0.001 + 0.0001 * rng.random(40)
    answers = {"high": (quality, cost), "low": (quality - 0.4, cost * 0.9)}
    assert by_model(front(answers, better="lower"), "on_front") == {"high": False, "low": True}
    assert by_model(front(answers, better="lower"), "probability") == {"high": 0.0, "low": 1.0}


def test_where_neither_direction_is_better_there_is_no_front() -> None:
    assert front({"a": (np.array([0.1, 0.2]), np.array([0.1, 0.2]))}, better="neither") is None


def test_all_of_30_right_is_not_taken_for_certain() -> None:
    cost = 0.001 + 0.0001 * np.random.default_rng(1).random(30)
    almost = np.ones(30)
    almost[0] = 0.0
    found = by_model(front({"all": (np.ones(30), 2 * cost), "almost all": (almost, cost)}), "probability")
    assert found["almost all"] == 1.0
    assert 0.6 < found["all"] < 0.95


def test_the_same_run_gives_the_same_probabilities_and_says_their_seed() -> None:
    answers = drawn(np.random.default_rng(4), rows=40)
    once = front(answers)
    assert (once["seed"], once["draws"], once["metric"]) == (3, 10_000, "number")
    assert front(answers) == once


def test_a_draw_that_nobody_beats_counts_and_the_most_frequent_victor_is_named() -> None:
    figures = np.array([[0.9, 2.0], [0.8, 1.0], [0.7, 3.0]])
    draws = np.repeat(figures[None], 10, axis=0)
    draws[:3, 2, 0] = 0.85  # beaten by the first alone
    draws[:2, 2, 0] = 0.95  # by nobody
    found = standings(figures, draws)
    assert [one.on_front for one in found] == [True, True, False]
    assert [one.probability for one in found] == [1.0, 1.0, 0.2]
    assert found[2].dominated_by == 0


def test_rows_that_only_one_figure_has_move_only_that_one() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=30)
    moves = (values - values.mean()) / 30
    one = Influence(0.0, np.arange(30, dtype=np.int32), moves)
    apart = Influence(0.0, np.arange(100_000, 100_030, dtype=np.int32), moves)
    spread = covariance([one, apart])
    assert spread is not None
    assert spread[0, 1] == 0
    assert np.diag(spread) == pytest.approx(values.var(ddof=1) / 30)


def test_a_corpus_figure_moves_with_its_rows_as_when_each_is_weighed_a_little_more() -> None:
    rng = np.random.default_rng(3)
    sums = np.column_stack([rng.integers(1, 9, 40), rng.integers(20, 40, 40)]).astype(np.float64)
    units = RowMeans(rows=np.arange(40, dtype=np.int32), means=np.zeros(40), repeated=False, sums=sums)
    found = quality_influence(units, plain_metric("ter", False, corpus="ter", better="lower"))
    assert found is not None
    edits, length = sums.sum(axis=0)
    assert found.figure == pytest.approx(100 * edits / length)
    exact = 100 * (sums[:, 0] - edits / length * sums[:, 1]) / length
    assert found.moves == pytest.approx(exact, rel=1e-6, abs=1e-9)
