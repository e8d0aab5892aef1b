"""Abilities against choix, statsmodels and the recorded citation table."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import choix
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from statsmodels.tools.numdiff import approx_hess

from pipeline.stats.bradley_terry import Abilities, Outcome, clustered, count_outcomes, fit


def simulated(seed: int, size: int = 6, games: int = 60, log_tie: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    abilities = draw.normal(size=size)
    wins, ties = np.zeros((size, size)), np.zeros((size, size))
    for i, j in combinations(range(size), 2):
        middle = -np.inf if log_tie is None else log_tie + (abilities[i] + abilities[j]) / 2
        weights = np.exp([abilities[i], abilities[j], middle])
        wins[i, j], wins[j, i], ties[i, j] = draw.multinomial(games, weights / weights.sum())
        ties[j, i] = ties[i, j]
    return wins, ties


def abilities_of(found: Abilities) -> np.ndarray:
    assert found.log_abilities is not None, found.problem
    return found.log_abilities


@pytest.mark.parametrize("seed", range(4))
def test_abilities_agree_with_choix(seed: int) -> None:
    wins, _ = simulated(seed)
    games = [(i, j) for i in range(6) for j in range(6) for _ in range(int(wins[i, j]))]
    found = abilities_of(fit(wins))
    known = choix.ilsr_pairwise(6, games, alpha=0, tol=1e-12)
    assert found == pytest.approx(known - known[0], abs=1e-9)
    optimised = choix.opt_pairwise(6, games, alpha=0, method="Newton-CG", tol=1e-12)
    assert found == pytest.approx(optimised - optimised[0], abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_standard_errors_agree_with_the_logistic_regression_of_statsmodels(seed: int) -> None:
    wins, _ = simulated(seed)
    pairs = list(combinations(range(6), 2))
    design = np.zeros((len(pairs), 6))
    for row, (i, j) in enumerate(pairs):
        design[row, i], design[row, j] = 1, -1
    won = np.array([[wins[i, j], wins[j, i]] for i, j in pairs])
    known = sm.GLM(won, design[:, 1:], family=sm.families.Binomial()).fit(tol=1e-14)
    found = fit(wins)
    assert found.se is not None
    assert found.covariance is not None
    assert abilities_of(found)[1:] == pytest.approx(known.params, abs=1e-9)
    assert found.se[1:] == pytest.approx(known.bse, rel=1e-7)
    assert found.covariance[1:, 1:] == pytest.approx(known.cov_params(), rel=1e-6)
    difference = found.difference(2, 4)
    assert difference is not None
    contrast = known.t_test([0, -1, 0, 1, 0])
    assert difference == pytest.approx((contrast.effect.item(), contrast.sd.item()), rel=1e-6)


def test_the_citation_table_gives_the_recorded_coefficients(shared: Path) -> None:
    known = json.loads((shared / "datasets/expected.json").read_text("utf-8"))["bradley_terry_citations"]
    found = fit(known["wins"], names=known["order"])
    assert abilities_of(found) == pytest.approx(known["log_ability"], abs=1e-6)
    assert found.n == 3727


@pytest.mark.parametrize("seed", range(3))
def test_davidsons_model_is_at_the_top_of_its_likelihood(seed: int) -> None:
    wins, ties = simulated(seed, size=4, log_tie=-0.3)

    def loss(parameters: np.ndarray) -> float:
        strength, tie = np.exp(np.concatenate(([0.0], parameters[:3]))), np.exp(parameters[3])
        total = 0.0
        for i, j in combinations(range(4), 2):  # Davidson 1970, equation 2.2
            middle = tie * np.sqrt(strength[i] * strength[j])
            below = strength[i] + strength[j] + middle
            total -= wins[i, j] * np.log(strength[i] / below) + wins[j, i] * np.log(strength[j] / below)
            total -= ties[i, j] * np.log(middle / below)
        return total

    known = optimize.minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7})
    found = fit(wins, ties, model="davidson")
    assert abilities_of(found)[1:] == pytest.approx(known.x[:3], abs=1e-5)
    assert found.log_tie == pytest.approx(known.x[3], abs=1e-5)
    assert found.log_likelihood == pytest.approx(-known.fun, rel=1e-9)
    assert found.se is not None
    information = approx_hess(known.x, loss)
    assert found.se[1:] == pytest.approx(np.sqrt(np.diag(np.linalg.inv(information)))[:3], rel=1e-4)


def test_davidsons_standard_errors_are_those_of_repeated_draws() -> None:
    draw = np.random.default_rng(3)
    truth, log_tie = np.array([0.0, 0.7, -0.4]), 0.2
    found = []
    for _ in range(400):
        wins, ties = np.zeros((3, 3)), np.zeros((3, 3))
        for i, j in combinations(range(3), 2):
            weights = np.exp([truth[i], truth[j], log_tie + (truth[i] + truth[j]) / 2])
            wins[i, j], wins[j, i], ties[i, j] = draw.multinomial(120, weights / weights.sum())
            ties[j, i] = ties[i, j]
        found.append(fit(wins, ties, model="davidson"))
    estimates = np.array([abilities_of(one) for one in found])
    errors = np.array([one.se for one in found])
    assert estimates.mean(axis=0) == pytest.approx(truth, abs=0.04)
    assert errors.mean(axis=0)[1:] == pytest.approx(estimates.std(axis=0)[1:], rel=0.1)


def test_a_tie_is_half_a_win_for_each() -> None:
    wins, ties = simulated(5, log_tie=0.0)
    assert abilities_of(fit(wins, ties)) == pytest.approx(abilities_of(fit(wins + ties / 2)), abs=1e-12)


@pytest.mark.parametrize("model", ["half", "davidson"])
def test_without_ties_both_models_are_the_same(model: str) -> None:
    wins, ties = simulated(6)
    found = fit(wins, ties, model=model)  # type: ignore[arg-type]
    assert abilities_of(found) == pytest.approx(abilities_of(fit(wins)), abs=1e-12)
    assert found.log_tie is None


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.permutations(range(5)))
def test_the_order_of_cells_does_not_matter(seed: int, order: list[int]) -> None:
    wins, ties = simulated(seed, size=5, log_tie=-0.5)
    there, back = (
        fit(table, tied, model="davidson")
        for table, tied in ((wins, ties), (wins[np.ix_(order, order)], ties[np.ix_(order, order)]))
    )
    if there.log_abilities is None:
        assert back.log_abilities is None
        return
    moved = there.log_abilities[order]
    assert abilities_of(back) == pytest.approx(moved - moved[0], abs=1e-7)


def test_winners_and_losers_swapped_turn_the_abilities_round() -> None:
    wins, ties = simulated(7, log_tie=0.1)
    there, back = fit(wins, ties, model="davidson"), fit(wins.T, ties, model="davidson")
    assert abilities_of(back) == pytest.approx(-abilities_of(there), abs=1e-8)


@pytest.mark.parametrize(
    ("wins", "problem"),
    [
        ([[0, 5], [0, 0]], "never won: b"),
        ([[0, 2, 3], [1, 0, 2], [0, 0, 0]], "never won: c"),
        ([[0, 5, 3], [0, 0, 2], [0, 2, 0]], "never lost: a"),
        ([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], "never compared with each other: a, b; c, d"),
        ([[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 0]], "never lost to the others: a, b"),
        ([[0, 0], [0, 0]], "separate groups that were never compared with each other: a; b"),
        ([[0]], "fewer than two cells"),
    ],
)
def test_what_cannot_be_ranked_is_named(wins: list[list[int]], problem: str) -> None:
    found = fit(wins, names="abcd")
    assert (found.log_abilities, found.se, found.difference(0, 0)) == (None, None, None)
    assert problem in (found.problem or "")


def test_a_tie_connects_both_ways() -> None:
    tie = [[0, 1], [1, 0]]
    assert fit([[0, 5], [0, 0]], tie).problem is None
    assert "ties cannot be told from wins" in (fit([[0, 5], [0, 0]], tie, model="davidson").problem or "")


def test_a_deadlock_is_no_certainty() -> None:
    found = fit([[0, 3], [3, 0]])
    assert found.se is not None
    assert found.difference(0, 1) == pytest.approx((0.0, np.sqrt(4 / 6)))


def test_comparisons_are_counted() -> None:
    wins, ties = count_outcomes([0, 0, 1, 2], [1, 1, 2, 0], ["a", "tie", "b", "b"], 3)
    assert wins.tolist() == [[0, 1, 1], [0, 0, 0], [0, 1, 0]]
    assert ties.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="square"):
        fit([[0, 1]])
    with pytest.raises(ValueError, match="0 or more"):
        fit([[0, -1], [1, 0]])
    with pytest.raises(ValueError, match="symmetric"):
        fit([[0, 1], [1, 0]], [[0, 1], [0, 0]])


def games(seed: int, rows: int, log_tie: float | None) -> tuple[list[int], list[int], list[Outcome], list[str]]:
    """One comparison of every pair of three cells in each row."""
    draw = np.random.default_rng(seed)
    truth, first, second = np.array([0.0, 0.6, -0.4]), [], []
    outcomes: list[Outcome] = []
    for i, j in list(combinations(range(3), 2)) * rows:
        middle = -np.inf if log_tie is None else log_tie + (truth[i] + truth[j]) / 2
        weights = np.exp([truth[i], truth[j], middle])
        first.append(i)
        second.append(j)
        kinds: tuple[Outcome, ...] = ("a", "b", "tie")
        outcomes.append(kinds[draw.choice(3, p=weights / weights.sum())])
    return first, second, outcomes, [f"r{number // 3}" for number in range(3 * rows)]


def both(
    first: list[int], second: list[int], outcomes: list[Outcome], rows: list[str], model: str
) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors as if pairs were independent, and clustered by row."""
    fitted = fit(*count_outcomes(first, second, outcomes, 3), model=model)  # type: ignore[arg-type]
    found = clustered(fitted, first, second, outcomes, rows)
    assert fitted.se is not None
    assert found.se is not None
    return fitted.se, found.se


def test_clustered_errors_agree_with_the_logistic_regression_of_statsmodels() -> None:
    first, second, outcomes, rows = games(1, 40, None)
    design = np.zeros((len(first), 3))
    numbers = np.arange(len(first))
    design[numbers, first], design[numbers, second] = 1, -1
    codes = np.array([int(row[1:]) for row in rows])
    known = sm.Logit(np.array(outcomes) == "a", design[:, 1:]).fit(
        disp=False, cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )
    assert both(first, second, outcomes, rows, "half")[1][1:] == pytest.approx(known.bse * (40 / 39) ** 0.5, rel=1e-6)


@pytest.mark.parametrize("model", ["half", "davidson"])
def test_pairs_that_are_there_twice_tell_nothing_new(model: str) -> None:
    once = games(2, 60, 0.0)
    _, errors = both(*once, model)
    plain, doubled = both(*(side * 2 for side in once), model)  # type: ignore[arg-type]
    assert doubled == pytest.approx(errors)
    assert (plain[1:] < errors[1:] * (0.8 if model == "davidson" else 1.0)).all()


def test_clustered_errors_are_those_of_repeated_draws() -> None:
    found = [
        clustered(fit(*count_outcomes(*one[:3], 3), model="davidson"), *one)
        for one in ([side * 2 for side in games(seed, 80, 0.0)] for seed in range(200))
    ]
    estimates = np.array([abilities_of(one) for one in found])
    errors = np.array([one.se for one in found])
    assert errors.mean(axis=0)[1:] == pytest.approx(estimates.std(axis=0)[1:], rel=0.12)


def test_one_row_alone_gives_no_standard_error() -> None:
    first, second, outcomes = [0] * 4, [1] * 4, ["a", "b", "a", "a"]
    fitted = fit(*count_outcomes(first, second, outcomes, 2))  # type: ignore[arg-type]
    assert fitted.se is not None
    assert clustered(fitted, first, second, outcomes, ["r"] * 4).se is None  # type: ignore[arg-type]
