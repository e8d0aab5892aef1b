"""The doctor finds in every profile of the simulator what that profile plays."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import pytest

from pipeline.doctor.visit import examine
from pipeline.simulator.options import PROFILES, Options
from pipeline.simulator.server import Simulator
from tests.support.doctor import KEY, TODAY, by_aspect, chat_subject, subject

MODEL = "claude-sonnet-4-5-20250929"
PER_MINUTE = "60 requests, 90,000 input tokens, {output} output tokens per minute"
NO_HEADERS = "no headers"


class Dialect(NamedTuple):
    """What a profile is known to play."""

    request_id: str
    limits: str
    wrong_model: str
    error_keys: str
    envelope: str = "bare"


GATEWAY = Dialect("x-oneapi-request-id", NO_HEADERS, "HTTP 404, class model", "{error: {code: 404, message, type}}")
DIALECTS = {
    "anthropic": Dialect(
        "request-id",
        PER_MINUTE.format(output="8,000"),
        "HTTP 404, class model",
        "{type, error: {type, message}, request_id}",
    ),
    "apimart-wrapped": GATEWAY._replace(envelope="wrapped in {code: 200, data}"),
    "apimart": GATEWAY,
    "ofox": Dialect(
        "x-request-id", "60 requests per minute", "HTTP 404, class model", "{error: {code, message, type}}"
    ),
    "openai": Dialect(
        "x-request-id",
        PER_MINUTE.format(output="90,000"),
        "HTTP 404, class model",
        "{error: {message, type, param, code}}",
    ),
    "new-api": Dialect("x-oneapi-request-id", NO_HEADERS, "HTTP 503, class model", "{type, error: {type, message}}"),
    # The class of its error is the classifier's business; the status tells the profile apart.
    "openrouter": Dialect(
        "x-generation-id", PER_MINUTE.format(output="90,000"), "HTTP 400", "{error: {code: 400, message, metadata: {}}}"
    ),
}
CHAT = ("openai", "openrouter")


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_profile_is_told_apart(profile: str) -> None:
    expected = DIALECTS[profile]
    options = Options(
        profile=profile,
        latency_scale=0,
        requests_per_minute=60,
        input_tokens_per_minute=90_000,
        output_tokens_per_minute=8_000,
    )
    async with Simulator(options) as simulator:
        chat = profile in CHAT
        asked = (
            chat_subject(f"{simulator.base_url}/v1", model=MODEL) if chat else subject(simulator.base_url, model=MODEL)
        )
        whole = await examine(asked, KEY, today=TODAY, with_cache=True)
    found = by_aspect(whole)
    assert whole.answered
    assert whole.calls <= 8
    assert found["key"].found == "accepted"
    assert found["key in x-api-key" if chat else "key in Authorization: Bearer"].found == "accepted"
    assert found["envelope"].found == expected.envelope
    assert found["served model"].found == "the one asked for"
    assert found["usage"].found.startswith("input, output")
    assert found["request id"].found == expected.request_id
    assert found["rate limits"].found == expected.limits
    assert found["wrong model"].found.startswith(expected.wrong_model)
    assert found["wrong model"].note.startswith(f"{expected.error_keys}: ")
    assert found["retry-after"].found == "not seen"
    assert found["cache read"].found.endswith(" tokens")
    assert found["cache read"].found != "0 tokens"
    if chat:
        assert found["max tokens field"].found == "max_completion_tokens and max_tokens"
        assert found["streaming"].found == "yes, ends with [DONE]"
        assert found["usage in stream"].found == "a chunk of its own: completion_tokens, prompt_tokens, total_tokens"
    else:
        assert found["count_tokens"].found == "yes"
        assert found["streaming"].found == "yes, ends with message_stop"
        assert "message_delta: input_tokens, output_tokens" in found["usage in stream"].found


async def test_late_input_counts_are_found_where_they_come() -> None:
    async with Simulator(Options(profile="new-api", latency_scale=0)) as simulator:
        whole = await examine(subject(simulator.base_url, model=MODEL), KEY, today=TODAY)
    found = by_aspect(whole)["usage in stream"].found
    assert found == "message_start: output_tokens; message_delta: input_tokens, output_tokens"


async def test_the_built_in_simulator_needs_no_address() -> None:
    asked = subject("", name="simulator", key_env=None, model="sim-small")
    whole = await examine(asked, KEY, today=TODAY)
    assert whole.answered
    assert whole.base_url.startswith("http://127.0.0.1:")
    assert (whole.cost_usd, whole.unpriced_calls) == (Decimal(0), 3)
