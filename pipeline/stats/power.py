"""What a comparison can show: the smallest difference it would detect, and the rows that a given one needs."""

from __future__ import annotations

from math import ceil
from statistics import NormalDist

_MAX_ROWS = 10**12


def smallest_detectable(se: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """The true difference that a two-sided test at `alpha` would show in `power` of repetitions: 2.80 standard errors.

    Source: Bloom 1995, "Minimum Detectable Effects"; Miller 2024, section 5.
    """
    return _reach(alpha, power) * se


def rows_needed(difference: float, sd_of_differences: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Rows on which a paired t-test at `alpha` (two-sided) shows a true `difference` in `power` of repetitions.

    `sd_of_differences` is the standard deviation of the rows' differences; see `pass_fail_sd` where no data exist.
    With clusters, multiply by the design effect (variance of the clustered mean over that of the plain one).
    Raises ValueError for a difference or spread of 0, with which no number of rows can be named.
    Source: Miller 2024, section 5; Cohen 1988, section 2.4; the power is that of the noncentral t.
    """
    if not difference or sd_of_differences <= 0:
        raise ValueError("rows are needed for a difference and a spread that are not 0")
    effect = abs(difference) / sd_of_differences
    rows = max(2, ceil((_reach(alpha, power) / effect) ** 2))
    if rows > _MAX_ROWS:
        raise ValueError(f"a difference of {difference} is too small to be shown by any number of rows")
    # Student's t needs a few more rows than the normal distribution, never fewer
    while power_of_t(effect, rows, alpha) < power:
        rows += 1
    return rows


def power_of_t(effect: float, rows: int, alpha: float = 0.05) -> float:
    """Chance that a two-sided paired t-test on `rows` rows shows a difference of `effect` standard deviations."""
    from scipy import special

    critical = float(special.stdtrit(rows - 1, 1 - alpha / 2))
    centre = effect * rows**0.5
    below = float(special.nctdtr(rows - 1, centre, -critical))
    return 1 - float(special.nctdtr(rows - 1, centre, critical)) + below


def pass_fail_sd(pass_rate: float, difference: float, discordance: float | None = None) -> float:
    """Standard deviation of pass/fail differences between two models, from assumptions where no data exist.

    `pass_rate` is the first model's, `difference` the second's less the first's. `discordance` is the share of rows
    that only one of them passes; None takes that of models whose successes are independent, which is more than most
    pairs of models have, so the rows come out on the safe side.
    Source: the variance of a McNemar table; Connor 1987, "Sample size for testing differences in proportions".
    """
    other = pass_rate + difference
    if not (0 <= pass_rate <= 1 and 0 <= other <= 1):
        raise ValueError(f"pass rates {pass_rate:g} and {other:g} are not both shares between 0 and 1")
    if discordance is None:
        discordance = pass_rate * (1 - other) + other * (1 - pass_rate)
    if not abs(difference) <= discordance <= 1:
        raise ValueError(f"a difference of {difference:g} needs a discordance between it and 1, not {discordance:g}")
    return float((discordance - difference**2) ** 0.5)


def _reach(alpha: float, power: float) -> float:
    """Standard errors between no difference and one that shows."""
    if not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError("alpha and power lie between 0 and 1")
    return NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
