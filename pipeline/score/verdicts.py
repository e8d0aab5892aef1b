"""The verdicts that every kind shares: pass or fail, nothing matched, unusable reference; and narrowing by pattern."""

from __future__ import annotations

import re
from unicodedata import normalize

from pipeline.core.records import Verdict

NO_MATCH = "no_match"
UNUSABLE_REFERENCE = "unusable_reference"
SCORER_FAILED = "scorer_failed"


def pass_or_fail(
    passed: bool, *, extracted: str, expected: str | None, label: str | None = None, explanation: str | None = None
) -> Verdict:
    """Value 1 or 0, with what was compared."""
    return Verdict(
        value=1.0 if passed else 0.0,
        passed=passed,
        label=label,
        extracted=extracted,
        expected=expected,
        explanation=explanation,
    )


def no_match(expected: str | None, explanation: str) -> Verdict:
    """Wrong, because nothing in the answer could be compared."""
    return Verdict(value=0.0, passed=False, label=NO_MATCH, expected=expected, explanation=explanation)


def unusable_reference(expected: str | None, problem: str) -> Verdict:
    """Unscored: the answer cannot be judged, whatever it says."""
    return Verdict(
        value=None,
        label=UNUSABLE_REFERENCE,
        expected=expected,
        explanation=f"unusable reference: {problem}",
        status="unscored",
    )


def nfc(text: str) -> str:
    """Unicode NFC, so that composed and decomposed Hangul or accents are the same text."""
    return text if text.isascii() else normalize("NFC", text)


def last_match(pattern: re.Pattern[str], text: str) -> str | None:
    """The last match of `pattern` in `text` (made NFC): its first group that took part, or the whole match."""
    found = None
    for match in pattern.finditer(nfc(text)):
        found = match
    if found is None:
        return None
    return next((group for group in found.groups() if group is not None), found.group())
