"""Equivalence of two means within a margin: two one-sided tests (TOST)."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.stats.intervals import NO_SPREAD, Interval


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether a difference is shown to be smaller than the margin; None where it cannot be told."""

    p: float | None
    """Chance of data that look this equal if the true difference were at the margin."""
    ci90: Interval | None
    """Lies within the margin exactly if p < 0.05 (for other levels 1 - 2 alpha)."""
    equivalent: bool | None
    """False says that equivalence is not shown, not that there is a difference."""


UNKNOWN = Equivalence(p=None, ci90=None, equivalent=None)


def tost(difference: float | None, se: float | None, df: float, margin: float, *, alpha: float = 0.05) -> Equivalence:
    """Test whether a difference lies within plus or minus `margin`, with Student's t on `df` degrees of freedom.

    For paired rows df is n - 1, with clusters their number less one. Nothing is told without a standard error, degrees
    of freedom or spread. Raises ValueError unless the margin is positive.
    Source: Schuirmann 1987.
    """
    _check_margin(margin)
    if difference is None or se is None or df < 1 or se <= NO_SPREAD * max(abs(difference), margin):
        return UNKNOWN
    from scipy import special

    p = float(special.stdtr(df, (abs(difference) - margin) / se))
    half = se * float(special.stdtrit(df, 1 - alpha))
    return Equivalence(p=p, ci90=(difference - half, difference + half), equivalent=p < alpha)


def tost_without_difference(n: int, margin: float, *, alpha: float = 0.05) -> Equivalence:
    """Test the same for `n` independent rows of shares (0 to 1) of which not one differs, where t has no spread.

    A true difference of `margin` needs at least that share of rows to differ, so p is at most (1 - margin)^n. Nothing
    is told from fewer than two rows.
    Source: the exact binomial bound of Clopper and Pearson 1934 for no event in n trials ("rule of three").
    """
    _check_margin(margin)
    if n < 2:
        return UNKNOWN
    p = max(0.0, 1 - margin) ** n
    bound = 1 - alpha ** (1 / n)
    return Equivalence(p=p, ci90=(-bound, bound), equivalent=p < alpha)


def _check_margin(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"a margin of {margin} is not above 0")
