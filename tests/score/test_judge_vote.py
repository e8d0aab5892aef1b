"""Several verdicts to one: majorities, medians, and the two orders of a pair."""

from __future__ import annotations

from itertools import product

import pytest

from pipeline.score.judge_form import Form, Reading
from pipeline.score.judge_vote import both_orders, elected, majority, mean_points, points

LABELS = Form(labels={"correct": 1.0, "partly": 0.5, "incorrect": 0.0})
FAILED = Reading(problem="refused")


def labels(*names: str) -> list[Reading]:
    return [Reading(label=name, value=LABELS.labels[name]) for name in names]


def scores(*values: float) -> list[Reading]:
    return [Reading(label=f"{value:g}", value=value) for value in values]


@pytest.mark.parametrize(
    ("votes", "winner"),
    [
        (("correct", "correct", "incorrect"), "correct"),
        (("correct", "incorrect"), "incorrect"),
        (("correct", "partly"), "partly"),
        (("correct", "partly", "incorrect"), "incorrect"),
        (("correct",), "correct"),
    ],
)
def test_the_label_with_most_votes_wins_and_a_tie_goes_to_the_smaller_value(
    votes: tuple[str, ...], winner: str
) -> None:
    assert elected(LABELS, labels(*votes)) == (winner, LABELS.labels[winner])


def test_scores_are_joined_by_their_median() -> None:
    form = Form(scale=(1.0, 5.0))
    assert elected(form, scores(1, 4, 5)) == ("4", 4.0)
    assert elected(form, scores(2, 5)) == ("3.5", 3.5)


def test_a_judge_that_failed_has_no_vote() -> None:
    assert elected(LABELS, [FAILED, *labels("correct")]) == ("correct", 1.0)
    assert elected(LABELS, [FAILED, FAILED]) is None


@pytest.mark.parametrize(("one", "other"), list(product(("a", "b", "tie"), repeat=2)))
def test_a_pair_has_a_winner_only_if_both_orders_name_it(one: str, other: str) -> None:
    names = {"a": ("first", "second"), "b": ("second", "first"), "tie": ("tie", "tie")}
    verdict = both_orders(Reading(label=one), Reading(label=other))
    expected = names[one][0] if names[one][0] == names[other][1] else "tie"
    assert verdict.outcome == expected
    assert verdict.consistent == (names[one][0] == names[other][1])


def test_a_pair_without_one_of_its_verdicts_is_unscored() -> None:
    assert both_orders(Reading(label="a"), FAILED).outcome is None
    assert both_orders(FAILED, Reading(label="a")).consistent is None


def test_several_judges_of_a_pair_need_more_votes_for_one_than_for_anything_else() -> None:
    assert majority(["first", "first", "second"]) == "first"
    assert majority(["first", "second"]) == "tie"
    assert majority(["first", "tie"]) == "tie"
    assert majority(["second", "second", "tie"]) == "second"
    assert majority([]) is None


def test_a_tie_is_half_a_win_for_each() -> None:
    assert points("tie", is_first=True) == points("tie", is_first=False) == 0.5
    assert (points("second", is_first=True), points("second", is_first=False)) == (0.0, 1.0)
    assert mean_points([1.0, 0.5, 0.0, 0.0]) == 0.375
    assert mean_points([]) is None
