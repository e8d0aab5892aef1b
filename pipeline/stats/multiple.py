"""p-values adjusted for having looked at several of them."""

from __future__ import annotations

from collections.abc import Sequence


def holm(pvalues: Sequence[float | None]) -> list[float | None]:
    """Bound the chance of any false alarm among `pvalues`; None stays None and is not counted.

    Source: Holm 1979, step-down Bonferroni with monotonicity.
    """
    known = _known(pvalues)
    adjusted: list[float | None] = [None] * len(pvalues)
    highest = 0.0
    for rank, (p, index) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        adjusted[index] = highest
    return adjusted


def benjamini_hochberg(pvalues: Sequence[float | None]) -> list[float | None]:
    """Bound the expected share of false alarms among what is called different; None stays None and is not counted.

    Holds for independent and for positively dependent tests. Source: Benjamini and Hochberg 1995, step-up.
    """
    known = _known(pvalues)
    adjusted: list[float | None] = [None] * len(pvalues)
    lowest = 1.0
    for rank in range(len(known), 0, -1):
        p, index = known[rank - 1]
        lowest = min(lowest, p * len(known) / rank)
        adjusted[index] = lowest
    return adjusted


def _known(pvalues: Sequence[float | None]) -> list[tuple[float, int]]:
    known = sorted((p, index) for index, p in enumerate(pvalues) if p is not None)
    if any(not 0 <= p <= 1 for p, _ in known):
        raise ValueError("a p-value lies outside 0 to 1")
    return known
