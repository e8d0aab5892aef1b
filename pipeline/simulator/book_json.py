"""Answers of the book that are JSON: tool calls and structured answers, right ones and slips of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import jsonschema_rs
import orjson

from pipeline.simulator import slips
from pipeline.simulator.asking import Asked, ToolCall, ToolOffer
from pipeline.simulator.schema_fill import Filler

_TRIES = 12
_CALL_FIELDS = {"name", "input"}
Slip = Callable[[Any, dict[str, Any], random.Random], Any]


def parse(answer: str) -> Any:
    """Read an answer that is a JSON object or array; None for any other."""
    if not answer.startswith(("{", "[")):
        return None
    try:
        return orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None


def calls(answer: str, asked: Asked) -> tuple[ToolCall, ...]:
    """Read the tool calls that an answer means: all of tools that are offered; else none."""
    parsed = parse(answer)
    listed = parsed if isinstance(parsed, list) else [parsed]
    if not listed or not all(_is_call(item) for item in listed):
        return ()
    offered = {tool.name for tool in asked.tools if not tool.server_side}
    if asked.forced_tool is not None:
        offered &= {asked.forced_tool}
    if any(item["name"] not in offered for item in listed):
        return ()
    found = tuple(ToolCall(name=item["name"], input=item["input"]) for item in listed)
    return found if asked.parallel_tools else found[:1]


def slipped_calls(right: tuple[ToolCall, ...], asked: Asked, rng: random.Random) -> tuple[ToolCall, ...]:
    """Get one call wrong, or forget one of several."""
    if len(right) > 1 and rng.random() < 0.25:
        forgotten = rng.randrange(len(right))
        return right[:forgotten] + right[forgotten + 1 :]
    place = rng.randrange(len(right))
    others = [
        tool
        for tool in asked.tools
        if tool.name != right[place].name and not tool.server_side and asked.forced_tool is None
    ]
    offer = next(tool for tool in asked.tools if tool.name == right[place].name)
    wrong = ToolCall(name=offer.name, input=_slipped_input(right[place].input, offer, rng))
    if others and (wrong == right[place] or rng.random() < 0.25):
        tool = rng.choice(others)
        wrong = ToolCall(name=tool.name, input=Filler(tool.schema, rng, prompt=asked.user_text).fill())
    return (*right[:place], wrong, *right[place + 1 :])


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether `value` follows `schema`."""
    try:
        return bool(jsonschema_rs.is_valid(schema, value))
    except ValueError:
        return False


def slipped_value(right: Any, schema: dict[str, Any], *, alternatives: Sequence[str], rng: random.Random) -> Any:
    """Get one field of a structured answer wrong; it still follows the schema."""
    for _ in range(_TRIES):
        wrong = _one_field_off(right, schema, rng)
        if wrong != right and fits(wrong, schema):
            return wrong
    for answer in rng.sample(alternatives, k=min(_TRIES, len(alternatives))):
        other = parse(answer)
        if other is not None and other != right and fits(other, schema):
            return other
    return Filler(schema, rng).fill()


def _is_call(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.keys() == _CALL_FIELDS
        and isinstance(item["name"], str)
        and isinstance(item["input"], dict)
    )


def _slipped_input(right: dict[str, Any], offer: ToolOffer, rng: random.Random) -> dict[str, Any]:
    """Get an argument wrong: another word of its list, a number off, an optional one left out."""
    required = offer.schema.get("required") or ()
    optional = [name for name in right if name not in required]
    if optional and rng.random() < 0.4:
        left_out = rng.choice(optional)
        return {name: value for name, value in right.items() if name != left_out}
    for _ in range(_TRIES):
        wrong = _one_field_off(right, offer.schema, rng)
        if wrong != right and fits(wrong, offer.schema):
            return dict(wrong)
    return {name: value for name, value in right.items() if name in required} if optional else {**right}


def _one_field_off(value: Any, schema: Any, rng: random.Random) -> Any:
    schema = schema if isinstance(schema, dict) else {}
    if isinstance(value, dict) and value:
        name = rng.choice(list(value))
        properties = schema.get("properties") or {}
        return {**value, name: _one_field_off(value[name], properties.get(name), rng)}
    if isinstance(value, list) and value:
        place = rng.randrange(len(value))
        return [*value[:place], _one_field_off(value[place], schema.get("items"), rng), *value[place + 1 :]]
    return _other(value, schema.get("enum") or (), rng)


def _other(value: Any, choices: Sequence[Any], rng: random.Random) -> Any:
    others = [choice for choice in choices if choice != value]
    if others:
        return rng.choice(others)
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return type(value)(slips.slipped_number(str(value), "", rng))
    if isinstance(value, str):
        return _misheard(value, rng)
    return value


def _misheard(text: str, rng: random.Random) -> str:
    """Lose a word of several, or swap two characters of one."""
    words = text.split()
    if len(words) > 1:
        del words[rng.randrange(len(words))]
        return " ".join(words)
    if len(text) < 2:
        return text + "s"
    place = rng.randrange(len(text) - 1)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
