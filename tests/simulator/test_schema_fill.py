"""Tool inputs and structured answers are valid under their schemas, as an independent validator sees it."""

from __future__ import annotations

import random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulator.schema_fill import Filler

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    {"type": "object"},
    {"type": "object", "required": ["undeclared"]},
    {"enum": ["a", 2, None]},
    {"const": {"a": [1]}},
    {"type": "array", "items": {"type": "integer", "minimum": 5, "maximum": 6}, "minItems": 3},
    {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "integer", "minimum": 7, "maximum": 7},
    {"type": "integer", "minimum": 10, "multipleOf": 7},
    {"type": "integer", "maximum": -5},
    {"type": "string", "minLength": 20},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "uuid"},
    {"type": ["string", "null"]},
    {"type": "null"},
    {"type": "boolean"},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {
        "$defs": {"point": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}},
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/point"}, "more": {"type": "array", "items": {"$ref": "#/$defs/point"}}},
        "required": ["at", "more"],
    },
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b"]},
        ]
    },
    {
        "$defs": {
            "node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": "integer"}}}
        },
        "$ref": "#/$defs/node",
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_instance_is_valid(schema: dict[str, Any]) -> None:
    check = jsonschema_rs.validator_for(schema, validate_formats=True)
    for seed in range(10):
        value = Filler(schema, random.Random(seed), prompt="Book 3 nights in Lisbon for 12 people.").fill()
        assert check.is_valid(value), value


SIMPLE = st.one_of(
    st.integers(-50, 50).flatmap(
        lambda low: st.integers(low, 60).map(lambda high: {"type": "integer", "minimum": low, "maximum": high})
    ),
    st.integers(0, 30).map(lambda length: {"type": "string", "minLength": length, "maxLength": length + 3}),
    st.lists(st.text(), min_size=1, unique=True).map(lambda words: {"enum": words}),
    st.just({"type": "boolean"}),
)
NESTED = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.dictionaries(st.text(max_size=5), inner, max_size=4).map(
            lambda fields: {"type": "object", "properties": fields, "required": list(fields)[:2]}
        ),
        st.tuples(inner, st.integers(0, 3)).map(lambda pair: {"type": "array", "items": pair[0], "minItems": pair[1]}),
    ),
    max_leaves=8,
)


@given(NESTED, st.text(max_size=40), st.integers())
def test_any_nested_schema_is_filled_validly(schema: dict[str, Any], prompt: str, seed: int) -> None:
    value = Filler(schema, random.Random(seed), prompt=prompt, answer="12").fill()
    assert jsonschema_rs.validator_for(schema).is_valid(value), (schema, value)


def test_words_numbers_and_answers_are_taken_from_the_prompt() -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "nights": {"type": "integer"}, "answer": {"enum": ["yes", "no"]}},
        "required": ["city", "nights", "answer"],
    }
    filler = Filler(schema, random.Random(0), prompt="book 3 nights in Lisbon", answer="No")
    assert filler.fill() == {"city": "Lisbon", "nights": 3, "answer": "no"}
