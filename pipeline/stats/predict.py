"""Prediction intervals of totals over jobs that are still to come; never from a single observation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
ROUNDING_SD = 12**-0.5
"""Standard deviation of what is lost by rounding to whole units: values that look equal vary at least so much."""

EXPANDED_FROM = 100
"""Degrees of freedom from which on t is expanded about the normal quantile."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Range:
    """A quantity that is not known yet. `likely` is None where nothing says where in the interval it lies."""

    low: float
    likely: float | None
    high: float

    def __add__(self, other: Range) -> Range:
        """End by end, as if all erred the same way: never too narrow, whatever depends on what."""
        likely = None if self.likely is None or other.likely is None else self.likely + other.likely
        return Range(self.low + other.low, likely, self.high + other.high)

    def times(self, factor: float) -> Range:
        """In another unit."""
        return Range(self.low * factor, None if self.likely is None else self.likely * factor, self.high * factor)

    def widened(self, factor: float) -> Range:
        """As much as `factor` less or more, for what was seen elsewhere."""
        return Range(self.low / factor, self.likely, self.high * factor)

    def as_open_as(self, other: Range) -> Range:
        """Wider by as much as the ends of `other` are less and more than what is likely there."""
        likely = other.likely or 1.0
        return Range(self.low * other.low / likely, self.likely, self.high * other.high / likely)

    def within(self, low: float, high: float) -> Range:
        """Cut where the quantity cannot be."""
        likely = None if self.likely is None else min(max(self.likely, low), high)
        return Range(min(max(self.low, low), high), likely, max(min(self.high, high), low))


NOTHING = Range(0.0, 0.0, 0.0)


def total(ranges: Iterable[Range]) -> Range:
    """Sum, end by end."""
    return sum(ranges, NOTHING)


def predict_sum(seen: Values, count: int, *, units: float = 1.0) -> Range | None:
    """The sum of `count` new values, each taken `units` times, after those that were `seen`; None below two of them.

    Student's t over the uncertainty of the mean and the spread of the new values, for values drawn alike:
    mean * n +- t * s * sqrt(n + n^2 / m). Source: Hahn and Meeker, Statistical Intervals, section 4.7, for the mean of
    future observations, times their number.
    """
    if len(seen) < 2:
        return None
    if not count:
        return NOTHING
    mean = float(seen.mean())
    sd = max(float(seen.std(ddof=1)), ROUNDING_SD)
    half = _t(len(seen) - 1) * sd * (count + count**2 / len(seen)) ** 0.5
    return Range(count * mean - half, count * mean, count * mean + half).times(units)


def predict_from_base(seen: Values, base: Values, new_base: Values, units: float) -> Range | None:
    """The sum of new values, each taken `units` times, of which a base is known, such as tokens with their estimates.

    `new_base` holds the base of each new value, once. None below two seen values. The ratio of the sums that were seen,
    with the residuals for the uncertainty of the ratio and for the spread of the new values. Source: Cochran, Sampling
    Techniques, section 6.3.
    """
    whole = float(base.sum())
    if len(seen) < 2 or whole <= 0:
        return None
    if not len(new_base):
        return NOTHING
    ratio = float(seen.sum()) / whole
    residuals = seen - ratio * base
    sd = max(float((residuals @ residuals / (len(seen) - 1)) ** 0.5), ROUNDING_SD)
    share = float(new_base.sum()) / whole
    half = _t(len(seen) - 1) * sd * (len(new_base) + len(seen) * share**2) ** 0.5
    likely = ratio * float(new_base.sum())
    return Range(max(0.0, likely - half), likely, likely + half).times(units)


def predict_longest(seen: Values, count: int) -> Range | None:
    """The largest of `count` new values that are spread log-normally, as times of answers are; None below two.

    The spread itself is uncertain too: its ends are those of its own 80 % interval (chi-squared), since the largest of
    many lies far out.
    """
    from scipy import special

    positive = seen[seen > 0]
    if len(positive) < 2 or count < 1:
        return None
    logs, freedom = np.log(positive), len(positive) - 1
    mean, sd = float(logs.mean()), float(logs.std(ddof=1)) * (1 + 1 / len(logs)) ** 0.5
    narrow, wide = ((freedom / float(special.chdtri(freedom, tail))) ** 0.5 for tail in (0.1, 0.9))
    low, likely, high = (
        float(np.exp(mean + spread * NormalDist().inv_cdf(quantile ** (1 / count))))
        for quantile, spread in (((1 - LEVEL) / 2, sd), (0.5, sd), ((1 + LEVEL) / 2, sd * wide))
    )
    lowest = float(np.exp(mean + (np.log(low) - mean) * (narrow if low > np.exp(mean) else wide)))
    return Range(lowest, likely, high)


def scaled_up(looked_at: Values, whole: int) -> Range:
    """The sum over `whole` units of which a random part was looked at; exact where that was all of them."""
    part = len(looked_at)
    seen = float(looked_at.sum())
    if part >= whole:
        return Range(seen, seen, seen)
    likely = seen / max(part, 1) * whole
    if part < 2:
        return Range(0.0, likely, float("inf"))
    left_out = (1 - part / whole) ** 0.5
    half = _t(part - 1) * whole * float(looked_at.std(ddof=1)) / part**0.5 * left_out
    return Range(max(0.0, likely - half), likely, likely + half)


def _t(freedom: int) -> float:
    """The quantile of Student's t; of many degrees by its expansion, right to six digits, which spares importing scipy.

    Source: Abramowitz and Stegun, 26.7.5.
    """
    if freedom >= EXPANDED_FROM:
        z = NormalDist().inv_cdf((1 + LEVEL) / 2)
        first = (z**3 + z) / 4
        second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
        third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
        return z + first / freedom + second / freedom**2 + third / freedom**3
    from scipy import special

    return float(special.stdtrit(freedom, (1 + LEVEL) / 2))
