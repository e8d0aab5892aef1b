from __future__ import annotations

import base64
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pipeline.core.records import Request
from pipeline.core.settings import ProviderSettings
from pipeline.providers.formats import wire_format
from tests.support.providers import encode, provider

LAB = ProviderSettings(name="lab", protocol="openai-chat", base_url="http://127.0.0.1/v1")
USER = {"role": "user", "content": "hi"}
ASK = Request(messages=(USER,))


def body(request: Request, lab: ProviderSettings = LAB) -> dict[str, Any]:
    return encode(lab, request, "m")


def with_params(**params: Any) -> dict[str, Any]:
    sent = body(replace(ASK, params=params))
    return {name: value for name, value in sent.items() if name not in ("model", "messages", "stream")}


def messages(*turns: dict[str, Any], system: Any = None) -> Any:
    return body(Request(messages=turns, system=system))["messages"]


def test_a_plain_request_says_that_it_wants_no_stream() -> None:
    assert body(ASK) == {"model": "m", "messages": [USER], "stream": False}


def test_address_and_key() -> None:
    format_, openai = wire_format("openai-chat"), provider("openai")

    assert openai.base_url + format_.path() == "https://api.openai.com/v1/chat/completions"
    assert format_.auth_header(openai, "k") == ("authorization", "Bearer k")
    assert format_.headers(replace(openai, headers={"X-Title": "t"}), ("beta",)) == {
        "content-type": "application/json",
        "accept": "application/json",
        "x-title": "t",
    }


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"temperature": Decimal("0.5"), "top_p": 1}, {"temperature": 0.5, "top_p": 1}),
        ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"metadata": {"user_id": None, "team": "x"}}, {"metadata": {"team": "x"}}),
        ({"top_k": 4, "seed": 7, "novel": [1]}, {"top_k": 4, "seed": 7, "novel": [1]}),
        ({"thinking": {"type": "adaptive"}, "cache_control": {"type": "ephemeral"}}, {}),
        ({"stream": False, "stream_options": {"x": 1}}, {}),
        ({"stream": True}, {"stream_options": {"include_usage": True}}),
        ({"stream": True, "stream_options": {"x": 1}}, {"stream_options": {"x": 1, "include_usage": True}}),
        ({"output_config": {"effort": "low"}}, {"reasoning_effort": "low"}),
        ({"service_tier": "standard_only"}, {"service_tier": "default"}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
                }
            },
        ),
        ({"output_config": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        ({"tool_choice": {"type": "auto"}}, {"tool_choice": "auto"}),
        ({"tool_choice": {"type": "none"}}, {"tool_choice": "none"}),
        (
            {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
            {"tool_choice": "required", "parallel_tool_calls": False},
        ),
        (
            {"tool_choice": {"type": "tool", "name": "f"}},
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        ),
        ({"tool_choice": "auto"}, {"tool_choice": "auto"}),
        (
            {"tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True}]},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "parameters": {"type": "object"}, "description": "d", "strict": True},
                    }
                ]
            },
        ),
        (
            {"tools": [{"type": "bash_20241022", "name": "bash"}]},
            {"tools": [{"type": "bash_20241022", "name": "bash"}]},
        ),
    ],
)
def test_a_messages_parameter_is_translated(params: dict[str, Any], expected: dict[str, Any]) -> None:
    assert with_params(**params) == expected


def test_max_tokens_goes_by_the_name_that_the_provider_knows() -> None:
    request = replace(ASK, params={"max_tokens": 5})

    assert body(request, provider("openai"))["max_completion_tokens"] == 5
    assert "max_tokens" not in body(request, provider("openai"))


def test_the_system_prompt_is_the_first_message() -> None:
    first = {"role": "system", "content": "S"}
    assert messages(USER, system="S") == [first, USER]

    blocks = ({"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "B"})
    assert messages(USER, system=blocks)[0] == {"role": "system", "content": "A\n\nB"}


def test_images_become_parts() -> None:
    data = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    text = {"type": "text", "text": "what?", "cache_control": {"type": "ephemeral"}}

    assert messages({"role": "user", "content": [data, url, text]})[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "text", "text": "what?"},
    ]


def test_documents_become_files_and_text() -> None:
    pdf = {
        "type": "document",
        "title": "a.pdf",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
    }
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
    stored = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}

    assert messages({"role": "user", "content": [pdf, plain, stored]})[0]["content"] == [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "text", "text": "words"},
        {"type": "file", "file": {"file_id": "file_1"}},
    ]


def test_documents_of_text_become_text_and_what_has_no_counterpart_goes_out_as_it_is() -> None:
    parts = [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]
    data = base64.b64encode("단어".encode()).decode()
    coded = {"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": data}}
    blocks = {"type": "document", "source": {"type": "content", "content": parts}}
    string = {"type": "document", "source": {"type": "content", "content": "C"}}
    found = {"type": "search_result", "source": "s", "title": "t", "content": parts}
    odd = [
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "input_audio", "source": {"type": "base64"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]

    sent = messages({"role": "user", "content": [coded, blocks, string, found, *odd]})[0]["content"]
    assert [part.get("text") for part in sent[:4]] == ["단어", "A\n\nB", "C", "A\n\nB"]
    assert sent[4:] == odd


def test_a_thinking_turn_without_a_call_is_its_text() -> None:
    turn = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"}]}

    assert messages(USER, turn, USER)[1] == {"role": "assistant", "content": "so"}


def test_a_tool_round_trip_becomes_calls_and_tool_messages() -> None:
    call = {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "Let me "},
            {"type": "text", "text": "look."},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"도시": "서울"}},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
        ],
    }
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    results = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"},
            {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "x"}, image]},
            {"type": "text", "text": "go on"},
        ],
    }

    assert messages(USER, call, results) == [
        USER,
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"도시":"서울"}'}},
                {"id": "t2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "t2", "content": "x"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {"type": "text", "text": "go on"},
            ],
        },
    ]


def test_a_call_without_words_has_null_content_and_an_empty_result_is_an_empty_string() -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
    sent = messages(USER, call, result)

    assert sent[1]["content"] is None
    assert sent[2:] == [{"role": "tool", "tool_call_id": "t", "content": ""}]


@pytest.mark.sdk
def test_what_is_sent_fits_the_official_sdks_own_types() -> None:
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from pydantic import TypeAdapter

    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    request = Request(
        system="S",
        messages=(
            {"role": "user", "content": [image, {"type": "text", "text": "t"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]},
        ),
        params={
            "max_tokens": 5,
            "temperature": 0.5,
            "stop_sequences": ["a"],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
            "metadata": {"user_id": "u"},
        },
    )
    sent = body(request, provider("openai"))
    parsed = TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(sent)

    # Lists are checked lazily: walk them, so that every message and tool is.
    assert len(list(parsed["messages"])) == 4
    assert len(list(parsed["tools"])) == 1
    assert parsed.keys() == sent.keys()
