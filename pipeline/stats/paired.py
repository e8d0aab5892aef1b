"""Two models on the same rows: the difference, its standard error, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.intervals import NO_SPREAD, Interval, mean_se, t_interval
from pipeline.stats.power import smallest_detectable

Test = Literal["mcnemar_exact", "paired_t"]
RowKey = TypeVar("RowKey", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """What the common rows say of b against a."""

    n: int
    """Rows that both have."""
    difference: float | None
    """mean(b) - mean(a) over the common rows."""
    se: float | None
    """Of the rows' differences, with n - 1."""
    ci95: Interval | None
    gained: int
    """Rows where b is better; for pass/fail: wrong in a and right in b."""
    lost: int
    p: float | None
    """Two-sided; None where the test is undefined."""
    test: Test
    smallest_detectable: float | None
    """The true difference that this many rows would show at the 5 % level in 80 % of repetitions."""


def compare(a: Mapping[RowKey, float], b: Mapping[RowKey, float], pass_fail: bool) -> Paired:
    """Compare b with a on the rows that both have.

    Pass/fail values are 0 or 1 (ValueError otherwise) and take exact McNemar; others take the paired t-test.
    """
    common = [key for key in a if key in b]
    return compare_arrays(
        np.array([a[key] for key in common], dtype=np.float64),
        np.array([b[key] for key in common], dtype=np.float64),
        pass_fail,
    )


def compare_arrays(a: NDArray[np.float64], b: NDArray[np.float64], pass_fail: bool) -> Paired:
    """Compare b with a, position by position; see `compare`. Where either is NaN (not scored) neither counts."""
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if pass_fail and not (np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all()):
        raise ValueError("pass/fail values must be 0 or 1")
    n = a.size
    differences = b - a
    difference, se = mean_se(differences)
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    noise = NO_SPREAD * float(np.abs(np.concatenate((a, b))).max(initial=0.0))
    varies = se is not None and se > noise
    test: Test = "mcnemar_exact" if pass_fail else "paired_t"
    p = mcnemar_exact(gained, lost) if pass_fail else _paired_t(difference, se, n, noise)
    return Paired(
        n=n,
        difference=difference,
        se=se,
        ci95=t_interval(difference, se, n) if varies else None,
        gained=gained,
        lost=lost,
        p=p if n else None,
        test=test,
        smallest_detectable=smallest_detectable(se) if se is not None and varies else None,
    )


def mcnemar_exact(gained: int, lost: int) -> float:
    """Two-sided exact p of `gained` against `lost` discordant rows: twice the smaller binomial tail, at most 1.

    Source: McNemar 1947 in its exact form; the tail is an incomplete beta function, accurate far below 1e-16.
    """
    if gained == lost:
        return 1.0
    from scipy import special

    fewer, more = sorted((gained, lost))
    return min(1.0, 2.0 * float(special.betainc(more, fewer + 1, 0.5)))


def _paired_t(difference: float | None, se: float | None, n: int, noise: float) -> float | None:
    if difference is None or se is None:
        return None
    if se <= noise:
        return 1.0 if abs(difference) <= noise else None
    from scipy import special

    return float(2.0 * special.stdtr(n - 1, -abs(difference / se)))
