from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.core.records import Failure, Response
from tests.support.providers import decode

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1763800000,
    "model": "gpt-x",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hello", "refusal": None}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29},
}


def answer(message: dict[str, Any], finish_reason: Any = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish_reason}
    return COMPLETION | {"choices": [choice | more]}


def read(value: Any) -> Response:
    found = decode("openai-chat", json.dumps(value).encode())
    assert isinstance(found, Response), found
    return found


def fail(value: Any) -> Failure:
    found = decode("openai-chat", json.dumps(value).encode())
    assert isinstance(found, Failure), found
    return found


def test_an_answer_is_read() -> None:
    found = read(COMPLETION)

    assert (found.text, found.stop_reason, found.stop_reason_raw) == ("hello", "end_turn", "stop")
    assert (found.usage.input_tokens, found.usage.output_tokens) == (20, 9)
    assert found.model_served == "gpt-x"
    assert found.content == ({"type": "text", "text": "hello"},)


def test_apimarts_wrapper_is_taken_off_a_completion_too() -> None:
    assert read({"code": 200, "data": COMPLETION}).text == "hello"


@pytest.mark.parametrize(
    ("reason", "expected", "status"),
    [
        ("stop", "end_turn", "ok"),
        ("length", "max_tokens", "truncated"),
        ("tool_calls", "tool_use", "ok"),
        ("function_call", "tool_use", "ok"),
        ("content_filter", "refusal", "refused"),
        ("novel", "unknown", "ok"),
        ("", "unknown", "ok"),
        (None, "unknown", "ok"),
    ],
)
def test_a_finish_reason_is_translated(reason: Any, expected: str, status: str) -> None:
    found = read(answer({"content": "x"}, reason))

    assert (found.stop_reason, found.stop_reason_raw, found.status) == (expected, reason or None, status)


def test_a_refusal_is_a_refusal_although_it_stopped_normally() -> None:
    found = read(answer({"content": None, "refusal": "I cannot."}))

    assert (found.stop_reason, found.stop_reason_raw, found.status) == ("refusal", "stop", "refused")
    assert found.text == "I cannot."


def test_calls_reasoning_and_text_become_blocks() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    found = read(answer({"content": "see", "reasoning_content": "hm", "tool_calls": [call]}, "tool_calls"))

    assert found.thinking == "hm"
    assert found.tool_calls == ({"id": "call_1", "name": "f", "input": {"a": 1}},)
    assert [block["type"] for block in found.content] == ["thinking", "text", "tool_use"]


@pytest.mark.parametrize(
    ("arguments", "value"), [("", {}), (None, {}), ('{"a": ', '{"a": '), ({"a": 1}, {"a": 1}), ("[1]", [1])]
)
def test_arguments_that_are_no_json_are_kept_as_they_came(arguments: Any, value: Any) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}

    assert read(answer({"content": None, "tool_calls": [call]}, "length")).tool_calls[0]["input"] == value


def test_the_old_function_call_is_read() -> None:
    found = read(answer({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call"))

    assert found.tool_calls == ({"id": None, "name": "f", "input": {}},)


def test_content_in_parts_is_joined() -> None:
    assert read(answer({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})).text == "ab"


def test_an_answer_without_usage_has_none() -> None:
    found = read({name: value for name, value in COMPLETION.items() if name != "usage"})

    assert (found.usage.input_tokens, found.usage.source) == (None, "missing")


@pytest.mark.parametrize("choices", [[], [None], [{}], [{"message": "x"}]])
def test_an_answer_without_a_choice_is_no_answer(choices: Any) -> None:
    failure = fail(COMPLETION | {"choices": choices})

    assert (failure.kind, failure.transient, failure.possibly_paid) == ("transport", True, True)


def test_a_generation_that_failed_on_the_way_is_a_failure_with_its_bill() -> None:
    failure = fail(answer({"content": "half"}, "error"))
    assert (failure.kind, failure.possibly_paid) == ("overload", True)
    assert failure.usage is not None
    assert failure.usage.output_tokens == 9

    assert fail(answer({"content": ""}, "error", error={"code": 429, "message": "m"})).kind == "rate"


def test_an_error_beside_choices_is_an_error() -> None:
    assert fail(COMPLETION | {"error": {"code": 503, "message": "m"}}).kind == "overload"


@pytest.mark.sdk
def test_an_answer_reads_as_the_official_sdk_reads_it() -> None:
    from openai.types.chat import ChatCompletion

    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    value = answer({"content": "see", "tool_calls": [call]}, "tool_calls")
    theirs, ours = ChatCompletion.model_validate(value), read(value)

    assert ours.text == theirs.choices[0].message.content
    assert theirs.usage is not None
    assert ours.usage.output_tokens == theirs.usage.completion_tokens
    assert ours.model_served == theirs.model
