"""The official Anthropic SDK: streams, tools, thinking, JSON, caching, documents, raw headers, every error class."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
from anthropic.types import Message

from tests.support.simulator.sdk import anthropic_client

pytestmark = pytest.mark.sdk

MODEL = "sim-large"
WEATHER: Any = {
    "name": "get_weather",
    "description": "Get the current weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
QUESTION: Any = {"role": "user", "content": "What is the weather in Lisbon?"}
HELLO: Any = [{"role": "user", "content": "Hello, who are you?"}]
LONG = " ".join(["word"] * 1_500)


@pytest.fixture
async def client() -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic_client() as connected:
        yield connected


def check(message: Message) -> None:
    """The object is complete by the SDK's own types: nothing unknown, nothing of another type."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dumped = message.model_dump(mode="json", exclude={"parsed_output"})
    for block in dumped["content"]:
        block.pop("parsed_output", None)
    Message.model_validate(dumped, strict=False)
    assert not message.model_extra
    assert not message.usage.model_extra
    assert all(not block.model_extra for block in message.content)


async def test_a_stream_gives_its_text_and_then_the_whole_message(client: anthropic.AsyncAnthropic) -> None:
    asked: Any = {"model": MODEL, "max_tokens": 256, "messages": HELLO, "system": "Be brief."}
    async with client.messages.stream(**asked) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        message = await stream.get_final_message()
    whole = await client.messages.create(**asked)
    check(message)
    assert message.content[0].type == "text"
    assert message.content[0].text == text
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 1
    assert message.usage.input_tokens == whole.usage.input_tokens
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.request_id is not None


async def test_raw_events_come_in_the_documented_order(client: anthropic.AsyncAnthropic) -> None:
    stream = await client.messages.create(model=MODEL, max_tokens=64, messages=HELLO, stream=True)
    kinds = [event.type async for event in stream]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}


async def test_tools_stream_their_input_and_go_around(client: anthropic.AsyncAnthropic) -> None:
    asked: Any = {"model": MODEL, "max_tokens": 4_096, "tools": [WEATHER]}
    asked["thinking"] = {"type": "enabled", "budget_tokens": 1_024}
    async with client.messages.stream(**asked, messages=[QUESTION]) as stream:
        pieces = [event.partial_json async for event in stream if event.type == "input_json"]
        first = await stream.get_final_message()
    check(first)
    assert [block.type for block in first.content] == ["thinking", "text", "tool_use"]
    call = first.content[-1]
    assert call.type == "tool_use"
    assert call.input == {"city": "Lisbon"} == json.loads("".join(pieces))
    assert first.stop_reason == "tool_use"
    turns: Any = [
        QUESTION,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}]},
    ]
    second = await client.messages.create(**asked, messages=turns)
    check(second)
    assert second.content[-1].type == "text"
    assert "21 degrees" in second.content[-1].text


async def test_thinking_streams_with_its_signature(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(
        model="claude-opus-4-6",
        max_tokens=4_096,
        thinking={"type": "adaptive", "display": "summarized"},
        messages=HELLO,
    ) as stream:
        kinds = [event.type async for event in stream]
        message = await stream.get_final_message()
    check(message)
    assert {"thinking", "signature", "text"} <= set(kinds)
    block = message.content[0]
    assert block.type == "thinking"
    assert block.thinking
    assert len(base64.b64decode(block.signature)) > 20
    assert message.usage.output_tokens_details is not None
    assert 0 < message.usage.output_tokens_details.thinking_tokens < message.usage.output_tokens


async def test_redacted_thinking_is_a_block_of_its_own(client: anthropic.AsyncAnthropic) -> None:
    text = "Hi ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9A13E193C177646C7398A98432ECCCE4C1253D5E2D82641AC0E"
    async with client.messages.stream(
        model=MODEL,
        max_tokens=4_096,
        thinking={"type": "enabled", "budget_tokens": 1_024},
        messages=[{"role": "user", "content": text}],
    ) as stream:
        message = await stream.get_final_message()
    check(message)
    assert [block.type for block in message.content] == ["redacted_thinking", "text"]


async def test_json_output_follows_its_schema(client: anthropic.AsyncAnthropic) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "large": {"type": "boolean"}},
        "required": ["city", "large"],
        "additionalProperties": False,
    }
    message = await client.messages.create(
        model=MODEL,
        max_tokens=256,
        messages=[{"role": "user", "content": "Is Lisbon large?"}],
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    check(message)
    assert message.content[0].type == "text"
    answer = json.loads(message.content[0].text)
    assert set(answer) == {"city", "large"}
    assert isinstance(answer["large"], bool)


async def test_caching_counters_tell_writes_and_reads(client: anthropic.AsyncAnthropic) -> None:
    async def ask(question: str, **changes: Any) -> anthropic.types.Usage:
        system: Any = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", **changes}}]
        message = await client.messages.create(
            model=MODEL, max_tokens=64, system=system, messages=[{"role": "user", "content": question}]
        )
        check(message)
        return message.usage

    first, second = await ask("Why?"), await ask("How?")
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (1_500, 0)
    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_5m_input_tokens == 1_500
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, 1_500)
    assert second.input_tokens == first.input_tokens == 9
    async with client.messages.stream(
        model=MODEL, max_tokens=64, system=LONG, messages=HELLO, cache_control={"type": "ephemeral", "ttl": "1h"}
    ) as stream:
        streamed = await stream.get_final_message()
    assert streamed.usage.cache_read_input_tokens == 1_500
    assert streamed.usage.cache_creation is not None
    assert streamed.usage.cache_creation.ephemeral_1h_input_tokens == streamed.usage.cache_creation_input_tokens == 10


async def test_images_and_documents_of_every_source_are_taken(client: anthropic.AsyncAnthropic) -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
    pdf = base64.b64encode(b"%PDF-1.4 /Type /Page").decode()
    content: Any = [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}, "title": "t"},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {"type": "text", "text": "What is in these?"},
    ]
    turns: Any = [{"role": "user", "content": content}]
    message = await client.messages.create(model=MODEL, max_tokens=64, messages=turns)
    check(message)
    assert message.content[0].type == "text"
    assert "image" in message.content[0].text
    counted = await client.messages.count_tokens(model=MODEL, messages=turns)
    assert counted.input_tokens == message.usage.input_tokens > 2 * 1_568 + 2 * 3_568


async def test_raw_responses_show_the_request_id_and_the_limits() -> None:
    limits = {"requests_per_minute": 50, "input_tokens_per_minute": 30_000, "output_tokens_per_minute": 8_000}
    async with anthropic_client(**limits) as client:
        raw = await client.messages.with_raw_response.create(model=MODEL, max_tokens=64, messages=HELLO)
        message = await raw.parse()
        streamed = await client.messages.with_raw_response.create(
            model=MODEL, max_tokens=64, messages=HELLO, stream=True
        )
        assert [event async for event in await streamed.parse()]
    check(message)
    assert raw.headers["request-id"] == message._request_id
    assert raw.headers["anthropic-ratelimit-requests-limit"] == "50"
    assert raw.headers["anthropic-ratelimit-input-tokens-remaining"] == "30000"
    assert raw.headers["anthropic-ratelimit-output-tokens-reset"].endswith("Z")
    assert streamed.headers["anthropic-ratelimit-requests-remaining"] == "48"


async def test_an_exceeded_limit_is_a_rate_limit_error_with_a_time() -> None:
    async with anthropic_client(requests_per_minute=1) as client:
        await client.messages.create(model=MODEL, max_tokens=64, messages=HELLO)
        with pytest.raises(anthropic.RateLimitError, match="rate limit of 1 requests per minute") as caught:
            await client.messages.create(model=MODEL, max_tokens=64, messages=HELLO)
    assert 50 < int(caught.value.response.headers["retry-after"]) <= 60


async def test_models_can_be_retrieved(client: anthropic.AsyncAnthropic) -> None:
    model = await client.models.retrieve("claude-opus-5")
    assert (model.id, model.type) == ("claude-opus-5", "model")
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("claude-foo")


ERRORS: list[tuple[int, type[anthropic.APIStatusError], str]] = [
    (400, anthropic.BadRequestError, "invalid_request_error"),
    (401, anthropic.AuthenticationError, "authentication_error"),
    (402, anthropic.APIStatusError, "billing_error"),
    (403, anthropic.PermissionDeniedError, "permission_error"),
    (404, anthropic.NotFoundError, "not_found_error"),
    (409, anthropic.ConflictError, "conflict_error"),
    (413, anthropic.APIStatusError, "request_too_large"),
    (422, anthropic.UnprocessableEntityError, "invalid_request_error"),
    (429, anthropic.RateLimitError, "rate_limit_error"),
    (500, anthropic.InternalServerError, "api_error"),
    (503, anthropic.InternalServerError, "api_error"),
    (504, anthropic.InternalServerError, "timeout_error"),
    (529, anthropic.InternalServerError, "overloaded_error"),
]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("status", "error", "kind"), ERRORS)
async def test_every_status_raises_its_class(
    client: anthropic.AsyncAnthropic, status: int, error: type[anthropic.APIStatusError], kind: str, streaming: bool
) -> None:
    with pytest.raises(error) as caught:
        await client.messages.create(
            model=MODEL, max_tokens=8, messages=HELLO, stream=streaming, extra_headers={"x-sim": f"status={status}"}
        )
    assert caught.value.status_code == status
    assert caught.value.type == kind
    assert caught.value.request_id == caught.value.response.headers["request-id"]


async def test_connections_that_break_or_stall_raise_their_classes(client: anthropic.AsyncAnthropic) -> None:
    asked: Any = {"model": MODEL, "max_tokens": 8, "messages": HELLO}
    with pytest.raises(anthropic.APIConnectionError):
        await client.messages.create(**asked, extra_headers={"x-sim": "reset"})
    with pytest.raises(anthropic.APITimeoutError):
        await client.messages.create(**asked, extra_headers={"x-sim": "slow=5"}, timeout=0.2)


async def test_refused_bodies_say_what_is_wrong(client: anthropic.AsyncAnthropic) -> None:
    system: Any = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 5
    with pytest.raises(anthropic.BadRequestError, match="Found 5"):
        await client.messages.create(model=MODEL, max_tokens=8, system=system, messages=HELLO)
    with pytest.raises(anthropic.BadRequestError, match="does not support assistant message prefill"):
        await client.messages.create(
            model="claude-opus-4-6", max_tokens=8, messages=[*HELLO, {"role": "assistant", "content": "I am"}]
        )


@pytest.mark.parametrize("profile", ["apimart", "ofox", "new-api", "openrouter", "openai"])
async def test_other_profiles_stream_to_the_sdk_too(profile: str) -> None:
    async with (
        anthropic_client(profile=profile) as client,
        client.messages.stream(model=MODEL, max_tokens=64, messages=HELLO) as stream,
    ):
        text = await stream.get_final_text()
        message = await stream.get_final_message()
    assert text
    assert message.usage.input_tokens > 5
    assert message.usage.output_tokens > 1
