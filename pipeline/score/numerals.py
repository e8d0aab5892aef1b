"""Numbers as people and models write them: found in text, folded to one notation, read exactly."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from unicodedata import decimal, normalize

from pipeline.score.myriads import fold_units

Exact = Decimal | Fraction
"""Both compare exactly with one another once they are Fractions; Decimal is the faster of the two."""

MAX_DIGITS = 1000
"""Longer digit strings are runaway output, not numbers; also bounds the size of powers of ten."""

_JOINT = "\x1f"
"""Stands before a vulgar fraction until it is known whether a digit precedes it."""

_PLAIN = {
    "-": "−–‒﹣－",
    "\u00a0": "\u2007\u2009\u202f",
    "'": "’＇",
    "/": "⁄∕／",
    ".": "．",
    ",": "，",
    "%": "％﹪",
    "$": "＄",
    "¥": "￥",
    "₩": "￦",
    "=": "＝",
    "x": "×",
    "*": "⋅",
}
_SIGNS = {variant: plain for plain, variants in _PLAIN.items() for variant in variants}

# A digit group may be split by commas, by Indian commas, by no-break spaces, apostrophes or plain spaces, or by points
# where a decimal comma or a second group shows that the points are no decimal points. The bound of 99 groups keeps a
# long run of groups from being tried anew at each of them.
_BODY = (
    r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,99}(?:\.[0-9]+)?(?![0-9])"
    r"|[0-9]{1,2}(?:,[0-9]{2}){1,99},[0-9]{3}(?:\.[0-9]+)?(?![0-9])"
    r"|[0-9]{1,3}(?:\.[0-9]{3}){1,99},[0-9]+(?![0-9])"
    r"|[0-9]{1,3}(?:\.[0-9]{3}){2,99}(?![0-9.])"
    r"|[1-9][0-9]{0,2}(?:(?P<gap>[ \u00a0'])[0-9]{3}(?:(?P=gap)[0-9]{3}){0,99})(?:[.,][0-9]+)?(?![0-9/])"
    r"|[0-9]+(?:\.[0-9]+)?"
    r"|(?<!\w)\.[0-9]+)"
)
_TAIL = (
    r"(?:[eE](?P<power>[-+]?[0-9]+)(?![0-9A-Za-z])"
    r"|\s?[x*]\s?10\s?\^\s?\{?(?P<times_power>[-+]?[0-9]+)\}?)?"
)
_FRACTION = r"(?:(?P<whole>[0-9]+)[ \u00a0](?=[1-9]))?(?P<over>[0-9]+)\s?/\s?(?P<under>[0-9]+)(?![0-9]|\s?/|\.[0-9])"
_NUMBER = re.compile(
    r"(?=[-$€£¥₩.0-9])(?P<sign>(?<![\w)\]}])-)?(?:[$€£¥₩](?P<minus>-)?)?(?<![A-Za-z_^0-9])(?<!\^\{)(?<![0-9]\.)"
    rf"(?:(?<!/){_FRACTION}|(?P<ten>10\s?\^\s?\{{?(?P<ten_power>[-+]?[0-9]+)\}}?)|(?P<body>{_BODY}){_TAIL})"
    r"(?P<percent>\s?(?:%|percent\b|per cent\b|퍼센트|パーセント))?"
)
_SUFFIX = 16
"""Characters after the last digit that can still belong to a number: a percent sign or word."""

_UP_TO_LAST_DIGIT = re.compile(r"(?s).*[\d¼-¾⅐-⅞↉]")
_UP_TO_LAST_BREAK = re.compile(
    r"(?s).*(?:[abdf-moqsuvwyzA-DF-Z]|(?![퍼센트조兆억億亿만萬万천千백百])[가-힣一-鿿ぁ-ヿ])"
)
"""Letters that no number contains, so no number reaches across them. (Those of LaTeX commands are another matter.)"""

_BARE = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?")
_COMMAND_FRACTION = re.compile(
    r"\\[dtc]?frac\s*(?:\{\s*([0-9.,]+)\s*\}\s*\{\s*([0-9.,]+)\s*\}|([0-9])\s*([0-9])|\{\s*([0-9]+)\s*\}\s*([0-9]))"
)
_COMMAND_GAP = re.compile(r"(?<=[0-9])(?:\\[,!;: ]|\{,\})+(?=[0-9])")
_SWAPPED = str.maketrans(".,", ",.")


class _FoldTable(dict[int, str]):
    """For str.translate: any script's digits to ASCII, typographic signs to plain ones; learns as it meets them."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = _SIGNS.get(character) or _plain_digits(character)
        return self[code]


_FOLD = _FoldTable()


def fold(text: str) -> str:
    """Bring digits, minus signs, separators, vulgar fractions and LaTeX fractions to one plain notation."""
    if not text.isascii():
        text = fold_units(text.translate(_FOLD))
        if _JOINT in text:
            text = re.sub(rf"(?<=[0-9]){_JOINT}", " ", text).replace(_JOINT, "")
    if "\\" in text or "{,}" in text:
        text = _fold_latex(text)
    return text


def find_numbers(text: str) -> list[str]:
    """Every number of a folded `text`, in order, as it stands there."""
    return [match.group() for match in _NUMBER.finditer(text)]


def last_number(text: str) -> str | None:
    """The last number of `text`, folded; read backwards, because most of an answer is not numbers."""
    end = len(text)
    while end and (digit := _UP_TO_LAST_DIGIT.match(text, 0, end)):
        cut = None if "\\" in text else _UP_TO_LAST_BREAK.match(text, 0, digit.end())
        start = 0 if cut is None else cut.end() - 1
        numbers = find_numbers(fold(text[start : min(end, digit.end() + _SUFFIX)]))
        if numbers:
            return numbers[-1]
        end = start
    return None


def read_number(text: str, *, percent: bool = False) -> Exact | None:
    """Read one number exactly; None when `text` is not one, divides by zero, or is longer than 1,000 digits.

    With `percent`, a percent sign divides by 100; otherwise it is a unit like any other.
    """
    if _BARE.fullmatch(text):
        return Decimal(text)
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > MAX_DIGITS:
        return None
    value = _magnitude(match)
    if value is None:
        return None
    if match["sign"] or match["minus"]:
        value = -value
    return Fraction(value) / 100 if percent and match["percent"] else value


def within(value: Exact, reference: Exact, tolerance: Decimal, relative_tolerance: Decimal) -> bool:
    """Whether the two differ by at most the larger of the tolerances; the relative one is a share of the reference."""
    strict = not tolerance and not relative_tolerance
    if isinstance(value, Decimal) and isinstance(reference, Decimal) and (value == reference or strict):
        return value == reference
    allowed = max(Fraction(tolerance), Fraction(relative_tolerance) * abs(Fraction(reference)))
    return abs(Fraction(value) - Fraction(reference)) <= allowed


def _magnitude(match: re.Match[str]) -> Exact | None:
    if match["under"]:
        under = int(match["under"])
        return None if under == 0 else int(match["whole"] or 0) + Fraction(int(match["over"]), under)
    if match["ten"]:
        return _scaled(Decimal(1), int(match["ten_power"]))
    return _scaled(Decimal(_plain_body(match["body"])), int(match["power"] or match["times_power"] or 0))


def _scaled(value: Decimal, power: int) -> Decimal | None:
    if abs(power) > MAX_DIGITS:
        return None
    # scaleb would round to the context's precision
    sign, digits, exponent = value.as_tuple()
    return Decimal((sign, digits, int(exponent) + power))


def _plain_body(body: str) -> str:
    body = re.sub(r"[ \u00a0']", "", body)
    comma, point = body.rfind(","), body.rfind(".")
    if comma == -1:
        return body.replace(".", "") if body.count(".") > 1 else body
    if point > comma:
        return body.replace(",", "")
    if point != -1:
        return body.replace(".", "").replace(",", ".")
    return _without_point(body)


def _without_point(body: str) -> str:
    grouped = re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}", body)
    return body.replace(",", "") if grouped else body.replace(",", ".")


def _plain_digits(character: str) -> str:
    digit = decimal(character, None)
    if digit is not None:
        return str(digit)
    if "⁄" in (spelled := normalize("NFKC", character)):
        return _JOINT + spelled.replace("⁄", "/")
    return character


def _fold_latex(text: str) -> str:
    text = _COMMAND_GAP.sub(lambda gap: "," if "{" in gap.group() else "", text)
    text = _COMMAND_FRACTION.sub(_plain_fraction, text)
    for command, plain in (("\\%", "%"), ("\\$", "$"), ("\\times", "x"), ("\\cdot", "*"), ("\\!", "")):
        text = text.replace(command, plain)
    return text


def _plain_fraction(match: re.Match[str]) -> str:
    over, under = (group.replace(",", "") for group in match.groups() if group is not None)
    joint = " " if match.start() and match.string[match.start() - 1].isdigit() else ""
    return f"{joint}{over}/{under}"


def swap_points(text: str) -> str:
    """Exchange points and commas, for texts that write 1.234,50."""
    return text.translate(_SWAPPED)
