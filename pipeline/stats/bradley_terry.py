"""Abilities from pairwise comparisons: Bradley-Terry, ties as half wins or by Davidson's model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Ties = Literal["half", "davidson"]
Outcome = Literal["a", "b", "tie"]

_CHOSEN = {"a": (1.0, 0.0), "b": (0.0, 1.0), "tie": (0.5, 0.5)}
_MAX_STEPS = 100
_CONVERGED = 1e-10


@dataclass(frozen=True, slots=True)
class Abilities:
    """Log abilities; the chance that i beats j (ties aside) is 1 / (1 + exp(ability j - ability i))."""

    log_abilities: Array | None
    """The first is 0. None where the data fix no finite ones; `problem` says why."""
    se: Array | None
    """Of each against the first, which has 0."""
    covariance: Array | None
    """Of the log abilities; the first row and column are 0."""
    log_tie: float | None
    """Davidson's tie parameter: between equals exp(log_tie) is the odds of a tie to a win. None without it."""
    log_likelihood: float | None
    n: float
    """Comparisons, ties included."""
    problem: str | None

    def difference(self, first: int, second: int) -> tuple[float, float] | None:
        """Log ability of `second` less that of `first`, and its standard error."""
        if self.log_abilities is None or self.covariance is None:
            return None
        variance = self.covariance[first, first] + self.covariance[second, second]
        variance -= 2 * self.covariance[first, second]
        return float(self.log_abilities[second] - self.log_abilities[first]), float(max(variance, 0.0) ** 0.5)


def count_outcomes(
    first: Sequence[int], second: Sequence[int], outcomes: Sequence[Outcome], size: int
) -> tuple[Array, Array]:
    """Tables of wins (row beats column) and ties (symmetric) from comparisons of numbered cells, `size` of them."""
    wins, ties = np.zeros((size, size)), np.zeros((size, size))
    for a, b, outcome in zip(first, second, outcomes, strict=True):
        if outcome == "tie":
            ties[a, b] += 1
            ties[b, a] += 1
        else:
            winner, loser = (a, b) if outcome == "a" else (b, a)
            wins[winner, loser] += 1
    return wins, ties


def fit(
    wins: ArrayLike, ties: ArrayLike | None = None, *, model: Ties = "half", names: Sequence[str] | None = None
) -> Abilities:
    """Maximum likelihood with standard errors from the observed information.

    `wins[i][j]` counts how often i beat j, `ties` (symmetric) how often they tied; the diagonal is not looked at.
    "half" counts a tie as half a win for each, which leaves its standard errors too large, by about a third where a
    third of the games are ties; "davidson" gives ties a probability of their own. `names` are used in `problem`.
    Source: Bradley and Terry 1952; Ford 1957 (when the estimate exists); Davidson 1970 (ties).
    """
    won = np.array(wins, dtype=np.float64)
    tied = np.zeros_like(won) if ties is None else np.array(ties, dtype=np.float64)
    _check(won, tied)
    np.fill_diagonal(won, 0.0)
    np.fill_diagonal(tied, 0.0)
    n = float(won.sum() + tied.sum() / 2)
    called = [str(index) for index in range(len(won))] if names is None else list(names)
    if model == "half":
        won, tied = won + tied / 2, np.zeros_like(tied)
    problem = connection_problem(won, tied, called)
    if problem is not None:
        return Abilities(None, None, None, None, None, n, problem)
    return _maximise(_Pairs.of(won, tied), len(won), n)


def clustered(
    found: Abilities, first: Sequence[int], second: Sequence[int], outcomes: Sequence[Outcome], clusters: Sequence[str]
) -> Abilities:
    """The same abilities with standard errors that hold where comparisons of one cluster, such as a row, go together.

    The comparisons are those that `found` was fitted to. None in place of standard errors with fewer than two clusters,
    and where nothing varies between them. Source: the sandwich of Huber 1967 over clusters (Liang and Zeger 1986), with
    CR1's factor.
    """
    if found.log_abilities is None:
        return found
    size, davidson = len(found.log_abilities), found.log_tie is not None
    pairs = _Pairs(np.asarray(first), np.asarray(second), np.zeros((len(first), 3)), davidson)
    features = pairs.features(size)
    parameters = np.append(found.log_abilities[1:], [] if found.log_tie is None else found.log_tie)
    chosen = np.array([_CHOSEN[outcome] for outcome in outcomes])
    if davidson:
        chosen = np.array([[a == 1.0, b == 1.0, a == b] for a, b in chosen], dtype=np.float64)
    weights = np.exp(features @ parameters)
    residuals = chosen - weights / weights.sum(axis=1, keepdims=True)
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    units = int(codes.max()) + 1
    sums = np.zeros((units, parameters.size))
    np.add.at(sums, codes, np.einsum("po,pod->pd", residuals, features))
    if units < 2 or float(np.abs(sums).max()) <= _CONVERGED:
        return replace(found, se=None, covariance=None)
    inverse = np.linalg.inv(_likelihood(parameters, features, chosen)[2])
    covariance = np.zeros((size, size))
    sandwich = units / (units - 1) * inverse @ (sums.T @ sums) @ inverse
    covariance[1:, 1:] = sandwich[: size - 1, : size - 1]
    return replace(found, se=np.sqrt(np.diag(covariance)), covariance=covariance)


def connection_problem(wins: Array, ties: Array, names: Sequence[str]) -> str | None:
    """Say why no finite abilities exist, naming the cells at fault; None where they do.

    They exist if and only if, however the cells are split in two groups, each group has won against the other.
    Source: Ford 1957. With Davidson's ties also some cells must have beaten each other in a circle, or ties cannot
    be told from wins.
    """
    if len(wins) < 2:
        return "fewer than two cells were compared"
    reach = _reach((wins > 0) | (ties > 0))
    components = _components(reach)
    if len(components) > 1:
        return _why_apart(reach, components, names)
    circle = _reach(wins > 0)
    np.fill_diagonal(circle, False)
    if (ties > 0).any() and not (circle & circle.T).any():
        return "no cells have beaten each other, directly or in a circle: ties cannot be told from wins"
    return None


def _why_apart(reach: NDArray[np.bool_], components: list[list[int]], names: Sequence[str]) -> str:
    joined = _components(_reach(reach | reach.T))
    if len(joined) > 1:
        groups = "; ".join(_listed(group, names) for group in joined)
        return f"separate groups that were never compared with each other: {groups}"
    losers = [group[0] for group in components if len(group) == 1 and reach[group[0]].sum() == 1]
    if losers:
        return f"never won: {_listed(losers, names)}"
    winners = [group[0] for group in components if len(group) == 1 and reach[:, group[0]].sum() == 1]
    if winners:
        return f"never lost: {_listed(winners, names)}"
    top = next(group for group in components if reach[:, group[0]].sum() == len(group))
    return f"never lost to the others: {_listed(top, names)}"


def _listed(cells: Sequence[int], names: Sequence[str]) -> str:
    return ", ".join(names[cell] for cell in cells)


def _reach(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells lead to which others along the edges, in any number of steps."""
    reach = edges | np.eye(len(edges), dtype=np.bool_)
    while True:
        further = (reach.astype(np.float64) @ reach.astype(np.float64)) > 0
        if (further == reach).all():
            return reach
        reach = further


def _components(reach: NDArray[np.bool_]) -> list[list[int]]:
    """Groups of cells that lead to each other, by their first member."""
    mutual = reach & reach.T
    return [list(map(int, np.flatnonzero(row))) for index, row in enumerate(mutual) if int(np.argmax(row)) == index]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs that were compared: members, and counts of (first won, second won, tied)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    counts: Array
    davidson: bool

    @staticmethod
    def of(wins: Array, ties: Array) -> _Pairs:
        first, second = np.triu_indices(len(wins), 1)
        counts = np.stack([wins[first, second], wins[second, first], ties[first, second]], axis=1)
        compared = counts.sum(axis=1) > 0
        return _Pairs(first[compared], second[compared], counts[compared], bool(counts[:, 2].any()))

    def features(self, size: int) -> Array:
        """What each outcome's log weight is made of: pairs, outcomes, parameters (abilities but the first, tie)."""
        made = np.zeros((self.first.size, 3, size + 1))
        pairs = np.arange(self.first.size)
        made[pairs, 0, self.first] = 1.0
        made[pairs, 1, self.second] = 1.0
        made[pairs, 2, self.first] = made[pairs, 2, self.second] = 0.5
        made[pairs, 2, size] = 1.0
        return made[:, :, 1:] if self.davidson else made[:, :2, 1:size]


def _maximise(pairs: _Pairs, size: int, n: float) -> Abilities:
    features = pairs.features(size)
    counts = pairs.counts[:, : features.shape[1]]
    parameters = np.zeros(features.shape[2])
    value, gradient, information = _likelihood(parameters, features, counts)
    for _ in range(_MAX_STEPS):
        step = np.linalg.solve(information, gradient)
        if float(np.abs(step).max()) < _CONVERGED:
            break
        # the likelihood is concave, so a step that is short enough always climbs
        while (found := _likelihood(parameters + step, features, counts))[0] < value - 1e-12 * abs(value):
            step /= 2
        parameters = parameters + step
        value, gradient, information = found
    covariance = np.zeros((size, size))
    covariance[1:, 1:] = np.linalg.inv(information)[: size - 1, : size - 1]
    return Abilities(
        log_abilities=np.concatenate(([0.0], parameters[: size - 1])),
        se=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        log_tie=float(parameters[-1]) if pairs.davidson else None,
        log_likelihood=value,
        n=n,
        problem=None,
    )


def _likelihood(parameters: Array, features: Array, counts: Array) -> tuple[float, Array, Array]:
    """Log-likelihood, its gradient and the information, of a multinomial logit per pair."""
    logits = features @ parameters
    highest = logits.max(axis=1, keepdims=True)
    weights = np.exp(logits - highest)
    totals = weights.sum(axis=1, keepdims=True)
    shares = weights / totals
    value = float((counts * (logits - highest - np.log(totals))).sum())
    compared = counts.sum(axis=1, keepdims=True)
    gradient = np.einsum("po,pod->d", counts - compared * shares, features)
    centred = features - np.einsum("po,pod->pd", shares, features)[:, None, :]
    information = np.einsum("po,pod,poe->de", compared * shares, centred, centred, optimize=True)
    return value, gradient, information


def _check(wins: Array, ties: Array) -> None:
    if wins.ndim != 2 or wins.shape[0] != wins.shape[1] or ties.shape != wins.shape:
        raise ValueError("wins and ties are square tables of the same size")
    if not (np.isfinite(wins).all() and np.isfinite(ties).all() and (wins >= 0).all() and (ties >= 0).all()):
        raise ValueError("wins and ties are counts, 0 or more")
    if not np.array_equal(ties, ties.T):
        raise ValueError("ties are symmetric: i tied with j as often as j with i")
