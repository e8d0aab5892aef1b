"""Structured answers: JSON by the schema, the book's own where it has one, and the subset of schemas taken."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from pipeline.simulator.answers import AnswerBook
from tests.support.simulator.exchanges import ask, body, exchange, text_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": ["good", "bad", "mixed"]},
        "stars": {"type": "integer"},
        "reason": {"type": "string"},
    },
    "required": ["label", "stars", "reason"],
    "additionalProperties": False,
}
ROWS = {
    f"Review number {n}: it was all right in its way.": {
        "label": ("good", "bad", "mixed")[n % 3],
        "stars": n % 5 + 1,
        "reason": f"Because of point {n}",
    }
    for n in range(200)
}
BOOK = AnswerBook([(question, json.dumps(answer), None) for question, answer in ROWS.items()], source="reviews")
CHECK = jsonschema_rs.validator_for(SCHEMA)


def config(schema: Any = None) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": schema or SCHEMA}}


def said(model: str) -> list[Any]:
    mind = exchange(answers=BOOK)
    return [json.loads(text_of(ask(mind, body(q, model=model, output_config=config()))[1])) for q in ROWS]


def test_the_books_json_is_given_with_the_models_skill_and_slips_stay_valid() -> None:
    shares = {}
    for model in ("sim-small", "sim-large"):
        answers = said(model)
        assert all(CHECK.is_valid(answer) for answer in answers)
        shares[model] = sum(a == b for a, b in zip(answers, ROWS.values(), strict=True)) / len(ROWS)
        slips = [(a, b) for a, b in zip(answers, ROWS.values(), strict=True) if a != b]
        assert all(sum(a[name] != b[name] for name in b) == 1 for a, b in slips)
        assert {name for a, b in slips for name in b if a[name] != b[name]} == {"label", "stars", "reason"}
    assert shares["sim-small"] == pytest.approx(0.55, abs=0.12)
    assert shares["sim-large"] == pytest.approx(0.90, abs=0.08)


def test_json_of_another_shape_is_not_given() -> None:
    schema = {
        "type": "object",
        "properties": {"verdict": {"type": "boolean"}},
        "required": ["verdict"],
        "additionalProperties": False,
    }
    _, message = ask(exchange(answers=BOOK), body(next(iter(ROWS)), output_config=config(schema)))
    assert set(json.loads(text_of(message))) == {"verdict"}


def test_chat_takes_a_schema_and_gives_the_books_json() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "review", "schema": SCHEMA, "strict": True}}
    mind = exchange(answers=BOOK, profile="openai")
    answers = [
        json.loads(
            ask(mind, body(q, model="sim-large", response_format=form), route="chat")[1]["choices"][0]["message"][
                "content"
            ]
        )
        for q in ROWS
    ]
    assert all(CHECK.is_valid(answer) for answer in answers)
    assert sum(a == b for a, b in zip(answers, ROWS.values(), strict=True)) > 160


def test_a_json_object_is_the_books_or_holds_its_answer() -> None:
    book = AnswerBook([("How many?", "7", None), ("Which?", '{"colour": "red", "n": 3}', None)], source="t")
    form = {"type": "json_object"}

    def answered(text: str) -> list[Any]:
        minds = [exchange(answers=book, profile="openai", seed=seed) for seed in range(12)]
        asked = body(text, model="claude-opus-5", response_format=form)
        return [json.loads(ask(mind, asked, route="chat")[1]["choices"][0]["message"]["content"]) for mind in minds]

    assert answered("How many?").count({"answer": "7"}) > 8
    assert answered("Which?").count({"colour": "red", "n": 3}) > 8
    assert all(isinstance(value, dict) for value in answered("Unknown?"))


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


TREE = {**obj(child={"$ref": "#/$defs/node"}), "$defs": {"node": obj(child={"$ref": "#/$defs/node"})}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "object", "properties": {}}, "For 'object' type, 'additionalProperties' must be explicitly set to false"),
    (obj(a={"type": "object"}), "For 'object' type, 'additionalProperties' must be explicitly set to false"),
    (obj(a={"anyOf": [{"type": "null"}, {"type": "object"}]}), "For 'object' type, 'additionalProperties' must be"),
    (obj(a={"type": "integer", "minimum": 1}), "For 'integer' type, properties minimum are not supported"),
    (obj(a={"type": "array", "items": {"type": "string", "maxLength": 3}}), "For 'string' type, properties maxLength"),
    (TREE, "Circular reference detected: #/$defs/node"),
    (obj(a={"$ref": "#/$defs/none"}), "Cannot resolve the reference #/$defs/none"),
]


@pytest.mark.parametrize(("schema", "message"), REFUSED)
def test_schemas_outside_the_subset_are_refused_by_the_original_alone(schema: dict[str, Any], message: str) -> None:
    asked = body(output_config=config(schema))
    status, answer = ask(exchange(), asked)
    assert status == 400
    assert answer["error"]["message"].startswith(f"output_config.format.schema: {message}")
    assert ask(exchange(profile="apimart"), asked)[0] == 200


def test_schemas_of_the_subset_are_taken() -> None:
    definitions = {"point": obj(x={"type": "number"}, y={"type": ["number", "null"]})}
    schema = {
        **obj(a={"$ref": "#/$defs/point"}, b={"type": "array", "items": {"$ref": "#/$defs/point"}}),
        "$defs": definitions,
    }
    assert ask(exchange(), body(output_config=config(schema)))[0] == 200


@pytest.mark.parametrize("route", ["messages", "chat"])
def test_json_can_break_off_as_if_it_were_whole(route: Any) -> None:
    asked = body(f"{next(iter(ROWS))} [[sim:max_tokens,stop_reason=end_turn]]")
    asked["output_config"] = config()
    if route == "chat":
        schema = {"name": "review", "schema": SCHEMA, "strict": True}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    _, answer = ask(exchange(answers=BOOK), asked, route=route)
    choice = answer["choices"][0] if route == "chat" else answer
    assert (choice.get("stop_reason"), choice.get("finish_reason")) in (("end_turn", None), (None, "stop"))
    text = choice["message"]["content"] if route == "chat" else text_of(answer)
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
