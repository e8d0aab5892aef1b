"""What judges are worth: calibration against people, agreement between judges, ratings from pairs."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from pipeline.stats.judging import CellValues, between_judges, calibration, corrected, rated

LABELS = ("correct", "incorrect")


def test_calibration_counts_the_same_answers_by_people_and_judges() -> None:
    judge = ["correct"] * 6 + ["incorrect"] * 4
    human = ["correct"] * 5 + ["incorrect"] * 5
    found = calibration(judge, human, LABELS, ordered=False)
    assert found["labels"] == 10
    assert found["agreement"] == 0.9
    assert found["kappa"] == pytest.approx(0.8)
    assert found["confusion"] == {"labels": ["correct", "incorrect"], "counts": [[5, 0], [1, 4]]}
    low, high = found["kappa_ci95"]
    assert low < 0.8 < high


def test_near_misses_of_scores_count_as_part_agreement() -> None:
    human = ["1", "2", "3", "4", "5", "1", "5"]
    near = ["2", "3", "4", "5", "4", "2", "4"]
    scale = ("1", "2", "3", "4", "5")
    assert calibration(near, human, scale, ordered=True)["kappa"] > 0.5
    assert calibration(near, human, scale, ordered=False)["kappa"] < 0.0
    assert calibration(near, human, scale, ordered=True)["kappa_weights"] == "quadratic"


def test_a_miss_weighs_by_the_scores_even_where_some_were_never_given() -> None:
    human = ["1", "2", "5", "1", "5", "2"]
    judge = ["1", "5", "5", "2", "5", "2"]
    some = calibration(judge, human, ("1", "2", "5"), ordered=True)["kappa"]
    assert some == pytest.approx(calibration(judge, human, ("1", "2", "3", "4", "5"), ordered=True)["kappa"])


def test_the_corrected_mean_follows_people_where_the_judge_is_generous() -> None:
    rng = Random(5)
    values = CellValues()
    truth = [float(rng.random() < 0.5) for _ in range(2000)]
    for number, right in enumerate(truth):
        generous = 1.0 if right or rng.random() < 0.4 else 0.0
        values.add(f"r{number}", generous, right if number < 200 else None)
    found = corrected(values)
    assert found["raw"] > 0.66
    assert found["ci95"][0] < np.mean(truth) < found["ci95"][1]
    assert not found["ci95"][0] < found["raw"] < found["ci95"][1]
    assert (found["labels"], found["n"]) == (200, 2000)


def test_repeats_of_a_row_are_one_cluster() -> None:
    rng = Random(9)
    single, repeated = CellValues(), CellValues()
    for number in range(60):
        value = rng.random()
        human = value + rng.gauss(0, 0.2)
        for copy in range(4):
            single.add(f"r{number}-{copy}", value, human if number < 30 else None)
            repeated.add(f"r{number}", value, human if number < 30 else None)
    assert corrected(repeated)["se"] > 1.5 * corrected(single)["se"]


def test_without_labels_nothing_is_corrected() -> None:
    values = CellValues()
    values.add("r", 1.0, None)
    found = corrected(values)
    assert (found["raw"], found["corrected"], found["se"], found["ci95"]) == (1.0, None, None, None)


def test_judges_agree_where_all_that_spoke_said_the_same() -> None:
    found = between_judges([["a", "a", "a"], ["a", "b", "a"], ["b", None, "b"], ["a", None, None], [None, None, None]])
    assert found is not None
    assert found["n"] == 3
    assert found["agreement"] == pytest.approx(2 / 3)
    assert between_judges([["a"], ["b"]]) is None


def test_ratings_are_log_odds_against_the_first() -> None:
    outcomes = ["a"] * 30 + ["b"] * 10
    found = rated(("x", "y"), [0] * 40, [1] * 40, outcomes)
    first, second = found["ratings"]
    assert (first["rating"], first["se"], first["ci95"]) == (0.0, None, None)
    assert second["rating"] == pytest.approx(np.log(10 / 30))
    assert second["se"] == pytest.approx((1 / 30 + 1 / 10) ** 0.5)
    assert (second["wins"], second["ties"], second["losses"]) == (10, 0, 30)
    assert found["method"] == "bradley_terry"


def test_ties_have_a_probability_of_their_own() -> None:
    outcomes = ["a"] * 20 + ["b"] * 10 + ["tie"] * 10
    found = rated(("x", "y"), [0] * 40, [1] * 40, outcomes)
    assert found["method"] == "bradley_terry_davidson"
    assert found["ratings"][1]["rating"] == pytest.approx(np.log(10 / 20), abs=1e-6)
    assert found["pairs"] == 40


def test_a_winner_of_every_pair_has_no_finite_rating_and_that_is_said() -> None:
    found = rated(("x", "y"), [0] * 5, [1] * 5, ["a"] * 5)
    assert not found["connected"]
    assert found["note"]
    assert [one["rating"] for one in found["ratings"]] == [None, None]
    assert found["ratings"][0]["wins"] == 5


def test_several_pairs_of_a_row_are_one_cluster_of_its_ratings() -> None:
    outcomes = (["a"] * 30 + ["b"] * 20) * 2
    rows = [f"r{number}" for number in range(50)] * 2
    apart = rated(("x", "y"), [0] * 100, [1] * 100, outcomes, [f"r{number}" for number in range(100)])
    together = rated(("x", "y"), [0] * 100, [1] * 100, outcomes, rows)
    assert (apart["clusters"], together["clusters"]) == (None, 50)
    assert together["ratings"][1]["se"] == pytest.approx(apart["ratings"][1]["se"] * 2**0.5, rel=0.02)


def test_answers_to_one_row_are_one_cluster_of_the_agreement() -> None:
    judge = ["correct"] * 12 + ["incorrect"] * 8
    human = ["correct"] * 9 + ["incorrect"] * 6 + ["correct"] * 5
    rows = [f"r{number}" for number in range(20)]
    once = calibration(judge, human, LABELS, ordered=False, rows=rows)
    three = calibration(judge * 3, human * 3, LABELS, ordered=False, rows=rows * 3)
    for name in ("agreement_ci95", "kappa_ci95"):
        low, high = once[name]
        assert three[name][1] - three[name][0] == pytest.approx(high - low, rel=0.2), "no wider and no narrower for it"
    alike = calibration(["correct"] * 9, ["correct"] * 9, LABELS, ordered=False, rows=["a", "b", "c"] * 3)
    assert (
        alike["agreement_ci95"]
        == calibration(["correct"] * 3, ["correct"] * 3, LABELS, ordered=False)["agreement_ci95"]
    )


def test_a_corrected_share_stays_one() -> None:
    values = CellValues()
    for number, (said, human) in enumerate([(1.0, 1.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]):
        values.add(f"r{number}", said, human)
    low, high = corrected(values)["ci95"]
    assert high > 1.0
    assert corrected(values, (0.0, 1.0))["ci95"] == [max(low, 0.0), 1.0]
