"""Means with their standard errors, and 95 % intervals; never an interval from a single observation."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]
NO_SPREAD = 1e-12
"""A standard error below this share of the values is rounding noise: the values do not vary."""


def mean_se(values: Sequence[float] | NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Mean and standard error, the latter from the variance with n - 1; None where n is too small.

    Raises ValueError for NaN and infinite values: what was not scored is to be left out before, from n too.
    Source: Miller 2024, "Adding Error Bars to Evals", section 2.1.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        return None, None
    if not np.isfinite(array).all():
        raise ValueError("a value is NaN or infinite; a mean of it says nothing")
    mean = float(array.mean())
    if array.size < 2:
        return mean, None
    return mean, float(array.std(ddof=1) / np.sqrt(array.size))


def wilson(passed: float, n: int, level: float = 0.95) -> Interval | None:
    """Score interval of a proportion; None when n < 2. `passed` may be a sum of shares, as of rows with repeats.

    Source: Wilson 1927; recommended for any n by Brown, Cai and DasGupta 2001.
    """
    _check_counts(passed, n)
    if n < 2:
        return None
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = passed / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * ((share * (1 - share) + z * z / (4 * n)) / n) ** 0.5
    # at the ends the formula gives exactly 0 or 1, rounding does not
    low = 0.0 if passed == 0 else centre - half
    high = 1.0 if passed == n else centre + half
    return low, high


def clopper_pearson(passed: int, n: int, level: float = 0.95) -> Interval | None:
    """Exact interval of a proportion, conservative; None when n < 2.

    Source: Clopper and Pearson 1934, through quantiles of the beta distribution.
    """
    _check_counts(passed, n)
    if n < 2:
        return None
    from scipy import special

    tail = (1 - level) / 2
    low = 0.0 if passed == 0 else float(special.betaincinv(passed, n - passed + 1, tail))
    high = 1.0 if passed == n else float(special.betaincinv(passed + 1, n - passed, 1 - tail))
    return low, high


def t_interval(mean: float | None, se: float | None, n: int, level: float = 0.95) -> Interval | None:
    """Interval of a mean with Student's t on n - 1 degrees of freedom; with a clustered `se`, `n` counts clusters.

    None when n < 2, and when the values do not vary: a width of 0 would claim a certainty that n values cannot give.
    Source: Student 1908.
    """
    if mean is None or se is None or n < 2 or se <= NO_SPREAD * abs(mean):
        return None
    from scipy import special

    half = se * float(special.stdtrit(n - 1, (1 + level) / 2))
    return mean - half, mean + half


def share_interval(mean: float | None, se: float | None, n: int) -> Interval | None:
    """Interval of a mean of `n` shares (0 to 1): Student's t cut to [0, 1], or Wilson's where the shares do not vary.

    Student's t has no interval without spread, as when each of 30 rows passed every time; then each row counts as one
    trial. With a clustered standard error, `n` counts clusters. None when n < 2.
    """
    found = t_interval(mean, se, n)
    if found is not None:
        return clip(found, 0.0, 1.0)
    return None if mean is None else wilson(mean * n, n)


def clip(interval: Interval, lowest: float, highest: float) -> Interval:
    """Cut an interval to the values that are possible."""
    low, high = interval
    return max(low, lowest), min(high, highest)


def _check_counts(passed: float, n: int) -> None:
    if not 0 <= passed <= n:
        raise ValueError(f"{passed} passed of {n} is not a proportion")
