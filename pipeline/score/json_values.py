"""JSON values: read strictly, written compactly, compared with the place of the first difference."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson

from pipeline.score.normalise import Normalisation, normalise

NOT_JSON = "not_json"

_FENCE = re.compile(r"^[ \t]*```([^\n`]*)\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
_JSON_FENCES = frozenset({"", "json"})
_LONG_INTEGER = re.compile(r"\d{19}")
_PLAIN_KEY = re.compile(r"[^\W\d]\w*")
_SHOWN_CHARACTERS = 120
_NOTHING = "nothing"


def read_json(text: str) -> Any:
    """Parse `text` as RFC 8259 has it: no NaN, no lone surrogates, whole numbers of any size exact.

    Raises ValueError that says what is wrong and where; so does nesting beyond 250 levels.
    """
    value = orjson.loads(text)
    try:
        orjson.dumps(value)
    except TypeError:
        raise ValueError("nested too deeply") from None
    return json.loads(text) if _LONG_INTEGER.search(text) else value


def read_answer(text: str, *, fenced: bool) -> Any:
    """Read the JSON that `text` is, or with `fenced` the last ```json block in it; raises ValueError."""
    bare = text.strip()
    if not bare:
        raise ValueError("it has no text")
    try:
        return read_json(bare)
    except ValueError:
        blocks = [match[2] for match in _FENCE.finditer(bare) if match[1].strip().lower() in _JSON_FENCES]
        if not fenced or not blocks:
            raise
    return read_json(blocks[-1])


def compact(value: Any) -> str:
    """Write `value` without white space, its characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Which differences between two JSON values do not count. The order of keys never counts, and 1 is 1.0."""

    strings: Normalisation
    """For values; keys are compared as they are."""
    tolerance: Decimal = Decimal(0)
    """Largest difference of two numbers that are the same."""
    subset: bool = False
    """An object may have more keys than expected, at every depth."""

    def first_difference(self, expected: Any, found: Any, path: str) -> str | None:
        """Say where `found` first differs from `expected`, in the order of `expected`; None where it does not."""
        if isinstance(expected, Mapping) and isinstance(found, Mapping):
            return self._of_objects(expected, found, path)
        if isinstance(expected, list) and isinstance(found, list):
            return self._of_lists(expected, found, path)
        return None if self._same(expected, found) else difference(path, _shown(expected), _shown(found))

    def _of_objects(self, expected: Mapping[str, Any], found: Mapping[str, Any], path: str) -> str | None:
        for key, value in expected.items():
            place = path + _step(key)
            if key not in found:
                return difference(place, _shown(value), _NOTHING)
            if inner := self.first_difference(value, found[key], place):
                return inner
        if self.subset:
            return None
        more = next((key for key in found if key not in expected), None)
        return None if more is None else difference(path + _step(more), _NOTHING, _shown(found[more]))

    def _of_lists(self, expected: Sequence[Any], found: Sequence[Any], path: str) -> str | None:
        for position, (one, other) in enumerate(zip(expected, found, strict=False)):
            if inner := self.first_difference(one, other, f"{path}[{position}]"):
                return inner
        if len(expected) == len(found):
            return None
        return difference(path, f"{len(expected)} items", str(len(found)))

    def _same(self, expected: Any, found: Any) -> bool:
        if isinstance(expected, str) and isinstance(found, str):
            return normalise(expected, self.strings) == normalise(found, self.strings)
        if not (_is_number(expected) and _is_number(found)):
            return type(expected) is type(found) and bool(expected == found)
        if expected == found or not self.tolerance:
            return bool(expected == found)
        # As written: the float 0.1 is a tenth here.
        return abs(Fraction(str(expected)) - Fraction(str(found))) <= Fraction(self.tolerance)


def difference(path: str, expected: str, found: str) -> str:
    """Word one difference."""
    return f"{path}: expected {expected}, found {found}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{compact(key)}]"


def _shown(value: Any) -> str:
    text = compact(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
