"""The acceptance: every request and response that the two gateways' documents show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.records import Request, Response
from pipeline.providers.formats import wire_format
from tests.support.providers import curls, decode, encode, json_values, neutral, provider, sdk_calls

SONNET = "claude-sonnet-4-5-20250929"
OFOX_SONNET = "anthropic/claude-sonnet-4.5"
HELLO = [{"role": "user", "content": "Hello, world"}]
WEATHER = {
    "name": "get_weather",
    "description": "주어진 위치의 현재 날씨 가져오기",
    "input_schema": {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "도시 및 주, 예: San Francisco, CA"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "온도 단위"},
        },
        "required": ["location"],
    },
}
COMPUTER = {"type": "computer_20241022", "name": "computer", "display_width_px": 1024, "display_height_px": 768}
EDITOR = {"type": "text_editor_20241022", "name": "str_replace_editor"}
BASH = {"type": "bash_20241022", "name": "bash"}
URL_IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/image.jpg"}}
DATA_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}}

APIMART_REQUESTS: dict[str, dict[str, Any]] = {
    "curl": {},
    "single": {"messages": [{"role": "user", "content": "안녕하세요, Claude"}]},
    "multi-turn": {
        "messages": [
            {"role": "user", "content": "안녕하세요."},
            {"role": "assistant", "content": "안녕하세요, 저는 Claude입니다. 어떻게 도와드릴까요?"},
            {"role": "user", "content": "LLM을 쉽게 설명해주실 수 있나요?"},
        ]
    },
    "prefill": {
        "messages": [
            {"role": "user", "content": "태양의 그리스 이름은? (A) Sol (B) Helios (C) Sun"},
            {"role": "assistant", "content": "정답은 ("},
        ]
    },
    "system string": {"system": "당신은 전문 Python 프로그래밍 튜터입니다"},
    "system blocks": {"system": [{"type": "text", "text": "당신은 전문 Python 프로그래밍 튜터입니다"}]},
    "sampling": {"temperature": 0.2, "top_k": 40},
    "top_p": {"top_p": 1.0},
    "stream off": {"stream": False},
    "stop sequences": {"stop_sequences": ["\n\nHuman:", "\n\nAssistant:"]},
    "metadata": {"metadata": {"user_id": "user-1"}},
    "tools": {"tools": [WEATHER]},
    "typed tools": {"tools": [COMPUTER, EDITOR, BASH]},
    "tool_choice auto": {"tools": [WEATHER], "tool_choice": {"type": "auto"}},
    "tool_choice any": {"tools": [WEATHER], "tool_choice": {"type": "any"}},
    "tool_choice tool": {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "get_weather"}},
    "image by url": {"messages": [{"role": "user", "content": [URL_IMAGE, {"type": "text", "text": "설명해주세요"}]}]},
    "image as data": {
        "messages": [{"role": "user", "content": [DATA_IMAGE, {"type": "text", "text": "분석해주세요"}]}]
    },
    "tool loop": {
        "tools": [WEATHER],
        "messages": [
            *HELLO,
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"location": "Seoul"}}
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "맑음"}]},
        ],
    },
}
OFOX_REQUEST = {
    "model": OFOX_SONNET,
    "max_tokens": 1024,
    "system": "당신은 전문 프로그래밍 도우미입니다.",
    "messages": [{"role": "user", "content": "Python으로 퀵 정렬을 구현해 주세요"}],
}
MESSAGE = {
    "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "안녕하세요! 저는 Claude입니다. 만나서 반갑습니다."}],
    "model": SONNET,
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 18},
}
OFOX_MESSAGE = {
    "id": "msg_abc123",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "다음은 Python 퀵 정렬 구현입니다..."}],
    "model": OFOX_SONNET,
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 25, "output_tokens": 200},
}
TOOL_USE = {
    "type": "tool_use",
    "id": "toolu_01A09q90qw90lq917835lq9",
    "name": "get_weather",
    "input": {"location": "San Francisco, CA", "unit": "celsius"},
}


def read(value: Any) -> Response:
    found = decode("anthropic-messages", json.dumps(value).encode())
    assert isinstance(found, Response), found
    return found


@pytest.mark.parametrize("name", APIMART_REQUESTS)
def test_a_request_that_apimart_documents_is_encoded_key_for_key(name: str) -> None:
    body = {"model": SONNET, "max_tokens": 1024, "messages": HELLO} | APIMART_REQUESTS[name]

    assert encode(provider("apimart"), neutral(body), SONNET) == body


def test_the_request_that_ofox_documents_is_encoded_key_for_key() -> None:
    assert encode(provider("ofox"), neutral(OFOX_REQUEST), OFOX_SONNET) == OFOX_REQUEST


def test_ofox_gets_plain_system_blocks_as_the_one_string_it_documents() -> None:
    blocks = ({"type": "text", "text": "One."}, {"type": "text", "text": "Two."})
    request = Request(system=blocks, messages=tuple(HELLO))

    assert encode(provider("ofox"), request, OFOX_SONNET)["system"] == "One.\n\nTwo."
    assert encode(provider("apimart"), request, SONNET)["system"] == list(blocks)


def test_ofox_gets_system_blocks_as_they_are_where_one_is_a_cache_breakpoint() -> None:
    blocks = ({"type": "text", "text": "One.", "cache_control": {"type": "ephemeral"}},)
    request = Request(system=blocks, messages=tuple(HELLO))

    assert encode(provider("ofox"), request, OFOX_SONNET)["system"] == list(blocks)


@pytest.mark.parametrize("value", [{"code": 200, "data": MESSAGE}, MESSAGE], ids=["wrapped", "bare"])
def test_apimarts_answer_is_read_with_and_without_its_wrapper(value: dict[str, Any]) -> None:
    answer = read(value)

    assert answer.text == "안녕하세요! 저는 Claude입니다. 만나서 반갑습니다."
    assert (answer.stop_reason, answer.stop_reason_raw, answer.stop_sequence) == ("end_turn", "end_turn", None)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (12, 18)
    assert answer.usage.source == "reported"
    assert answer.usage.cache_read_tokens is None
    assert answer.model_served == SONNET
    assert answer.status == "ok"


def test_ofoxs_answer_is_read_although_it_has_no_stop_sequence() -> None:
    answer = read(OFOX_MESSAGE)

    assert answer.text == "다음은 Python 퀵 정렬 구현입니다..."
    assert answer.stop_sequence is None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (25, 200)
    assert answer.model_served == OFOX_SONNET


def test_the_documented_tool_use_block_is_a_tool_call() -> None:
    answer = read(MESSAGE | {"content": [TOOL_USE], "stop_reason": "tool_use"})

    assert answer.tool_calls == ({"id": TOOL_USE["id"], "name": "get_weather", "input": TOOL_USE["input"]},)
    assert (answer.text, answer.stop_reason, answer.status) == ("", "tool_use", "ok")


def test_a_stop_sequence_is_named() -> None:
    answer = read(MESSAGE | {"stop_reason": "stop_sequence", "stop_sequence": "\n\nHuman:"})

    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "\n\nHuman:")


@pytest.fixture
def apimart_document(shared: Path) -> str:
    return (shared / "seeds" / "000_b7f83f34db91f85a.txt").read_text(encoding="utf-8")


@pytest.fixture
def ofox_document(shared: Path) -> str:
    # The page's line breaks are lost; the curl example stands on one line.
    text = (shared / "seeds" / "004_89fdb063f6254062.txt").read_text(encoding="utf-8")
    return text.replace(" \\ ", " ")


def test_apimarts_own_curl_examples_are_what_we_send(apimart_document: str) -> None:
    examples = curls(apimart_document)
    format_, apimart = wire_format("anthropic-messages"), provider("apimart")

    assert len(examples) == 2
    for example in examples:
        assert apimart.base_url + format_.path() == example.url
        assert format_.headers(apimart, ()).items() >= {
            (name, value) for name, value in example.headers.items() if name != "x-api-key"
        }
        assert format_.auth_header(apimart, "$API_KEY") == ("x-api-key", example.headers["x-api-key"])
        assert encode(apimart, neutral(example.body), example.body["model"]) == example.body


def test_ofoxs_own_curl_example_is_what_we_send(ofox_document: str) -> None:
    (example,) = curls(ofox_document)
    format_, ofox = wire_format("anthropic-messages"), provider("ofox")

    assert ofox.base_url + format_.path() == example.url
    assert format_.headers(ofox, ())["anthropic-version"] == example.headers["anthropic-version"]
    assert format_.auth_header(ofox, "$OFOX_API_KEY") == ("x-api-key", example.headers["x-api-key"])
    assert encode(ofox, neutral(example.body), example.body["model"]) == example.body


def test_every_sdk_call_of_both_documents_is_encoded_key_for_key(apimart_document: str, ofox_document: str) -> None:
    for name, text, count in (("apimart", apimart_document, 12), ("ofox", ofox_document, 1)):
        calls = list(sdk_calls(text))
        assert len(calls) == count
        for call in calls:
            assert encode(provider(name), neutral(call), call["model"]) == call


def test_every_json_fragment_of_apimarts_document_is_accepted_where_it_belongs(apimart_document: str) -> None:
    shown = list(json_values(apimart_document))
    histories = [value for value in shown if isinstance(value, list) and value and _has(value[0], "role")]
    fragments = [value for value in shown if isinstance(value, dict) and value.keys() & {"system", "tools"}]
    choices = [value for value in shown if isinstance(value, dict) and value.get("type") in ("auto", "any", "tool")]
    stops = [value for value in shown if isinstance(value, list) and all(isinstance(item, str) for item in value)]

    assert (len(histories), len(fragments), len(choices)) == (13, 3, 3)
    assert ["\n\nHuman:", "\n\nAssistant:"] in stops
    bodies: list[dict[str, Any]] = [{"messages": history} for history in histories]
    bodies += fragments
    bodies += [{"tool_choice": choice} for choice in choices]
    bodies += [{"stop_sequences": stop} for stop in stops]
    for extra in bodies:
        body = {"model": SONNET, "max_tokens": 1, "messages": HELLO} | extra
        assert encode(provider("apimart"), neutral(body), SONNET) == body


def test_every_answer_that_the_documents_show_is_read(apimart_document: str, ofox_document: str) -> None:
    shown = [*json_values(apimart_document), *json_values(ofox_document)]
    answers = [value for value in shown if _has(value, "data") or _has(value, "stop_reason")]
    blocks = [value for value in shown if isinstance(value, list) and value and _has(value[0], "type")]

    assert len(answers) == 3
    for value in answers:
        message = value.get("data", value)
        answer = read(value)
        assert answer.text == message["content"][0]["text"]
        assert answer.usage.raw == message["usage"]
    assert len([block for block in blocks if block[0]["type"] in ("text", "tool_use")]) == 2
    for content in blocks:
        assert read(MESSAGE | {"content": content}).content == tuple(content)


def _has(value: Any, name: str) -> bool:
    return isinstance(value, dict) and name in value
