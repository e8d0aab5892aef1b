"""Wrong answers as real models give them: slipped numbers, another label, someone else's answer."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from decimal import Decimal

_NUMBER = re.compile(r"(?P<before>[^\d\-]*)(?P<number>-?\d[\d,]*(?:\.\d+)?)(?P<after>[^\d]*)")
_IN_QUESTION = re.compile(r"(?<![\w.])\d{1,9}(?![\w.])")
_TRIES = 8


def wrong_answer(
    answer: str, question: str, *, labels: Sequence[str], alternatives: Sequence[str], rng: random.Random
) -> str:
    """Make a plausible answer other than `answer`."""
    if answer in labels:
        return rng.choice([label for label in labels if label != answer])
    match = _NUMBER.fullmatch(answer)
    if match is not None:
        return match["before"] + slipped_number(match["number"], question, rng) + match["after"]
    for _ in range(_TRIES):
        other = rng.choice(alternatives) if alternatives else answer
        if other != answer:
            return other
    return "I do not know"


def slipped_number(text: str, question: str, rng: random.Random) -> str:
    """Change a number as slips do: off by one, a step forgotten, doubled, digits swapped, a factor of ten."""
    number = Decimal(text.replace(",", ""))
    unit = Decimal(1).scaleb(min(0, _exponent(number)))
    for _ in range(_TRIES):
        slipped = _slip(number, unit, question, rng)
        if slipped != number and (slipped >= 0 or number < 0):
            return _written(slipped, unit, grouped="," in text)
    return _written(number + unit, unit, grouped="," in text)


def _slip(number: Decimal, unit: Decimal, question: str, rng: random.Random) -> Decimal:
    kind = rng.randrange(6)
    if kind == 0:
        return number + rng.choice((-1, 1)) * unit
    if kind in (1, 2):
        steps = [Decimal(digits) for digits in _IN_QUESTION.findall(question)]
        return number + rng.choice((-1, 1)) * rng.choice(steps or [Decimal(10)])
    if kind == 3:
        return number * 2 if rng.random() < 0.5 or number % 2 else number / 2
    if kind == 4:
        return _digits_swapped(number, unit)
    return number * 10 if number % 10 else number / 10


def _digits_swapped(number: Decimal, unit: Decimal) -> Decimal:
    digits = list(str(int(abs(number) / unit)))
    for place in range(len(digits) - 1, 0, -1):
        if digits[place] != digits[place - 1] and not (place == 1 and digits[1] == "0"):
            digits[place], digits[place - 1] = digits[place - 1], digits[place]
            break
    return Decimal("".join(digits)) * unit * (-1 if number < 0 else 1)


def _written(number: Decimal, unit: Decimal, *, grouped: bool) -> str:
    rounded = number.quantize(unit)
    return f"{rounded:,f}" if grouped else f"{rounded:f}"


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
