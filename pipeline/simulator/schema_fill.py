"""Makes an instance of a JSON schema, for tool inputs and structured answers."""

from __future__ import annotations

import math
import random
import re
from typing import Any

_ANSWER_NAMES = ("answer", "final_answer", "label", "result", "verdict", "choice", "prediction", "정답", "답")
_FORMATS = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T08:00:00Z",
    "time": "08:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "3f2b8c1e-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}
_WORD = re.compile(r"[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*|[\uac00-\ud7a3]{2,}")
_COMMON = frozenset(
    (
        "What",
        "Which",
        "When",
        "Where",
        "Who",
        "Why",
        "How",
        "The",
        "This",
        "That",
        "Please",
        "Use",
        "Call",
        "Find",
        "Get",
    )
)
_DEEPEST = 12


class Filler:
    """Fills one schema from the words of a prompt, and from an answer where a field asks for one."""

    def __init__(
        self, schema: dict[str, Any], rng: random.Random, *, prompt: str = "", answer: str | None = None
    ) -> None:
        """Take words and numbers from `prompt`; `answer` goes into the first field named like one."""
        self._root = schema
        self._rng = rng
        self._answer = answer
        self._words = [word for word in _WORD.findall(prompt) if word not in _COMMON]
        self._numbers = [int(digits) for digits in re.findall(r"\d{1,9}", prompt)]

    def fill(self) -> Any:
        """Make the instance."""
        return self._value(self._root, "", 0)

    def _value(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict):
            return "value"
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        kind = _type_of(schema)
        if self._answer is not None and name.lower() in _ANSWER_NAMES and kind not in ("object", "array"):
            fitting = _as_answer(self._answer, schema, kind)
            if fitting is not None:
                return fitting
        if schema.get("enum"):
            return self._rng.choice(schema["enum"])
        if "default" in schema:
            return schema["default"]
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        if kind == "boolean":
            return self._rng.random() < 0.5
        return None if kind == "null" else self._string(schema)

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        for _ in range(_DEEPEST):
            reference = schema.get("$ref")
            if isinstance(reference, str):
                schema = {**self._referred(reference), **{key: value for key, value in schema.items() if key != "$ref"}}
            elif schema.get("allOf"):
                schema = _merged([schema, *schema["allOf"]])
            elif schema.get("anyOf") or schema.get("oneOf"):
                branch = (schema.get("anyOf") or schema["oneOf"])[0]
                schema = _merged(
                    [{key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}, branch]
                )
            else:
                return schema
        return schema

    def _referred(self, reference: str) -> dict[str, Any]:
        place: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            place = place.get(step, {}) if isinstance(place, dict) else {}
        return place if isinstance(place, dict) else {}

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties: dict[str, Any] = schema.get("properties") or {}
        needed = list(schema.get("required") or ())
        optional = [name for name in properties if name not in needed]
        chosen = needed if depth >= _DEEPEST else [*needed, *optional[: 1 if needed else 2]]
        return {name: self._value(properties.get(name, {"type": "string"}), name, depth + 1) for name in chosen}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        length = max(schema.get("minItems", 0), 0 if depth >= _DEEPEST else min(1, schema.get("maxItems", 1)))
        return [self._value(schema.get("items", {}), name, depth + 1) for _ in range(length)]

    def _number(self, schema: dict[str, Any], *, whole: bool) -> float | int:
        low: float = schema.get("minimum", schema.get("exclusiveMinimum", -math.inf))
        high: float = schema.get("maximum", schema.get("exclusiveMaximum", math.inf))
        step = schema.get("multipleOf")
        for number in self._numbers:
            if low < number < high and (step is None or number % step == 0):
                return number
        start = low if low > -math.inf else min(1.0, high - 1.0)
        if step is not None:
            return _plain(float(math.floor(start / step + 1) * step))
        if whole:
            return math.floor(start) + 1 if start + 1 < high else math.ceil(start)
        return _plain(start + min(1.0, (high - start) / 2))

    def _string(self, schema: dict[str, Any]) -> str:
        known = _FORMATS.get(schema.get("format", ""))
        if known is not None:
            return known
        text = self._rng.choice(self._words) if self._words else "example"
        shortest: int = schema.get("minLength", 0)
        longest: int = schema.get("maxLength", max(shortest, len(text)))
        return (text + "x" * max(0, shortest - len(text)))[:longest]


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number


def _type_of(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _as_answer(answer: str, schema: dict[str, Any], kind: str) -> Any:
    """Give the answer the schema's type, or None where it does not fit."""
    if schema.get("enum"):
        return next((item for item in schema["enum"] if str(item).lower() == answer.lower()), None)
    if kind == "string":
        return answer
    try:
        number = float(answer.replace(",", "").lstrip("$"))
    except ValueError:
        return None
    if kind == "integer":
        return int(number) if number == int(number) else None
    return _plain(number) if kind == "number" else None


def _merged(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for schema in schemas:
        for key, value in schema.items():
            if key == "properties":
                merged["properties"] = {**merged.get("properties", {}), **value}
            elif key == "required":
                merged["required"] = [*merged.get("required", []), *value]
            elif key != "allOf":
                merged[key] = value
    return merged
