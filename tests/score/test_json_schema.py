"""The kind `json_schema`: what counts as JSON, what follows a schema, and schemas that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.load import load_eval
from pipeline.core.errors import SettingsError
from pipeline.score.scorers import build_scorer
from tests.support.evals import EVAL, write_eval
from tests.support.score import called, said, scorer

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0},
        "born": {"type": "string", "format": "date"},
        "pets": {"type": "array", "items": {"enum": ["cat", "dog"]}},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def by_schema(schema: dict[str, Any] | str = PERSON, **options: Any) -> Any:
    return scorer("json_schema", expected=None, schema=schema, **options)


CASES: list[tuple[str, str]] = [
    ('{"name": "Ada"}', "valid"),
    (' \n{"name": "Ada", "age": 36, "pets": ["cat"]}\n', "valid"),
    ('{"name": "Ada", "age": 36.0}', "valid"),
    ('{"name": "한별", "born": "2001-02-03"}', "valid"),
    ('{"name": "Ada", "born": "2001-02-30"}', "invalid"),
    ('{"age": 36}', "invalid"),
    ('{"name": "Ada", "age": -1}', "invalid"),
    ('{"name": "Ada", "age": "36"}', "invalid"),
    ('{"name": "Ada", "size": 1}', "invalid"),
    ("[]", "invalid"),
    ("null", "invalid"),
    ('"Ada"', "invalid"),
    ('```json\n{"name": "Ada"}\n```', "valid"),
    ('```JSON\n{"name": "Ada"}\n```', "valid"),
    ('```\n{"name": "Ada"}\n```', "valid"),
    ('Here it is:\n\n```json\n{"name": "Ada"}\n```\nAnything else?', "valid"),
    ('```json\n{"name": "Ada"}', "valid"),
    ('```python\nprint({})\n```\n```json\n{"name": "Ada"}\n```', "valid"),
    ('```json\n{"name": 1}\n```\nSorry:\n```json\n{"name": "Ada"}\n```', "valid"),
    ('```json\n{"age": 1}\n```', "invalid"),
    ('```python\n{"name": "Ada"}\n```', "not_json"),
    ("```json\n{'name': 'Ada'}\n```", "not_json"),
    ('The person is {"name": "Ada"}', "not_json"),
    ('{"name": "Ada"', "not_json"),
    ('{"name": "Ada",}', "not_json"),
    ('{"name": NaN}', "not_json"),
    ('{"name": "\\ud800"}', "not_json"),
    ("[" * 400 + "]" * 400, "not_json"),
    ("", "not_json"),
    ("Ada", "not_json"),
]


@pytest.mark.parametrize(("text", "label"), CASES)
def test_an_answer_is_valid_invalid_or_not_json(text: str, label: str) -> None:
    verdict = by_schema().score(said(text), None, {})
    passed = label == "valid"
    assert (verdict.label, verdict.passed, verdict.value, verdict.status) == (label, passed, float(passed), "scored")
    assert (verdict.explanation is None) is passed
    assert (verdict.extracted is None) is (label == "not_json")


def test_a_fence_is_not_unwrapped_when_it_must_not_be() -> None:
    strict = by_schema(fenced=False)
    assert strict.score(said('```json\n{"name": "Ada"}\n```'), None, {}).label == "not_json"
    assert strict.score(said('{"name": "Ada"}'), None, {}).label == "valid"


def test_a_pattern_narrows_before_the_answer_is_read() -> None:
    narrow = by_schema(pattern=r"Result: (.*)")
    assert narrow.score(said('Result: {}\nResult: {"name": "Ada"} '), None, {}).label == "valid"
    assert narrow.score(said('{"name": "Ada"}'), None, {}).label == "no_match"


def test_what_was_read_is_shown_without_white_space() -> None:
    verdict = by_schema().score(said('{ "name" : "한별",\n "age": 12345678901234567890123 }'), None, {})
    assert verdict.extracted == '{"name":"한별","age":12345678901234567890123}'


ERRORS = [
    ('{"name": "Ada", "age": "36"}', "$.age: ", "properties/age/type"),
    ('{"name": "Ada", "pets": ["cat", "cow"]}', "$.pets[1]: ", "properties/pets/items/enum"),
    ('{"age": 3}', "$: ", "required"),
    ('{"name": "Ada", "size": 1}', "$: ", "additionalProperties"),
]


@pytest.mark.parametrize(("text", "place", "rule"), ERRORS)
def test_the_first_error_is_named_with_its_place_and_rule(text: str, place: str, rule: str) -> None:
    explanation = by_schema().score(said(text), None, {}).explanation
    assert explanation.startswith(place)
    assert explanation.endswith(f"(rule {rule})")


def test_the_explanation_of_a_huge_value_is_short() -> None:
    verdict = by_schema().score(said(json.dumps({"name": "Ada", "age": "9" * 100_000})), None, {})
    assert len(verdict.explanation) < 500


def test_nesting_beyond_the_validator_is_invalid_not_a_crash() -> None:
    open_schema = by_schema({"type": "array"})
    for depth in (100, 200, 250, 254, 255, 256, 300):
        assert open_schema.score(said("[" * depth + "]" * depth), None, {}).status == "scored"


def test_an_answer_of_tool_calls_alone_is_not_json() -> None:
    assert by_schema().score(called(("f", {"name": "Ada"})), None, {}).label == "not_json"


def test_a_reference_within_the_schema_is_followed() -> None:
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "additionalProperties": {"$ref": "#/$defs/node"}}},
    }
    assert by_schema(tree).score(said('{"a": {"b": {}}}'), None, {}).passed is True
    assert by_schema(tree).score(said('{"a": {"b": 1}}'), None, {}).passed is False


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({}, "needs schema"),
    ({"schema": 5}, "must be a table or the path of a file"),
    ({"schema": {}}, "must be a table or the path of a file"),
    ({"schema": "absent.json"}, "absent.json, which is not a readable JSON file"),
    ({"schema": "broken.json"}, "broken.json, which is not a readable JSON file"),
    ({"schema": "list.json"}, "holds no JSON object"),
    ({"schema": {"type": "objct"}}, "not a JSON schema"),
    ({"schema": {"pattern": "("}}, "not a JSON schema"),
    ({"schema": {"$ref": "https://example.com/person.json"}}, "Retrieval is disabled"),
    ({"schema": {"$ref": "file:///etc/hostname"}}, "Retrieval is disabled"),
    ({"schema": {"properties": {"a": {"$ref": "person.json"}}}}, "not a JSON schema"),
    ({"schema": {"$ref": "#/$defs/absent"}}, "does not exist"),
    ({"schema": {"$schema": "https://example.com/own", "type": "object"}}, "not a JSON schema"),
    ({"schema": PERSON, "fenced": 1}, "fenced must be true or false"),
    ({"schema": PERSON, "strict": True}, 'unknown option "strict"'),
    ({"schema": PERSON, "pattern": "("}, "not a regular expression"),
    ({"schema": PERSON, "expected": "{{ answer }}"}, "remove expected"),
    ({"schema": PERSON, "function": "m:f"}, "function belongs to"),
]


@pytest.mark.parametrize(("given", "message"), MISTAKES)
def test_wrong_settings_are_refused_when_the_scorer_is_built(
    tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    (tmp_path / "broken.json").write_text("{", "utf-8")
    (tmp_path / "list.json").write_text("[1]", "utf-8")
    with pytest.raises(SettingsError) as raised:
        scorer("json_schema", **{"expected": None, "folder": str(tmp_path), **given})
    assert message in str(raised.value)
    assert "my json_schema" in str(raised.value)


def test_a_schema_comes_from_the_table_or_from_a_file_beside_the_evaluation(tmp_path: Path) -> None:
    inline = """
[[scorers]]
kind = "json_schema"
[scorers.schema]
type = "object"
required = ["price"]
properties = { price = { type = "number", multipleOf = 0.01 } }

[[scorers]]
kind = "json_schema"
name = "from a file"
schema = "price.json"
"""
    folder = write_eval(tmp_path / "e", EVAL + inline)
    (folder / "price.json").write_text('{"required": ["price"]}', "utf-8")
    table, file = (build_scorer(settings) for settings in load_eval(folder).scorers[1:])
    assert table.score(said('{"price": 1.25}'), None, {}).passed is True
    assert table.score(said('{"price": 1.255}'), None, {}).passed is False
    assert file.score(said('{"price": "?"}'), None, {}).passed is True
    assert file.score(said("{}"), None, {}).passed is False
