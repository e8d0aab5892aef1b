"""Writes numbers for readers: with units, with as many digits as they bear, and unknown as a dash."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

UNKNOWN = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"
_SPACE = NO_BREAK
_MINUS = "\N{MINUS SIGN}"
_SIGNIFICANT_DIGITS = 3
_MORE_DIGITS = 6


def count(value: int | None) -> str:
    """Write a whole number with thousands separators."""
    return UNKNOWN if value is None else f"{value:,}".replace("-", _MINUS)


def tokens(value: int | None) -> str:
    """Write a token count shortly: `987`, `12.3 k`, `4.56 M`."""
    if value is None:
        return UNKNOWN
    for limit, suffix in ((999_500_000, "G"), (999_500, "M"), (1_000, "k")):
        if value >= limit:
            scaled = value / {"G": 1e9, "M": 1e6, "k": 1e3}[suffix]
            return f"{_three_digits(scaled)}{_SPACE}{suffix}"
    return count(value)


def usd(value: str | Decimal | None) -> str:
    """Write an amount in dollars: cents from one dollar up, three significant digits below, never a false `$0.00`."""
    if value is None:
        return UNKNOWN
    amount = Decimal(value)
    if amount == 0:
        return "$0"
    sign = _MINUS if amount < 0 else ""
    amount = abs(amount)
    decimals = 2 if amount >= 1 else max(2, _SIGNIFICANT_DIGITS - 1 - amount.adjusted())
    return f"{sign}${amount:,.{decimals}f}"


def milliseconds(value: float | None) -> str:
    """Write a duration given in milliseconds: `850 ms`, `1.24 s`, `2 min 5 s`."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if value < 999.5:
        return f"{_three_digits(value) if value < 10 else f'{value:.0f}'}{_SPACE}ms"
    if value < 99_950:
        return f"{_three_digits(value / 1000)}{_SPACE}s"
    minutes, seconds = divmod(round(value / 1000), 60)
    return f"{minutes:,}{_SPACE}min{_SPACE}{seconds}{_SPACE}s"


def metric(value: float | None, *, share: bool, more: int = 0) -> str:
    """Write a mean: as a percentage where it is the share of passed answers, else as a plain number.

    `more` digits than usual tell values apart that would read alike.
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    return f"{_signed(value * 100, 1 + more)}{_SPACE}%" if share else _signed(value, 3 + more)


def told_apart(value: float | None, bounds: Sequence[float], *, share: bool) -> list[str]:
    """Write a mean and the bounds it is held against, with digits enough that unequal ones do not read alike."""
    all_values = [value, *bounds]
    different = len(set(all_values))
    texts = [[metric(one, share=share, more=more) for one in all_values] for more in range(_MORE_DIGITS)]
    return next((found for found in texts if len(set(found)) == different), texts[-1])


def metric_interval(ends: Sequence[float] | None, *, share: bool) -> str:
    """Write the interval of a mean: `88.1–94.0 %`."""
    if ends is None:
        return UNKNOWN
    low, high = ends
    if share:
        return f"{_signed(low * 100, 1)}–{_signed(high * 100, 1)}{_SPACE}%"
    return number_interval(ends, 3)


def number_interval(ends: Sequence[float], digits: int) -> str:
    """Write the interval of a mean that is a plain number, with so many decimals."""
    low, high = ends
    return f"{_signed(low, digits)}{_joint(low)}{_signed(high, digits)}"


def signed(size: str, value: float) -> str:
    """Put the sign of `value` before its written size."""
    return f"+{size}" if value > 0 else f"{_MINUS}{size}" if value < 0 else size


def difference(value: float | None, *, share: bool) -> str:
    """Write a difference with its sign, in percentage points where it is one of shares: `+3.1 points`."""
    if value is None or math.isnan(value):
        return UNKNOWN
    text = _signed(value * 100, 1) if share else _signed(value, 3)
    plus = "+" if value > 0 and text.strip("0.,") else ""
    return f"{plus}{text}{_SPACE}points" if share else f"{plus}{text}"


def difference_interval(ends: Sequence[float] | None, *, share: bool, fewer: int = 0) -> str:
    """Write the interval of a difference, whose ends may have different signs: `−0.4 to +5.9`.

    `fewer` decimals than usual suit large numbers.
    """
    if ends is None:
        return UNKNOWN
    scale, digits = (100, 1) if share else (1, 3 - fewer)
    low, high = (f"{'+' if end > 0 else ''}{_signed(end * scale, digits)}" for end in ends)
    return f"{low} to {high}"


def p_value(value: float | None) -> str:
    """Write a p value with two significant digits, and `< 0.001` below that."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if value < 0.001:
        return f"<{_SPACE}0.001"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def share_of(part: int, whole: int) -> str:
    """Write a part of a whole as a percentage."""
    return metric(part / whole, share=True) if whole else UNKNOWN


def _signed(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.replace("-", _MINUS)


def _joint(low: float) -> str:
    return " to " if low < 0 else "–"


def _three_digits(value: float) -> str:
    for limit, digits in ((9.995, 2), (99.95, 1)):
        if value < limit:
            return f"{value:.{digits}f}"
    return f"{value:.0f}"


def moment(text: str) -> str:
    """Write a moment of ISO 8601 for readers, `2026-11-27 09:30 UTC`; what is none stays as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at.tzinfo else text
