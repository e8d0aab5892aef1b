from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pipeline.core.records import Request
from pipeline.providers.capabilities import capabilities, gateway
from pipeline.providers.objections import objections
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


@pytest.mark.parametrize(("name", "model"), SEED_MODELS)
def test_every_model_of_both_documents_is_known_and_takes_a_plain_request(name: str, model: str) -> None:
    assert capabilities(name, model) is not None
    plain = Request(messages=({"role": "user", "content": "hi"},), params={"max_tokens": 1024})
    assert objections(plain, provider=provider(name), model=model) == []


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
def test_an_unknown_model_has_no_limits(model: str) -> None:
    assert capabilities("apimart", model) is None


def test_a_recorded_model_has_no_limits() -> None:
    assert capabilities("recorded", "claude-opus-4-6") is None


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-5-5", 512),
        ("claude-sonnet-4-5-20250929", 1024),
        ("claude-opus-4-7", 2048),
        ("anthropic/claude-haiku-4.5", 4096),
        ("gpt-4.1", None),
    ],
)
def test_the_shortest_cacheable_prompt_is_known(model: str, tokens: int | None) -> None:
    known = capabilities("any", model)

    assert known is not None
    assert known.cache_minimum_tokens == tokens


def test_only_models_before_4_5_have_no_output_config_and_only_those_after_4_6_the_new_tokenizer() -> None:
    old = ["claude-opus-4-1-20250805", "claude-sonnet-4"]
    middle = ["claude-haiku-4-5", "claude-opus-4-6", "claude-sonnet-4-6"]
    new = ["claude-opus-4-7", "claude-sonnet-5", "claude-haiku-5-5"]
    found = {model: capabilities("any", model) for model in [*old, *middle, *new]}

    assert [model for model, known in found.items() if known and not known.output_config] == old
    assert [model for model, known in found.items() if known and known.dense_tokens] == new


def test_a_gateway_without_an_entry_has_no_rules_of_its_own() -> None:
    assert (gateway("apimart").max_stop_sequences, gateway("ofox").url_images) == (4, False)
    assert (gateway("lab").max_stop_sequences, gateway("lab").url_images, gateway("lab").unknown_params) == (
        None,
        True,
        (),
    )
