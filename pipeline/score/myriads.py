"""Numbers with the units of Korean, Japanese and Chinese: 3만 5천, 1億2000万, 5千, as plain digits."""

from __future__ import annotations

import re
from decimal import Decimal

_SMALL = {"천": 3, "千": 3, "백": 2, "百": 2}
_LARGE = {"조": 12, "兆": 12, "억": 8, "億": 8, "亿": 8, "만": 4, "萬": 4, "万": 4}
_UNITS = "".join((*_SMALL, *_LARGE))
_DIGITS = r"[0-9](?:[0-9,]{0,10}[0-9])?(?:\.[0-9]{1,4})?"
_TERM = re.compile(rf"({_DIGITS})\s?([{_UNITS}]{{0,2}})")
_NUMBER = re.compile(
    rf"(?<![0-9A-Za-z.,_^제第])(?:{_DIGITS}\s?[{_UNITS}]{{1,2}}(?:\s(?={_DIGITS}\s?[{_UNITS}]))?){{1,9}}"
    rf"(?:{_DIGITS}(?![{_UNITS}]))?"
)
"""Digits and units in turn; digits without a unit may end it where no space parts them. 제2조 is an article of law."""


def fold_units(text: str) -> str:
    """Write numbers with such units as plain digits: "3만 5천원" as "35000원"."""
    if not any(unit in text for unit in _UNITS):
        return text
    return _NUMBER.sub(_plain, text)


def _plain(match: re.Match[str]) -> str:
    """The value in digits; what is no single number, such as 3만 5만, stays one after the other."""
    written: list[Decimal] = []
    total, myriad, above_large, above_small = Decimal(0), Decimal(0), 13, 4
    for digits, units in _TERM.findall(match.group()):
        small = sum(_SMALL.get(unit, 0) for unit in units)
        large = next((_LARGE[unit] for unit in units if unit in _LARGE), 0)
        if (large and large >= above_large) or small >= above_small:
            written.append(total + myriad)
            total, myriad, above_large, above_small = Decimal(0), Decimal(0), 13, 4
        myriad += Decimal(digits.replace(",", "")).scaleb(small)
        above_small = small
        if large:
            total, myriad, above_large, above_small = total + myriad.scaleb(large), Decimal(0), large, 4
    return " ".join(f"{value.normalize():f}" for value in (*written, total + myriad))
