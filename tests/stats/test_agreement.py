"""Agreement against statsmodels and the recorded kappa of KLUE."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as known_fleiss
from statsmodels.stats.proportion import proportion_confint

from pipeline.stats.agreement import Agreement, agreement, cohen_kappa, confusion, fleiss_kappa

PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def klue(shared: Path) -> list[tuple[str, ...]]:
    rows = json.loads((shared / "datasets/klue/klue-nli-v1.1_dev.json").read_text("utf-8"))
    return [(row["author"], *(row[f"label{n}"] for n in (2, 3, 4, 5))) for row in rows]


@pytest.fixture(scope="module")
def expected(shared: Path) -> float:
    return float(json.loads((shared / "datasets/expected.json").read_text("utf-8"))["klue_nli_fleiss_kappa"])


def test_the_five_annotators_of_klue_agree_as_recorded(klue: list[tuple[str, ...]], expected: float) -> None:
    found = fleiss_kappa(klue)
    assert found.n == 3000
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.ci95 is not None
    assert found.ci95[0] < expected < found.ci95[1]


@pytest.mark.parametrize("second", [1, 2, 3, 4])
def test_two_annotators_of_klue_agree_as_statsmodels_says(klue: list[tuple[str, ...]], second: int) -> None:
    first, other = [row[0] for row in klue], [row[second] for row in klue]
    table = confusion(first, other)
    for ordered in (False, True):
        known = cohens_kappa(table.counts, wt="quadratic" if ordered else None)
        found = cohen_kappa(first, other, ordered=ordered)
        assert found.value == pytest.approx(known.kappa, rel=1e-9)
        assert found.se == pytest.approx(known.std_kappa, rel=1e-9)
        assert found.ci95 == pytest.approx((known.kappa_low, known.kappa_upp), rel=1e-9)
    equal = sum(a == b for a, b in zip(first, other, strict=True))
    assert agreement(first, other).ci95 == pytest.approx(proportion_confint(equal, 3000, method="wilson"), rel=1e-9)
    assert agreement(first, other).value == table.counts.trace() / 3000


@pytest.mark.parametrize("seed", range(5))
def test_fleiss_kappa_agrees_with_statsmodels(seed: int) -> None:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 4, 80)
    ratings = np.where(draw.random((80, 6)) < 0.7, truth[:, None], draw.integers(0, 4, (80, 6)))
    assert fleiss_kappa(ratings.tolist()).value == pytest.approx(known_fleiss(aggregate_raters(ratings)[0]), rel=1e-9)


def test_the_standard_error_of_fleiss_kappa_is_that_of_repeated_draws() -> None:
    draw = np.random.default_rng(9)
    found = []
    for _ in range(400):
        truth = draw.integers(0, 3, 60)
        ratings = np.where(draw.random((60, 3)) < 0.8, truth[:, None], draw.integers(0, 3, (60, 3)))
        found.append(fleiss_kappa(ratings.tolist()))
    spread = np.std([kappa.value for kappa in found])
    assert np.mean([kappa.se for kappa in found]) == pytest.approx(spread, rel=0.1)


def test_raters_may_be_missing_and_items_with_one_rating_are_left_out() -> None:
    full = [["a", "a", "b"], ["b", "b", "b"], ["a", "b", "a"]]
    assert fleiss_kappa([*full, ["a", None, None], []]) == fleiss_kappa(full)
    assert fleiss_kappa([["a", "a", None], ["b", "b", "b"], ["a", "b"]]).value is not None


def test_a_confusion_names_who_said_what() -> None:
    found = confusion(["good", "bad", "bad", None, "good"], ["good", "good", "bad", "bad", None])
    assert found.labels == ("bad", "good")
    assert found.counts.tolist() == [[1, 1], [0, 1]]
    assert confusion(["x"], ["x"], labels=["y", "x"]).counts.tolist() == [[0, 0], [0, 1]]


@settings(deadline=None)
@given(PAIRS.flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs))))
def test_kappa_is_symmetric_and_no_row_order_matters(
    pair: tuple[list[tuple[str, str]], list[tuple[str, str]]],
) -> None:
    first, second = pair
    there = cohen_kappa([a for a, _ in first], [b for _, b in first])
    back = cohen_kappa([b for _, b in second], [a for a, _ in second])
    assert there.value == pytest.approx(back.value, abs=1e-12)
    assert there.se == pytest.approx(back.se, abs=1e-9)
    assert there.value is None or -1 <= there.value <= 1 + 1e-12


def test_full_agreement_claims_no_interval() -> None:
    found = cohen_kappa(["a", "b", "a"], ["a", "b", "a"])
    assert (found.value, found.se, found.ci95) == (1.0, None, None)
    many = ["a"] * 6 + ["b"] * 9 + ["c"] * 3  # where rounding leaves a variance of 1e-17
    assert (cohen_kappa(many, many).se, cohen_kappa(many, many).ci95) == (None, None)
    everyone = fleiss_kappa([["a", "a"], ["b", "b"], ["a", "a"]])
    assert (everyone.value, everyone.se, everyone.ci95) == (1.0, None, None)


def test_one_disagreement_in_very_many_is_enough_for_an_interval() -> None:
    first = ["a", "b"] * 100_000
    found = cohen_kappa(first, ["b", *first[1:]])
    assert found.value is not None
    assert found.ci95 is not None
    assert found.ci95[0] < found.value < 1


def test_one_label_alone_has_no_kappa() -> None:
    assert cohen_kappa(["a", "a"], ["a", "a"]).value is None
    assert fleiss_kappa([["a", "a"], ["a", "a"]]).value is None


@pytest.mark.parametrize("measure", [agreement, cohen_kappa])
def test_one_item_has_no_interval_and_none_has_nothing(measure: Callable[..., Agreement]) -> None:
    one = measure(["a"], ["b"])
    assert (one.n, one.se, one.ci95) == (1, None, None)
    assert measure([], []).value is None
    assert measure([None], ["a"]).n == 0


def test_one_item_has_no_interval_of_fleiss_either() -> None:
    assert fleiss_kappa([["a", "b", "b"]]).ci95 is None
    assert fleiss_kappa([]).value is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="1 ratings against 2"):
        agreement(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="'c', known are: a, b"):
        confusion(["a"], ["c"], labels=["a", "b"])


@pytest.mark.parametrize("ordered", [False, True])
def test_kappa_over_clusters_of_one_item_is_plain_kappa(ordered: bool) -> None:
    draw = np.random.default_rng(4)
    first = draw.integers(0, 4, 60).tolist()
    second = [int(value) if draw.random() < 0.7 else int(draw.integers(0, 4)) for value in first]
    plain = cohen_kappa(first, second, ordered=ordered)
    single = cohen_kappa(first, second, ordered=ordered, clusters=[f"r{number}" for number in range(60)])
    doubled = cohen_kappa(first * 2, second * 2, ordered=ordered, clusters=[f"r{number}" for number in range(60)] * 2)
    assert plain.se is not None
    assert single.se == pytest.approx(plain.se * (60 / 59) ** 0.5)
    assert doubled.se == pytest.approx(single.se)
