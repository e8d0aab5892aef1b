"""Tools: which are called, with what, and calls that the answer book knows."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from pipeline.simulator.answers import AnswerBook
from tests.support.simulator.exchanges import ask, body, exchange, text_of

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Current weather",
    "input_schema": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer"},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
}
TIME: dict[str, Any] = {
    "name": "get_clock",
    "description": "What the clock shows",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
QUESTIONS = [f"What will be the weather in city number {n}?" for n in range(200)]


def right_call(number: int) -> dict[str, Any]:
    return {"name": "get_weather", "input": {"city": f"City {number}", "unit": "celsius", "days": number + 2}}


BOOK = AnswerBook([(question, json.dumps(right_call(n)), None) for n, question in enumerate(QUESTIONS)], source="calls")


def calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": block["name"], "input": block["input"]} for block in message["content"] if block["type"] == "tool_use"
    ]


def called(text: str, **changes: Any) -> list[str]:
    return [call["name"] for call in calls(ask(exchange(), body(text, **changes))[1])]


BOTH = "What do the weather and the clock say in Lisbon?"
CHOICES: list[tuple[str, dict[str, Any] | None, list[str]]] = [
    (BOTH, None, ["get_weather", "get_clock"]),
    (BOTH, {"type": "auto", "disable_parallel_tool_use": True}, ["get_weather"]),
    (BOTH, {"type": "any"}, ["get_weather", "get_clock"]),
    (BOTH, {"type": "any", "disable_parallel_tool_use": True}, ["get_weather"]),
    (BOTH, {"type": "tool", "name": "get_clock"}, ["get_clock"]),
    (BOTH, {"type": "none"}, []),
    ("Tell me a joke.", None, []),
    ("Tell me a joke.", {"type": "any"}, ["get_weather"]),
    ("What does the clock say?", None, ["get_clock"]),
]


@pytest.mark.parametrize(("text", "choice", "expected"), CHOICES)
def test_the_choice_decides_who_is_called(text: str, choice: dict[str, Any] | None, expected: list[str]) -> None:
    changes = {} if choice is None else {"tool_choice": choice}
    assert called(text, tools=[WEATHER, TIME], **changes) == expected


def test_calls_have_ids_of_their_own_and_end_the_turn() -> None:
    _, message = ask(exchange(), body(BOTH, tools=[WEATHER, TIME]))
    ids = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
    assert len(set(ids)) == 2
    assert message["stop_reason"] == "tool_use"


def test_chat_calls_several_unless_told_otherwise() -> None:
    tools = [
        {"type": "function", "function": {"name": tool["name"], "parameters": tool["input_schema"]}}
        for tool in (WEATHER, TIME)
    ]
    for changes, expected in [({}, 2), ({"parallel_tool_calls": False}, 1)]:
        _, completion = ask(exchange(profile="openai"), body(BOTH, tools=tools, **changes), route="chat")
        assert len(completion["choices"][0]["message"]["tool_calls"]) == expected


TYPED: list[tuple[dict[str, Any], str]] = [
    ({"type": "bash_20250124", "name": "bash"}, "command"),
    ({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 100}, "command"),
    ({"type": "text_editor_20250124", "name": "str_replace_editor"}, "path"),
    ({"type": "computer_20251124", "name": "computer", "display_width_px": 800, "display_height_px": 600}, "action"),
    ({"type": "memory_20250818", "name": "memory"}, "command"),
]


@pytest.mark.parametrize(("tool", "argument"), TYPED)
def test_typed_tools_are_called_with_plausible_input(tool: dict[str, Any], argument: str) -> None:
    _, message = ask(exchange(), body("Go on.", tools=[tool], tool_choice={"type": "any"}))
    (call,) = calls(message)
    assert call["name"] == tool["name"]
    assert call["input"][argument]


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search_20260318", "name": "web_search", "max_uses": 3},
        {"type": "code_execution_20260521", "name": "code_execution"},
        {"type": "computer_toolset_20260801"},
    ],
)
def test_tools_of_the_server_are_taken_and_not_called(tool: dict[str, Any]) -> None:
    _, message = ask(exchange(), body("Search the web and run code on the computer.", tools=[tool]))
    assert [block["type"] for block in message["content"]] == ["text"]


STRICT = {**WEATHER, "strict": True}
LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tools": [{**STRICT, "input_schema": LOOSE}]}, "tools.0.custom: For 'object' type, 'additionalProperties' must"),
    ({"tools": [{**STRICT, "name": f"t{n}"} for n in range(21)]}, "tools: at most 20 tools may be strict, not 21"),
    ({"tools": [{**WEATHER, "strict": "yes"}]}, "tools.0.strict: Input should be a valid boolean"),
    ({"tools": [{"type": "bash_20250124", "name": "shell"}]}, "tools.0.bash_20250124.name: Input should be 'bash'"),
    (
        {"tools": [{"type": "computer_20250124", "name": "computer"}]},
        "tools.0.computer_20250124.display_width_px: Field required",
    ),
    (
        {"tools": [WEATHER], "tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}},
        "tool_choice.disable_parallel_tool_use: Input should be a valid boolean",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_wrong_tools_are_refused(changes: dict[str, Any], message: str) -> None:
    status, answer = ask(exchange(), body(**changes))
    assert status == 400
    assert answer["error"]["message"].startswith(message)


def test_a_strict_tool_is_called_by_its_schema() -> None:
    check = jsonschema_rs.validator_for(WEATHER["input_schema"])
    for n in range(20):
        _, message = ask(exchange(seed=n), body("Weather in Rome?", tools=[STRICT]))
        assert check.is_valid(calls(message)[0]["input"])


def share_right(model: str) -> tuple[float, list[dict[str, Any]]]:
    mind = exchange(answers=BOOK)
    wrong = []
    for n, question in enumerate(QUESTIONS):
        _, message = ask(mind, body(question, model=model, tools=[WEATHER, TIME]))
        if calls(message) != [right_call(n)]:
            wrong.append(message)
    return 1 - len(wrong) / len(QUESTIONS), wrong


def test_the_book_knows_calls_and_skill_gets_them_right() -> None:
    small, slips = share_right("sim-small")
    large, _ = share_right("sim-large")
    assert small == pytest.approx(0.55, abs=0.12)
    assert large == pytest.approx(0.90, abs=0.08)
    made = [calls(message)[0] for message in slips]
    names = {call["name"] for call in made}
    assert names == {"get_weather", "get_clock"}
    weather = [call["input"] for call in made if call["name"] == "get_weather"]
    check = jsonschema_rs.validator_for(WEATHER["input_schema"])
    assert all(check.is_valid(given) for given in weather)
    assert any("unit" not in given or "days" not in given for given in weather)
    assert any(given.get("unit") == "fahrenheit" for given in weather)
    assert any(
        given.get("days") not in (None, int(given["city"].split()[-1]) + 2) for given in weather if " " in given["city"]
    )


def test_a_list_in_the_book_is_several_calls() -> None:
    both = [{"name": "get_weather", "input": {"city": "Rome"}}, {"name": "get_clock", "input": {"city": "Rome"}}]
    book = AnswerBook([("Rome now?", json.dumps(both), None)], source="t")
    asked = body("Rome now?", model="claude-fable-5-1", tools=[WEATHER, TIME], max_tokens=4_096)
    seeds = [calls(ask(exchange(answers=book, seed=seed), asked)[1]) for seed in range(10)]
    assert seeds.count(both) >= 8
    alone = {**asked, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    assert calls(ask(exchange(answers=book), alone)[1]) == both[:1]


@pytest.mark.parametrize("changes", [{}, {"tools": [TIME]}, {"tools": [WEATHER], "tool_choice": {"type": "none"}}])
def test_a_call_that_cannot_be_made_is_an_answer_in_text(changes: dict[str, Any]) -> None:
    asked = body(QUESTIONS[0], model="claude-fable-5-1", max_tokens=4_096, **changes)
    assert calls(ask(exchange(answers=BOOK), asked)[1]) == []


@pytest.mark.parametrize("route", ["messages", "chat"])
def test_a_tools_result_is_answered_in_text_although_the_book_knows_a_call(route: Any) -> None:
    mind = exchange(answers=BOOK, profile="openai")
    first = {"role": "user", "content": QUESTIONS[0]}
    if route == "chat":
        function = {"name": "get_weather", "parameters": WEATHER["input_schema"]}
        call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        turns = [first, {"role": "assistant", "tool_calls": [call]}]
        turns.append({"role": "tool", "tool_call_id": "c1", "content": "21 degrees"})
        tools: list[dict[str, Any]] = [{"type": "function", "function": function}]
        _, completion = ask(mind, body(messages=turns, tools=tools), route="chat")
        text = completion["choices"][0]["message"]["content"]
    else:
        call = {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "c1", "content": "21 degrees"}
        turns = [first, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
        text = text_of(ask(mind, body(messages=turns, tools=[WEATHER]))[1])
    assert "21 degrees" in text


def test_only_the_last_user_turn_is_looked_up() -> None:
    book = AnswerBook([("Is it day?", "yes", None), ("Is it night?", "no", None)], source="t", replay=True)
    turns = [
        {"role": "user", "content": "Is it day?"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "Is it night?"},
    ]
    assert text_of(ask(exchange(answers=book), body(messages=turns))[1]) == "no"
    turns[-1] = {"role": "user", "content": "Thanks, tell me more."}
    assert text_of(ask(exchange(answers=book), body(messages=turns))[1]) not in ("yes", "no")
