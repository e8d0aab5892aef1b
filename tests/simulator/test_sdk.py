"""The official SDKs as clients: what they send is taken, and what they get validates."""

from __future__ import annotations

import base64
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import anthropic
import openai
import pytest

from pipeline.simulator.answers import AnswerBook
from pipeline.simulator.options import Options
from pipeline.simulator.server import Simulator
from tests.support.simulator.exchanges import write_book

pytestmark = pytest.mark.sdk

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 280, 140) + b"\x08\x02\0\0\0"
).decode()
WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
        "required": ["city", "unit"],
    },
}
SUN = "What is the Greek name of the sun? (A) Sol (B) Helios (C) Sun"


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    rows = [{"question": SUN, "answer": "B"}, {"question": "Is water wet?", "answer": "A"}]
    book = AnswerBook.from_table(
        write_book(tmp_path / "book.jsonl", rows), question_column="question", answer_column="answer"
    )
    async with Simulator(Options(latency_scale=0.0, answers=book)) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(api_key="any", base_url=simulator.base_url, max_retries=0) as connected:
        yield connected


@pytest.fixture
async def openai_client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        Simulator(Options(latency_scale=0.0, profile="openai")) as running,
        openai.AsyncOpenAI(api_key="any", base_url=f"{running.base_url}/v1", max_retries=0) as connected,
    ):
        yield connected


async def test_a_message_is_a_typed_and_valid_object(client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.create(
        model="claude-haiku-4-5-20251001",
        max_tokens=1024,
        system="You are brief.",
        messages=[
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi there"},
            {"role": "user", "content": [{"type": "text", "text": "Who are you?"}]},
        ],
    )
    anthropic.types.Message.model_validate(message.model_dump(), strict=False)
    assert message.model == "claude-haiku-4-5-20251001"
    assert message.stop_reason == "end_turn"
    assert isinstance(message.content[0], anthropic.types.TextBlock)
    assert message.usage.input_tokens > 10
    assert message.usage.cache_creation is not None
    assert message.usage.cache_creation.ephemeral_1h_input_tokens == 0
    assert message._request_id is not None
    assert message._request_id.startswith("req_")
    assert not message.model_extra
    assert not message.usage.model_extra


async def test_a_prefill_is_continued_and_not_repeated(client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.create(
        model="claude-opus-4-1-20250805",
        max_tokens=64,
        messages=[{"role": "user", "content": SUN}, {"role": "assistant", "content": "The best answer is ("}],
    )
    assert isinstance(message.content[0], anthropic.types.TextBlock)
    assert message.content[0].text in ("A).", "B).")


async def test_a_forced_tool_is_called_and_its_result_taken(client: anthropic.AsyncAnthropic) -> None:
    question = {"role": "user", "content": "What is the weather in Lisbon in celsius?"}
    first = await client.messages.create(
        model="sim-large",
        max_tokens=256,
        tools=[WEATHER],
        tool_choice={"type": "tool", "name": "get_weather"},
        messages=[question],
    )
    (call,) = first.content
    assert isinstance(call, anthropic.types.ToolUseBlock)
    assert first.stop_reason == "tool_use"
    assert call.input["city"] == "Lisbon"
    assert call.input["unit"] in ("celsius", "fahrenheit")
    second = await client.messages.create(
        model="sim-large",
        max_tokens=256,
        tools=[WEATHER],
        messages=[
            question,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}]},
        ],
    )
    assert second.stop_reason == "end_turn"
    assert "21 degrees" in second.content[0].text


async def test_a_tool_is_called_when_the_prompt_is_about_it_and_not_otherwise(client: anthropic.AsyncAnthropic) -> None:
    about = await client.messages.create(
        model="sim-large", max_tokens=256, tools=[WEATHER], messages=[{"role": "user", "content": "Weather in Rome?"}]
    )
    apart = await client.messages.create(
        model="sim-large", max_tokens=256, tools=[WEATHER], messages=[{"role": "user", "content": "Tell me a joke."}]
    )
    refused = await client.messages.create(
        model="sim-large",
        max_tokens=256,
        tools=[WEATHER],
        tool_choice={"type": "none"},
        messages=[{"role": "user", "content": "Weather in Rome?"}],
    )
    assert [block.type for block in about.content] == ["text", "tool_use"]
    assert [block.type for block in apart.content] == ["text"]
    assert [block.type for block in refused.content] == ["text"]


async def test_a_base64_image_is_seen_and_counted_by_its_tiles(client: anthropic.AsyncAnthropic) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    words = {"type": "text", "text": "What is this?"}
    with_image = await client.messages.create(
        model="sim-small", max_tokens=64, messages=[{"role": "user", "content": [image, words]}]
    )
    without = await client.messages.create(
        model="sim-small", max_tokens=64, messages=[{"role": "user", "content": [words]}]
    )
    assert with_image.usage.input_tokens - without.usage.input_tokens == 10 * 5
    assert "image" in with_image.content[0].text


async def test_stop_sequences_end_the_text_before_them(client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.create(
        model="sim-small",
        max_tokens=64,
        stop_sequences=["never this", "e"],
        messages=[{"role": "user", "content": "Say something."}],
    )
    assert message.stop_reason == "stop_sequence"
    assert message.stop_sequence == "e"
    assert all("e" not in block.text for block in message.content)


async def test_token_counts_agree_with_the_usage(client: anthropic.AsyncAnthropic) -> None:
    asked = {"model": "sim-small", "system": "Be brief.", "messages": [{"role": "user", "content": "안녕하세요, 세계"}]}
    counted = await client.messages.count_tokens(**asked, tools=[WEATHER])
    message = await client.messages.create(**asked, tools=[WEATHER], max_tokens=16)
    assert counted.input_tokens == message.usage.input_tokens


async def test_models_are_listed_over_several_pages(client: anthropic.AsyncAnthropic) -> None:
    listed = [model async for model in client.models.list(limit=5)]
    ids = [model.id for model in listed]
    assert len(ids) == len(set(ids)) > 10
    assert "claude-opus-5" in ids
    assert "claude-retired-1" not in ids
    assert all(model.lifecycle == "active" for model in listed)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (409, anthropic.ConflictError),
        (422, anthropic.UnprocessableEntityError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
    ],
)
async def test_forced_statuses_raise_the_sdk_classes(
    client: anthropic.AsyncAnthropic, status: int, error: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(error) as caught:
        await client.messages.create(
            model="sim-small", max_tokens=8, messages=[{"role": "user", "content": f"[[sim:status={status}]]"}]
        )
    assert caught.value.status_code == status
    assert caught.value.request_id is not None


async def test_wrong_keys_and_unknown_models_raise_the_sdk_classes(simulator: Simulator) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    async with anthropic.AsyncAnthropic(api_key="wrong-key", base_url=simulator.base_url, max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            await client.messages.create(model="sim-small", max_tokens=8, messages=hello)
    async with anthropic.AsyncAnthropic(api_key="any", base_url=simulator.base_url, max_retries=0) as client:
        with pytest.raises(anthropic.NotFoundError, match="model: claude-retired-1"):
            await client.messages.create(model="claude-retired-1", max_tokens=8, messages=hello)
        with pytest.raises(anthropic.APIConnectionError):
            await client.messages.create(
                model="sim-small", max_tokens=8, messages=hello, extra_headers={"x-sim": "reset"}
            )


async def test_the_sdk_retries_a_fault_of_limited_times(simulator: Simulator) -> None:
    async with anthropic.AsyncAnthropic(api_key="any", base_url=simulator.base_url, max_retries=1) as client:
        message = await client.messages.create(
            model="sim-small", max_tokens=32, messages=[{"role": "user", "content": "Hi [[sim:status=429,times=1]]"}]
        )
    assert message.stop_reason == "end_turn"
    assert simulator.ledger.total.requests == 2


async def test_a_refusal_is_a_typed_message(client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.create(
        model="sim-small", max_tokens=8, messages=[{"role": "user", "content": "[[sim:refusal]]"}]
    )
    assert message.content == []
    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert message.stop_details.category == "general_harms"


async def test_a_bearer_gateway_under_a_prefix_serves_the_sdk() -> None:
    async with (
        Simulator(Options(latency_scale=0.0, profile="ofox")) as running,
        anthropic.AsyncAnthropic(api_key="any", base_url=f"{running.base_url}/anthropic", max_retries=0) as client,
    ):
        message = await client.messages.create(
            model="anthropic/claude-sonnet-4.5",
            max_tokens=64,
            extra_body={"temperature": 0.2},
            messages=[{"role": "user", "content": "Hi"}],
        )
    assert message.stop_sequence is None
    assert message.usage.cache_read_input_tokens is None


async def test_a_chat_completion_is_a_typed_and_valid_object(openai_client: openai.AsyncOpenAI) -> None:
    completion = await openai_client.chat.completions.create(
        model="sim-medium",
        max_completion_tokens=64,
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": [{"type": "text", "text": "Who are you?"}]},
        ],
    )
    openai.types.chat.ChatCompletion.model_validate(completion.model_dump(), strict=False)
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.content
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cached_tokens == 0


async def test_chat_tools_go_around(openai_client: openai.AsyncOpenAI) -> None:
    function = {"name": "get_weather", "description": "Weather in a city", "parameters": WEATHER["input_schema"]}
    tools = [{"type": "function", "function": function}]
    question = {"role": "user", "content": "What is the weather in Lisbon?"}
    first = await openai_client.chat.completions.create(
        model="sim-medium", messages=[question], tools=tools, tool_choice="required"
    )
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert message.tool_calls is not None
    second = await openai_client.chat.completions.create(
        model="sim-medium",
        tools=tools,
        messages=[
            question,
            message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "21 degrees"},
        ],
    )
    assert "21 degrees" in (second.choices[0].message.content or "")


async def test_chat_truncates_stops_and_takes_images(openai_client: openai.AsyncOpenAI) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    cut = await openai_client.chat.completions.create(
        model="sim-medium", max_tokens=3, messages=[{"role": "user", "content": parts}]
    )
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage is not None
    assert cut.usage.completion_tokens == 3
    assert cut.usage.prompt_tokens > 50


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (503, openai.InternalServerError),
    ],
)
async def test_forced_statuses_raise_the_openai_classes(
    openai_client: openai.AsyncOpenAI, status: int, error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error) as caught:
        await openai_client.chat.completions.create(
            model="sim-small", messages=[{"role": "user", "content": "Hi"}], extra_headers={"x-sim": f"status={status}"}
        )
    assert caught.value.status_code == status
    assert caught.value.request_id is not None


async def test_openai_models_are_listed_and_unknown_ones_named(openai_client: openai.AsyncOpenAI) -> None:
    ids = [model.id async for model in openai_client.models.list()]
    assert {"sim-small", "claude-sonnet-4-5-20250929", "anthropic/claude-opus-4.6"} <= set(ids)
    with pytest.raises(openai.NotFoundError) as caught:
        await openai_client.chat.completions.create(model="gpt-none", messages=[{"role": "user", "content": "Hi"}])
    assert caught.value.code == "model_not_found"
