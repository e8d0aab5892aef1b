"""Ranges of axes: they hold every value and never collapse to a point."""

from __future__ import annotations

from collections.abc import Iterable

_TINY = 1e-9
_MARGIN = 0.05


def span(values: Iterable[float], *, share: bool) -> tuple[float, float]:
    """Return the lowest and the highest value, apart from each other even where all values are equal.

    Shares stay between 0 and 1. Raises ValueError without any value.
    """
    known = list(values)
    low, high = min(known), max(known)
    if high - low > _TINY * max(abs(low), abs(high), _TINY):
        return low, high
    if share:
        return max(0.0, low - _MARGIN), min(1.0, high + _MARGIN)
    margin = abs(high) * _MARGIN or 1.0
    return low - margin, high + margin
