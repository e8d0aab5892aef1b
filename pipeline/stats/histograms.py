"""How values lie: round edges that fit all of them, counts between the edges, quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64] | NDArray[np.float32]

MOST_BINS = 40
_FEWEST_BINS = 5
FEW_VALUES = 12
"""So many distinct values at most have a bar each."""
QUANTILES = (5, 25, 50, 75, 95, 99)
_NICE_STEPS = (1.0, 2.0, 2.5, 5.0)
_RENARD: tuple[tuple[float, ...], ...] = (
    (1, 1.12, 1.25, 1.4, 1.6, 1.8, 2, 2.24, 2.5, 2.8, 3.15, 3.55, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9),
    (1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8),
    (1, 1.6, 2.5, 4, 6.3),
    (1, 2, 5),
    (1,),
)
"""Preferred numbers of a decade, R20, R10 and R5 (ISO 3), and coarser ones: they lie about evenly on a log scale."""
_COARSE_DECADES = (2, 5, 10, 20, 50)
_LONG_TAIL = 5.0
"""So many times the central range (p5 to p95) must all values reach for a log scale,"""
_FAR_APART = 50.0
"""or p95 be so many times p5."""
_SAMPLED = 10_000


@dataclass(frozen=True, slots=True)
class Scale:
    """The bins of one quantity, shared by all cells of a run."""

    edges: NDArray[np.float64]
    """Ascending, one more than there are bins; with `values`, empty."""
    log: bool = False
    """Whether the edges grow by a factor."""
    values: NDArray[np.float64] | None = None
    """Where there are few distinct values: these, each with a bar of its own."""

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return self.edges.size - 1 if self.values is None else self.values.size

    def bin_of(self, values: Values) -> NDArray[np.int64]:
        """The bin of each value; bins hold their lower edge, the last one its upper edge too (numpy.histogram's rule).

        NaN, which is no value, gets the number after the last bin.
        """
        if self.values is not None:
            found = np.searchsorted(self.values, values)
        else:
            found = np.clip(np.searchsorted(self.edges, values, side="right") - 1, 0, self.bins - 1)
        return np.where(np.isnan(values), self.bins, found)

    def entry(self, counts: NDArray[np.int64]) -> dict[str, Any]:
        """The bins with their counts, as summary.json holds them."""
        if self.values is not None:
            return {"values": self.values.tolist(), "counts": counts.tolist()}
        return {"edges": self.edges.tolist(), "log": self.log, "counts": counts.tolist()}


def shared_scale(values: Values, *, whole: bool = False, few: bool = False, log: bool = True) -> Scale | None:
    """Bins that hold all of `values` (NaN left out); None without any.

    There are at most 40, and at most the square root of the number of values where these are few. Edges of `whole`
    numbers are whole. With `few`, up to 12 distinct values are told apart instead; `log` allows a logarithmic scale.
    """
    known = values[~np.isnan(values)].astype(np.float64)
    if not known.size:
        return None
    if few and (distinct := _few_values(known)) is not None:
        return Scale(edges=np.zeros(0), values=distinct)
    most = int(np.clip(math.isqrt(known.size), _FEWEST_BINS, MOST_BINS))
    low, p5, p95, high = np.percentile(known, (0, 5, 95, 100)).tolist()
    if log and _wants_log(known, p5, p95):
        least = float(known[known > 0].min())
        return Scale(edges=_log_edges(least, high, most, whole=whole, zero=low == 0), log=True)
    return Scale(edges=_linear_edges(low, high, most, whole=whole))


def quantiles(values: Values) -> dict[str, float | None]:
    """p5 to p99 and the largest of the known values, interpolated linearly; None without any."""
    names = [*(f"p{point}" for point in QUANTILES), "max"]
    known = values[~np.isnan(values)].astype(np.float64)
    if not known.size:
        return dict.fromkeys(names)
    return dict(zip(names, np.percentile(known, (*QUANTILES, 100)).tolist(), strict=True))


def _few_values(known: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The distinct values where there are few; most others are told by a look at the first."""
    if np.unique(known[:_SAMPLED]).size > FEW_VALUES:
        return None
    distinct = np.unique(known)
    return distinct if distinct.size <= FEW_VALUES else None


def _wants_log(known: NDArray[np.float64], p5: float, p95: float) -> bool:
    """Whether on a linear scale most values would be crowded into a few bins."""
    low, high = float(known.min()), float(known.max())
    if low < 0 or high <= 0:
        return False
    if p5 > 0 and p95 >= _FAR_APART * p5:
        return True
    return high - low > _LONG_TAIL * (p95 - p5) and high >= _FAR_APART * max(low, p5)


def _linear_edges(low: float, high: float, most: int, *, whole: bool) -> NDArray[np.float64]:
    """Multiples of the smallest nice step that needs at most `most` bins."""
    spread = high - low or abs(high) * 0.1 or 1.0
    decade = math.floor(math.log10(spread / most))
    steps = (float(f"{step}e{power}") for power in range(decade, decade + 4) for step in _NICE_STEPS)
    for step in steps:
        if whole and not step.is_integer():
            continue
        first, last = math.floor(low / step), math.ceil(high / step)
        if first == last:
            last += 1
        if last - first <= most:
            return _covering(np.array([_rounded(step * number) for number in range(first, last + 1)]), low, high)
    return np.array([low, math.nextafter(high, math.inf)])  # numbers at the end of what floats can hold


def _log_edges(low: float, high: float, most: int, *, whole: bool, zero: bool) -> NDArray[np.float64]:
    """Preferred numbers from `low` to `high`, as fine as `most` allows; a bin from 0 before them where it is needed."""
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2
    # Whole numbers do not fill R20 evenly: one in this bin, two in the next.
    series = [_preferred(range(first, last), mantissas, whole=whole) for mantissas in _RENARD[whole:]]
    series += [_preferred(range(first - step, last + 2 * step, step), (1,), whole=whole) for step in _COARSE_DECADES]
    for numbers in series:
        start = numbers[np.searchsorted(numbers, low, side="right") - 1]
        end = numbers[max(np.searchsorted(numbers, high), np.searchsorted(numbers, start, side="right"))]
        edges = numbers[(numbers >= start) & (numbers <= end)]
        if edges.size + zero - 1 <= most:
            break
    return np.union1d(np.zeros(int(zero)), edges)


def _preferred(decades: range, mantissas: tuple[float, ...], *, whole: bool) -> NDArray[np.float64]:
    numbers = np.array([float(f"{mantissa}e{decade}") for decade in decades for mantissa in mantissas])
    numbers = np.floor(numbers + 0.5) if whole else numbers
    return np.unique(np.minimum(numbers, np.finfo(np.float64).max))


def _covering(edges: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Rounding never leaves a value outside."""
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _rounded(edge: float) -> float:
    return float(f"{edge:.12g}")
