"""Scorers of this evaluation: what the fields of an extracted object are worth."""

from __future__ import annotations

import json
from typing import Any


def read(text: str) -> dict[str, Any]:
    """The object that an answer holds, also inside a ```json block; an empty one where there is none."""
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def equal(one: Any, other: Any) -> bool:
    """Texts without regard to case and outer white space, everything else by value."""
    if isinstance(one, str) and isinstance(other, str):
        return one.strip().casefold() == other.strip().casefold()
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def share_right(text: str, expected: str, row: dict[str, Any]) -> dict[str, Any]:
    """The share of fields that are right, between 0 and 1; the explanation names the wrong ones."""
    wanted, found = json.loads(expected), read(text)
    wrong = [name for name, value in wanted.items() if name not in found or not equal(value, found[name])]
    return {
        "value": 1 - len(wrong) / len(wanted),
        "explanation": f"wrong: {', '.join(wrong)}" if wrong else "all fields right",
    }


def date_right(text: str, expected: str, row: dict[str, Any]) -> bool:
    """Whether the date is right; annotated as bool, so it passes or fails."""
    return read(text).get("date") == json.loads(expected)["date"]
