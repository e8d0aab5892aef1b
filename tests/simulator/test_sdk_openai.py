"""The official OpenAI SDK: streams with usage, tools in streams, JSON schemas, images, every error class."""

from __future__ import annotations

import base64
import json
import struct
import warnings
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

from tests.support.simulator.sdk import openai_client

pytestmark = pytest.mark.sdk

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 280, 140) + b"\x08\x02\0\0\0"
).decode()
MODEL = "sim-medium"
HELLO: Any = [{"role": "user", "content": "Hello, who are you?"}]
SCHEMA: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "large": {"type": "boolean"}},
    "required": ["city", "large"],
    "additionalProperties": False,
}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a city",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client() as connected:
        yield connected


def check(completion: ChatCompletion) -> None:
    """The object is complete by the SDK's own types."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ChatCompletion.model_validate(completion.model_dump(mode="json"), strict=False)
    assert not completion.model_extra
    assert completion.usage is not None
    assert not completion.usage.model_extra


async def test_a_stream_adds_up_and_tells_its_usage(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}, temperature=0
    )
    chunks = [chunk async for chunk in stream]
    whole = await client.chat.completions.create(model=MODEL, messages=HELLO, temperature=0)
    check(whole)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_the_streaming_helper_gives_the_final_completion(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        kinds = {event.type async for event in stream}
        completion = await stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.content


async def test_tools_stream_their_arguments(client: openai.AsyncOpenAI) -> None:
    question: Any = [{"role": "user", "content": "What is the weather in Lisbon?"}]
    async with client.chat.completions.stream(model=MODEL, messages=question, tools=[WEATHER]) as stream:
        kinds = [event.type async for event in stream]
        completion = await stream.get_final_completion()
    (call,) = completion.choices[0].message.tool_calls or []
    assert "tool_calls.function.arguments.done" in kinds
    assert json.loads(call.function.arguments) == {"city": "Lisbon"}
    assert completion.choices[0].finish_reason == "tool_calls"
    message = completion.choices[0].message
    turns: Any = [
        *question,
        message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    second = await client.chat.completions.create(model=MODEL, messages=turns, tools=[WEATHER])
    check(second)
    assert "21 degrees" in (second.choices[0].message.content or "")


async def test_json_schemas_and_objects_are_followed(client: openai.AsyncOpenAI) -> None:
    question: Any = [{"role": "user", "content": "Is Lisbon large? Answer in JSON."}]
    form: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
    by_schema = await client.chat.completions.create(model=MODEL, messages=question, response_format=form)
    check(by_schema)
    assert set(json.loads(by_schema.choices[0].message.content or "")) == {"city", "large"}
    free = await client.chat.completions.create(model=MODEL, messages=question, response_format={"type": "json_object"})
    assert isinstance(json.loads(free.choices[0].message.content or ""), dict)


async def test_images_are_seen_and_counted(client: openai.AsyncOpenAI) -> None:
    def parts(url: str) -> Any:
        image = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
        return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]

    small = await client.chat.completions.create(model=MODEL, messages=parts(f"data:image/png;base64,{PNG}"))
    far = await client.chat.completions.create(model=MODEL, messages=parts("https://example.com/a.png"))
    check(small)
    assert "image" in (small.choices[0].message.content or "")
    assert small.usage is not None
    assert far.usage is not None
    assert far.usage.prompt_tokens - small.usage.prompt_tokens == 1_568 - 50


async def test_long_prompts_are_cached_without_asking(client: openai.AsyncOpenAI) -> None:
    async def cached(question: str) -> int | None:
        text = " ".join(["word"] * 1_500) + question
        completion = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])
        check(completion)
        assert completion.usage is not None
        assert completion.usage.prompt_tokens_details is not None
        return completion.usage.prompt_tokens_details.cached_tokens

    assert [await cached(" Why?"), await cached(" How?")] == [0, 1_024 + 3 * 128]


async def test_raw_responses_show_the_limits() -> None:
    async with openai_client(requests_per_minute=60, input_tokens_per_minute=60_000) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model=MODEL, messages=HELLO, max_completion_tokens=600
        )
    check(raw.parse())
    assert raw.headers["x-ratelimit-limit-requests"] == "60"
    assert raw.headers["x-ratelimit-remaining-tokens"] == "59400"
    assert raw.headers["x-ratelimit-reset-tokens"] == "600ms"
    assert raw.headers["x-request-id"]


ERRORS: list[tuple[int, type[openai.APIStatusError], str | None]] = [
    (400, openai.BadRequestError, None),
    (401, openai.AuthenticationError, "invalid_api_key"),
    (403, openai.PermissionDeniedError, None),
    (404, openai.NotFoundError, "not_found"),
    (409, openai.ConflictError, None),
    (422, openai.UnprocessableEntityError, None),
    (429, openai.RateLimitError, "rate_limit_exceeded"),
    (500, openai.InternalServerError, "server_error"),
    (503, openai.InternalServerError, "server_is_overloaded"),
]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("status", "error", "code"), ERRORS)
async def test_every_status_raises_its_class(
    client: openai.AsyncOpenAI, status: int, error: type[openai.APIStatusError], code: str | None, streaming: bool
) -> None:
    with pytest.raises(error) as caught:
        await client.chat.completions.create(
            model=MODEL, messages=HELLO, stream=streaming, extra_headers={"x-sim": f"status={status}"}
        )
    assert caught.value.status_code == status
    assert caught.value.code == code
    assert caught.value.request_id is not None


async def test_connections_that_break_or_stall_raise_their_classes(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(model=MODEL, messages=HELLO, extra_headers={"x-sim": "reset"})
    with pytest.raises(openai.APITimeoutError):
        await client.chat.completions.create(
            model=MODEL, messages=HELLO, extra_headers={"x-sim": "slow=5"}, timeout=0.2
        )


async def test_apimart_streams_chat_by_default_to_a_client_that_does_not_say() -> None:
    async with openai_client(profile="apimart") as client:
        raw = await client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
        assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"
        plain = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=False)
    assert plain.choices[0].message.content


async def test_openrouters_comments_do_not_disturb_and_its_late_failures_raise() -> None:
    async with openai_client(profile="openrouter") as client:
        stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        assert [chunk async for chunk in stream][-1].choices[0].finish_reason == "stop"
    raised = set()
    async with openai_client(profile="openrouter", error_rate=1.0) as client:
        for number in range(12):
            with pytest.raises(openai.APIError) as caught:
                await read_stream(client, f"row {number}")
            raised.add(type(caught.value))
    assert raised == {openai.APIError, openai.InternalServerError}


async def read_stream(client: openai.AsyncOpenAI, text: str) -> None:
    stream = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": text}], stream=True
    )
    async for _ in stream:
        pass
