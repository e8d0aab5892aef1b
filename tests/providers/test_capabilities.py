from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipeline.core.settings import ProviderSettings
from pipeline.providers.capabilities import capabilities, objections
from tests.support.providers import provider

SEED_MODELS = [
    ("apimart", "claude-haiku-4-5-20251001"),
    ("apimart", "claude-sonnet-4-5-20250929"),
    ("apimart", "claude-opus-4-1-20250805"),
    ("apimart", "claude-opus-4-1-20250805-thinking"),
    ("apimart", "claude-sonnet-4-5-20250929-thinking"),
    ("ofox", "anthropic/claude-opus-4.6"),
    ("ofox", "anthropic/claude-sonnet-4.5"),
    ("ofox", "anthropic/claude-haiku-4.5"),
]


def against(
    name: str, model: str, params: dict[str, Any] | None = None, *, prefill: bool = False, image_urls: bool = False
) -> list[str]:
    return objections(params or {}, prefill=prefill, image_urls=image_urls, provider=provider(name), model=model)


@pytest.mark.parametrize(("name", "model"), SEED_MODELS)
def test_every_model_of_both_documents_is_known_and_takes_a_plain_request(name: str, model: str) -> None:
    assert capabilities(name, model) is not None
    assert against(name, model, {"max_tokens": 1024}) == []


def test_both_gateways_spellings_are_one_model() -> None:
    spellings = ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "anthropic/claude-sonnet-4.5", "Claude-Sonnet-4.5"]

    assert len({capabilities("any", spelling) for spelling in spellings}) == 1


def test_the_dates_and_successors_of_retired_models_are_known() -> None:
    sonnet = capabilities("apimart", "claude-sonnet-4-5-20250929")
    opus = capabilities("apimart", "claude-opus-4-1-20250805")

    assert sonnet is not None
    assert opus is not None
    assert (sonnet.retires, sonnet.successor) == (date(2026, 11, 30), "claude-sonnet-4-6")
    assert (opus.retires, opus.successor) == (date(2026, 8, 5), "claude-opus-4-8")
    assert capabilities("apimart", opus.successor) is not None


@pytest.mark.sdk
def test_retirement_dates_are_those_of_the_official_sdk() -> None:
    from anthropic.resources.messages.messages import DEPRECATED_MODELS

    compared = 0
    for model, words in DEPRECATED_MODELS.items():
        if (known := capabilities("anthropic", model)) is not None:
            month, day, year = words.replace(",", "").split()
            theirs = datetime.strptime(f"{month} {day.rstrip('stndrh')} {year}", "%B %d %Y").replace(tzinfo=UTC)
            assert known.retires == theirs.date(), model
            compared += 1
    assert compared >= 6


@pytest.mark.parametrize("model", ["sim-unheard-of", "claude-foo", ""])
def test_nothing_is_said_of_an_unknown_model(model: str) -> None:
    assert capabilities("apimart", model) is None
    assert against("apimart", model, {"max_tokens": 10**9, "temperature": 1, "top_p": 0.1}, prefill=True) == []


def test_a_recorded_model_has_no_limits() -> None:
    assert capabilities("recorded", "claude-opus-4-6") is None


@pytest.mark.parametrize(
    ("name", "model", "params", "part"),
    [
        ("apimart", "claude-sonnet-4-5-20250929", {"max_tokens": 64_001}, "over the 64000"),
        ("apimart", "claude-opus-4-1-20250805", {"max_tokens": 33_000}, "over the 32000"),
        ("apimart", "claude-sonnet-4-5-20250929", {"temperature": Decimal("0"), "top_p": 1}, "together with top_p"),
        ("anthropic", "claude-opus-4-7", {"temperature": Decimal("0.0")}, "leave temperature out"),
        ("anthropic", "claude-opus-5", {"top_k": 5}, "leave top_k out"),
        ("openai", "gpt-5.1", {"temperature": 0}, "leave temperature out"),
        ("apimart", "claude-sonnet-4-5-20250929", {"stop_sequences": list("abcde")}, "at most 4"),
        ("openai", "gpt-4.1", {"stop_sequences": list("abcde")}, "at most 4"),
        ("apimart", "claude-opus-4-1-20250805-thinking", {"temperature": 1}, "refuses temperature"),
        ("apimart", "claude-opus-4-1-20250805-thinking", {"tool_choice": {"type": "any"}}, "thinking"),
        ("anthropic", "claude-opus-5-5", {"tool_choice": {"type": "tool", "name": "f"}}, 'use "auto"'),
        ("anthropic", "claude-opus-4-7", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, "adaptive"),
        ("anthropic", "claude-haiku-4-5", {"thinking": {"type": "adaptive"}}, "thinking.type"),
        ("anthropic", "claude-haiku-4-5", {"thinking": {"type": "enabled", "budget_tokens": 9}}, "at least 1024"),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"max_tokens": 1024, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            "below max_tokens",
        ),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"temperature": 0, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            "no choice of temperature",
        ),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"tool_choice": {"type": "any"}, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            "cannot be combined with thinking",
        ),
        ("apimart", "claude-haiku-4-5", {"temperature": Decimal("1.5")}, "outside 0 to 1"),
        ("apimart", "claude-haiku-4-5", {"stream": True}, "stored whole"),
    ],
)
def test_what_would_be_refused_is_said_before_it_is_sent(
    name: str, model: str, params: dict[str, Any], part: str
) -> None:
    (objection,) = against(name, model, params)

    assert part in objection


@pytest.mark.parametrize(
    ("name", "model", "params"),
    [
        ("apimart", "claude-sonnet-4-5-20250929", {"max_tokens": 64_000, "temperature": 0}),
        ("anthropic", "claude-opus-4-7", {"temperature": Decimal("1.0"), "top_p": 1}),
        ("anthropic", "claude-haiku-4-5", {"stop_sequences": list("abcdef")}),
        ("openai", "gpt-4.1", {"temperature": 1.7, "top_p": 0.5}),
        ("anthropic", "claude-opus-4-6", {"thinking": {"type": "adaptive"}, "max_tokens": 128_000}),
    ],
)
def test_what_is_taken_meets_no_objection(name: str, model: str, params: dict[str, Any]) -> None:
    assert against(name, model, params) == []


@pytest.mark.parametrize(
    "model", ["anthropic/claude-opus-4.6", "claude-sonnet-4-6", "claude-opus-5", "claude-haiku-5-5"]
)
def test_a_prefill_is_refused_from_4_6_on(model: str) -> None:
    (objection,) = against("ofox", model, prefill=True)

    assert "prefill" in objection
    assert "user message" in objection


def test_a_prefill_is_taken_before_4_6_but_not_with_thinking_or_a_format() -> None:
    assert against("ofox", "anthropic/claude-sonnet-4.5", prefill=True) == []
    assert against("apimart", "claude-sonnet-4-5-20250929-thinking", prefill=True) != []
    form = {"output_config": {"format": {"type": "json_schema", "schema": {}}}}
    assert against("apimart", "claude-sonnet-4-5-20250929", form, prefill=True) != []


def test_images_by_url_are_refused_by_ofox_alone() -> None:
    (objection,) = against("ofox", "anthropic/claude-sonnet-4.5", image_urls=True)

    assert "URL" in objection
    assert against("apimart", "claude-sonnet-4-5-20250929", image_urls=True) == []


def test_the_newer_protocol_version_takes_no_sampling_at_all() -> None:
    newer = replace(provider("anthropic"), headers={"Anthropic-Version": "2026-10-21"})
    found = objections({"temperature": 1}, prefill=False, image_urls=False, provider=newer, model="claude-haiku-4-5")

    assert len(found) == 1
    assert "2026-10-21" in found[0]


def test_a_providers_own_name_brings_no_gateway_rules() -> None:
    lab = ProviderSettings(name="lab", protocol="anthropic-messages", base_url="http://127.0.0.1")
    params = {"stop_sequences": list("abcde")}

    assert objections(params, prefill=False, image_urls=True, provider=lab, model="claude-haiku-4-5") == []
