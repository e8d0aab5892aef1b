from __future__ import annotations

import pytest

from pipeline.core.errors import SettingsError
from pipeline.providers.catalog import load_catalog
from pipeline.providers.formats import wire_format


def test_the_catalog_names_the_documented_addresses_and_keys() -> None:
    found = {name: (entry.protocol, entry.base_url, entry.key_env) for name, entry in load_catalog().items()}

    assert found == {
        "apimart": ("anthropic-messages", "https://api.apimart.ai", "APIMART_API_KEY"),
        "ofox": ("anthropic-messages", "https://api.ofox.ai/anthropic", "OFOX_API_KEY"),
        "anthropic": ("anthropic-messages", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
        "openai": ("openai-chat", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        "simulator": ("anthropic-messages", "", None),
        "recorded": ("recorded", "", None),
    }


def test_entries_carry_their_own_name_and_no_prices() -> None:
    for name, entry in load_catalog().items():
        assert entry.name == name
        assert entry.prices == ()


def test_only_documented_limits_are_given() -> None:
    catalog = load_catalog()

    assert catalog["ofox"].limits.requests_per_minute == 100
    assert catalog["apimart"].limits.requests_per_minute is None


def test_openai_counts_and_names_tokens_its_own_way() -> None:
    openai = load_catalog()["openai"]

    assert (openai.accounting, openai.max_tokens_field, openai.auth) == ("openai", "max_completion_tokens", "bearer")


def test_a_caller_may_change_its_copy() -> None:
    load_catalog().clear()

    assert "ofox" in load_catalog()


@pytest.mark.parametrize("protocol", ["anthropic-messages", "openai-chat"])
def test_a_format_answers_to_its_name(protocol: str) -> None:
    assert wire_format(protocol).name == protocol


def test_a_protocol_that_sends_nothing_has_no_format() -> None:
    with pytest.raises(SettingsError, match="use one of: anthropic-messages, openai-chat"):
        wire_format("recorded")
