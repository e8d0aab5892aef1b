"""The official SDKs put the same bytes together to the same answer."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from pipeline.core.records import Response
from tests.support.providers import decode
from tests.support.streams import a_completion, a_message, chat_chunks, frames, messages_events, named

pytestmark = pytest.mark.sdk

HEADERS = {"content-type": "text/event-stream", "request-id": "req_1", "x-request-id": "req_1"}
ASK: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]


def responding(body: bytes, record: list[Any]) -> Callable[[Any], Any]:
    import httpx2

    def respond(request: Any) -> Any:
        record.append(request)
        return httpx2.Response(200, content=body, headers=HEADERS)

    return respond


def read(protocol: str, body: bytes) -> Response:
    found = decode(protocol, body, headers=HEADERS)
    assert isinstance(found, Response), found
    return found


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_messages_streams_read_as_the_official_sdk_reads_them(line_end: str) -> None:
    import anthropic
    import httpx2

    for seed in range(40):
        chance = Random(seed)
        body = frames(named(messages_events(a_message(chance), chance)), line_end)
        with httpx2.Client(transport=httpx2.MockTransport(responding(body, []))) as http:
            client = anthropic.Anthropic(api_key="k", base_url="http://sdk.invalid", http_client=http, max_retries=0)
            with client.messages.stream(model="claude-x", max_tokens=9, messages=ASK) as stream:  # type: ignore[arg-type]
                theirs = stream.get_final_message()
        ours = read("anthropic-messages", body)

        assert [_plain(block) for block in ours.content] == [_plain(block.to_dict()) for block in theirs.content]
        assert (ours.stop_reason_raw, ours.stop_sequence) == (theirs.stop_reason, theirs.stop_sequence)
        assert ours.model_served == theirs.model
        assert ours.request_id == stream.request_id
        assert ours.usage.input_tokens == theirs.usage.input_tokens
        assert ours.usage.output_tokens == theirs.usage.output_tokens
        assert ours.usage.cache_read_tokens == theirs.usage.cache_read_input_tokens
        assert ours.usage.cache_write_5m_tokens == theirs.usage.cache_creation_input_tokens


def test_chat_streams_read_as_the_official_sdk_reads_them() -> None:
    import httpx2
    import openai
    from openai.lib.streaming.chat import ChatCompletionStreamState

    for seed in range(40):
        chance = Random(seed)
        completion = a_completion(chance)
        completion["choices"][0]["finish_reason"] = chance.choice(("stop", "tool_calls"))
        body = frames([*((None, event) for event in chat_chunks(completion, chance)), (None, "[DONE]")])
        with httpx2.Client(transport=httpx2.MockTransport(responding(body, []))) as http:
            client = openai.OpenAI(api_key="k", base_url="http://sdk.invalid/v1", http_client=http, max_retries=0)
            state: Any = ChatCompletionStreamState()
            for chunk in client.chat.completions.create(model="gpt-x", messages=ASK, stream=True):  # type: ignore[call-overload]
                state.handle_chunk(chunk)
            theirs = state.get_final_completion()
        ours = read("openai-chat", body)
        message = theirs.choices[0].message

        assert ours.text == (message.content or message.refusal or "")
        assert ours.stop_reason_raw == theirs.choices[0].finish_reason
        assert [call["id"] for call in ours.tool_calls] == [call.id for call in message.tool_calls or ()]
        raw = read(
            "openai-chat", frames([(None, {"choices": [{"message": message.to_dict(), "finish_reason": "stop"}]})])
        )
        assert ours.tool_calls == raw.tool_calls
        assert ours.usage.raw == theirs.usage.to_dict()
        assert ours.model_served == theirs.model


def test_an_error_in_a_stream_is_an_error_to_the_official_sdk_and_to_us() -> None:
    import anthropic
    import httpx2

    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    body = frames([*named(messages_events(a_message(Random(1)), Random(1))[:2]), ("error", error)])
    with httpx2.Client(transport=httpx2.MockTransport(responding(body, []))) as http:
        client = anthropic.Anthropic(api_key="k", base_url="http://sdk.invalid", http_client=http, max_retries=0)
        stream = client.messages.stream(model="claude-x", max_tokens=9, messages=ASK)  # type: ignore[arg-type]
        with stream as events, pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            events.get_final_message()

    assert not isinstance(decode("anthropic-messages", body, headers=HEADERS), Response)


def test_what_we_send_for_a_stream_is_what_the_official_sdks_send() -> None:
    import json

    import anthropic
    import httpx2
    import openai

    from tests.support.providers import encode, neutral, provider

    sent: list[Any] = []
    asked = {"model": "claude-x", "max_tokens": 9, "messages": ASK}
    message = frames(named(messages_events(a_message(Random(1)), Random(1))))
    with httpx2.Client(transport=httpx2.MockTransport(responding(message, sent))) as http:
        claude = anthropic.Anthropic(api_key="k", base_url="http://sdk.invalid", http_client=http)
        list(claude.messages.create(**asked, stream=True))  # type: ignore[call-overload]
        chat = openai.OpenAI(api_key="k", base_url="http://sdk.invalid/v1", http_client=http)
        list(chat.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))  # type: ignore[call-overload]

    request = neutral(asked | {"stream": True})
    assert json.loads(sent[0].content) == encode(provider("anthropic"), request, "claude-x")
    ours = encode(provider("openai"), request, "claude-x")
    ours["max_tokens"] = ours.pop("max_completion_tokens")
    assert json.loads(sent[1].content) == ours


def _plain(block: dict[str, Any]) -> dict[str, Any]:
    """A block without what the SDK adds of its own."""
    return {name: value for name, value in block.items() if name != "parsed_output" and value is not None}
