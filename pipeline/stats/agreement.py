"""How far raters agree: plain share, Cohen's and Fleiss' kappa, and who says what where another says something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.clusters import clustered_mean
from pipeline.stats.intervals import NO_SPREAD, Interval, clip, t_interval, wilson

Ratings = Sequence[Hashable | None]
"""One label per item; None (no label) leaves the item out."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A measure of agreement over `n` items that were rated by all concerned."""

    n: int
    value: float | None
    se: float | None
    """None where it is not defined or nothing varies."""
    ci95: Interval | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of items by the labels of two raters."""

    labels: tuple[Hashable, ...]
    counts: NDArray[np.int64]
    """Rows: labels by the first rater; columns: by the second."""


def confusion(first: Ratings, second: Ratings, labels: Sequence[Hashable] | None = None) -> Confusion:
    """Count the items by both labels; `labels` fixes their order, otherwise they are sorted as texts.

    Raises ValueError for ratings of different lengths and for a label that is not among `labels`.
    """
    pairs = _pairs(first, second)
    found = {label for pair in pairs for label in pair}
    order = tuple(sorted(found, key=str) if labels is None else labels)
    strangers = found - set(order)
    if strangers:
        raise ValueError(f"a rating is {min(map(str, strangers))!r}, known are: {', '.join(map(str, order))}")
    position = {label: index for index, label in enumerate(order)}
    counts = np.zeros((len(order), len(order)), dtype=np.int64)
    for (a, b), count in Counter(pairs).items():
        counts[position[a], position[b]] = count
    return Confusion(labels=order, counts=counts)


def agreement(first: Ratings, second: Ratings, *, clusters: Sequence[str] | None = None) -> Agreement:
    """Share of items with equal labels, with Wilson's interval.

    With `clusters` of items, none of them without a label, it is Student's t over these, and Wilson's over as many
    where all items are alike.
    """
    pairs = _pairs(first, second)
    n, equal = len(pairs), sum(a == b for a, b in pairs)
    if not n:
        return Agreement(n=0, value=None, se=None, ci95=None)
    share = equal / n
    if clusters is not None:
        found = clustered_mean([float(a == b) for a, b in pairs], np.asarray(clusters))
        interval = t_interval(found.mean, found.se, found.clusters) if found.se else None
        if equal in (0, n):
            interval = wilson(found.clusters if equal else 0, found.clusters)
        return Agreement(n=n, value=share, se=found.se or None, ci95=interval and clip(interval, 0.0, 1.0))
    se = (share * (1 - share) / (n - 1)) ** 0.5 if n > 1 and 0 < share < 1 else None
    return Agreement(n=n, value=share, se=se, ci95=wilson(equal, n))


def cohen_kappa(
    first: Ratings,
    second: Ratings,
    *,
    labels: Sequence[Hashable] | None = None,
    ordered: bool = False,
    places: Sequence[float] | None = None,
    clusters: Sequence[str] | None = None,
) -> Agreement:
    """Agreement of two raters beyond chance, with its large-sample standard error and normal interval.

    `ordered` labels (grades, in the order of `labels`) take quadratic weights: near misses count as part agreement.
    So do labels with `places` of their own on a scale, where the steps between them are not all the same.
    With `clusters` of items, none of them without a label, the standard error is that of their summed influences, with
    CR1's factor, and the interval is Student's t. None where chance alone gives full agreement, as when both know only
    one label; no interval where nothing varies, as with full agreement.
    Source: Cohen 1960; weights Cohen 1968; standard error Fleiss, Cohen and Everitt 1969.
    """
    counts = confusion(first, second, labels).counts
    n, size = int(counts.sum()), len(counts)
    if not n:
        return Agreement(n=0, value=None, se=None, ci95=None)
    shares = counts / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    weights = np.eye(size)
    if (ordered or places is not None) and size > 1:
        at = np.arange(size) if places is None else np.asarray(places, dtype=np.float64)
        weights = 1 - np.square(np.subtract.outer(at, at) / np.ptp(at))
    by_chance = float((weights * np.outer(rows, columns)).sum())
    if 1 - by_chance <= NO_SPREAD:
        return Agreement(n=n, value=None, se=None, ci95=None)
    kappa = (float((weights * shares).sum()) - by_chance) / (1 - by_chance)
    expected = np.add.outer(weights @ columns, rows @ weights)
    spread = float((shares * np.square(weights - expected * (1 - kappa))).sum())
    variance = (spread - (kappa - by_chance * (1 - kappa)) ** 2) / ((1 - by_chance) ** 2 * n)
    if n < 2 or variance * n <= NO_SPREAD:
        return Agreement(n=n, value=kappa, se=None, ci95=None)
    if clusters is not None:
        centre = kappa - by_chance * (1 - kappa)
        influence = (weights - expected * (1 - kappa) - centre) / (1 - by_chance)
        return _clustered_kappa(n, kappa, influence, (first, second, labels), clusters)
    se = variance**0.5
    half = NormalDist().inv_cdf(0.975) * se
    return Agreement(n=n, value=kappa, se=se, ci95=clip((kappa - half, kappa + half), -1.0, 1.0))


def _clustered_kappa(
    n: int,
    kappa: float,
    influence: NDArray[np.float64],
    ratings: tuple[Ratings, Ratings, Sequence[Hashable] | None],
    clusters: Sequence[str],
) -> Agreement:
    """Kappa with the standard error of what each cluster adds; `influence` is by the labels of both raters."""
    place = {label: index for index, label in enumerate(confusion(*ratings).labels)}
    added = [influence[place[a], place[b]] for a, b in _pairs(ratings[0], ratings[1])]
    se = clustered_mean(added, np.asarray(clusters)).se
    interval = t_interval(kappa, se, len(set(clusters)))
    return Agreement(n=n, value=kappa, se=se or None, ci95=interval and clip(interval, -1.0, 1.0))


def fleiss_kappa(ratings: Sequence[Ratings]) -> Agreement:
    """Agreement beyond chance of any number of raters; one sequence of labels per item, in any order.

    Items may have different numbers of ratings; those with fewer than two (None is none) are left out. The standard
    error is the jackknife's over items. None where all ratings are the same label; no interval where nothing varies.
    Source: Fleiss 1971; the jackknife for kappa Fleiss and Davies 1982.
    """
    counted = [Counter(label for label in item if label is not None) for item in ratings]
    kept = [counts for counts in counted if counts.total() >= 2]
    codes: dict[Hashable, int] = {}
    for counts in kept:
        for label in counts:
            codes.setdefault(label, len(codes))
    table = np.zeros((len(kept), len(codes)))
    for row, counts in enumerate(kept):
        for label, count in counts.items():
            table[row, codes[label]] = count
    return _fleiss(table)


def _fleiss(table: NDArray[np.float64]) -> Agreement:
    """Fleiss' kappa of items by labels, each item with two ratings or more."""
    n = len(table)
    if not n:
        return Agreement(n=0, value=None, se=None, ci95=None)
    raters = table.sum(axis=1)
    agreed = (table * (table - 1)).sum(axis=1) / (raters * (raters - 1))
    totals = table.sum(axis=0)
    by_chance = float(np.square(totals / totals.sum()).sum())
    if 1 - by_chance <= NO_SPREAD:
        return Agreement(n=n, value=None, se=None, ci95=None)
    kappa = (float(agreed.mean()) - by_chance) / (1 - by_chance)
    if n < 2 or agreed.min() == 1:
        return Agreement(n=n, value=kappa, se=None, ci95=None)
    others = totals - table
    chance_without = np.square(others / others.sum(axis=1, keepdims=True)).sum(axis=1)
    if (1 - chance_without <= NO_SPREAD).any():
        return Agreement(n=n, value=kappa, se=None, ci95=None)
    without = ((agreed.sum() - agreed) / (n - 1) - chance_without) / (1 - chance_without)
    se = float(((n - 1) / n * np.square(without - without.mean()).sum()) ** 0.5)
    interval = t_interval(kappa, se, n) if se > NO_SPREAD else None
    if interval is None:
        return Agreement(n=n, value=kappa, se=None, ci95=None)
    return Agreement(n=n, value=kappa, se=se, ci95=clip(interval, -1.0, 1.0))


def _pairs(first: Ratings, second: Ratings) -> list[tuple[Hashable, Hashable]]:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} ratings against {len(second)}")
    return [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
