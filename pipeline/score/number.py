"""The kind `number`: the number that an answer ends with, compared exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.core.records import Answer, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.figures import PassFail
from pipeline.score.numerals import Exact, find_numbers, fold, last_number, read_number, swap_points, within
from pipeline.score.options import Options
from pipeline.score.verdicts import last_match, no_match, pass_or_fail, unusable_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(PassFail):
    """Passes when the answer's number equals the reference: "18.00", "$18" and "18" are one number."""

    name: str
    pattern: re.Pattern[str] | None = None
    tolerance: Decimal = Decimal(0)
    """Largest absolute difference that passes."""
    relative_tolerance: Decimal = Decimal(0)
    """Largest difference that passes, as a share of the reference."""
    percent: bool = False
    """50% equals 0.5; without it the sign is a unit and 50% equals 50."""
    decimal_comma: bool = False
    """The texts write 1.234,50."""

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Compare the last number of the answer with the one number of `expected`."""
        reference, problem = self._read_reference(expected or "")
        if reference is None:
            return unusable_reference(expected, problem)
        narrowed = answer.text if self.pattern is None else last_match(self.pattern, answer.text)
        if narrowed is None:
            return no_match(expected, "the pattern matches nothing in the answer")
        extracted = extract_number(self._pointed(narrowed))
        if extracted is None:
            return no_match(expected, "the answer holds no number")
        value = read_number(extracted, percent=self.percent)
        shown = self._pointed(extracted)
        if value is None:
            return no_match(expected, f"{shown[:50]} is not a number that can be read")
        return pass_or_fail(
            within(value, reference, self.tolerance, self.relative_tolerance), extracted=shown, expected=expected
        )

    def _pointed(self, text: str) -> str:
        return swap_points(text) if self.decimal_comma else text

    def _read_reference(self, expected: str) -> tuple[Exact | None, str]:
        folded = fold(self._pointed(expected.strip()))
        value = read_number(folded, percent=self.percent)
        if value is not None:
            return value, ""
        numbers = find_numbers(folded)
        if len(numbers) != 1:
            found = "no number" if not numbers else f"{len(numbers)} numbers"
            return None, f'"{expected[:80]}" holds {found}; let `expected` render exactly one'
        return read_number(numbers[0], percent=self.percent), f'"{expected[:80]}" is not a number that can be read'


def extract_number(text: str) -> str | None:
    r"""The number that `text` answers with: the last one in it; where a `\boxed{}` stands, the last one in that.

    Read are 1,234.50, 1 234,50, 1'234, 3/4, 1 1/2, ½, 1e-3, 2.5 × 10^3, \frac{1}{2}, any script's digits and every
    minus sign; currency and percent signs may stand beside it. Not numbers: digits after a letter or a caret (H2O,
    m^2), the second half of 3-5 as negative, numbers in words. The result is in the plain notation of `numerals.fold`.
    """
    boxed = text.rfind("\\boxed")
    return last_number(text if boxed == -1 else box_content(text, boxed))


def box_content(text: str, start: int) -> str:
    r"""What stands in the braces of the `\boxed` at `start`; without a closing brace, the rest of the line."""
    rest = text[start + len("\\boxed") :].lstrip()
    if not rest.startswith("{"):
        return rest.partition(" ")[0].partition("$")[0]
    depth = 0
    for position, character in enumerate(rest):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[1:position]
    return rest[1:].partition("\n")[0]


def build_number(settings: ScorerSettings) -> Number:
    """Read the settings of kind `number`; options: pattern, flags and the fields of Number."""
    options = Options(settings)
    options.no_function()
    options.need_expected()
    scorer = Number(
        name=settings.name,
        pattern=options.take_pattern(),
        tolerance=options.take_amount("tolerance"),
        relative_tolerance=options.take_amount("relative_tolerance"),
        percent=options.take_bool("percent", False),
        decimal_comma=options.take_bool("decimal_comma", False),
    )
    options.finish()
    return scorer
