"""The doctor asks the provider that is named, and by default its cheapest model that still lives."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.core.errors import UsageError
from pipeline.doctor.subject import find_subject

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LAB = """\
[providers.lab]
protocol = "anthropic-messages"
base_url = "http://127.0.0.1:9000"
"""


def price(model: str, cost: str, effective: str = "2026-01-01") -> str:
    return (
        f'[[providers.lab.prices]]\nmodel = "{model}"\neffective = {effective}\n'
        f'input = "{cost}"\noutput = "{cost}"\nsource = "a test"\n'
    )


def lab(folder: Path, more: str = "") -> Path:
    path = folder / "providers.toml"
    path.write_text(LAB + more)
    return path


def test_the_cheapest_model_of_the_day_is_asked(tmp_path: Path) -> None:
    prices = price("dear", "9") + price("cheap", "2") + price("tomorrow", "1", "2026-12-01")
    assert find_subject("lab", None, lab(tmp_path, prices), now=NOW).model == "cheap"
    assert find_subject("lab", "dear", lab(tmp_path, prices), now=NOW).model == "dear"


def test_a_retired_model_is_not_asked() -> None:
    # claude-3-5-haiku costs less than every living model of the catalog's gateway, and ended in February.
    asked = find_subject("anthropic", None, None, now=NOW).model
    assert "3-5" not in asked


@pytest.mark.parametrize("name", ["apimart", "ofox", "openai", "anthropic", "simulator"])
def test_every_provider_of_the_catalog_can_be_asked(name: str) -> None:
    found = find_subject(name, None, None, now=NOW)
    assert found.model
    assert found.has_key
    assert not found.keeps_limits


def test_without_prices_the_model_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--model"):
        find_subject("lab", None, lab(tmp_path), now=NOW)
    found = find_subject("lab", "m", lab(tmp_path), now=NOW)
    assert (found.model, found.has_key) == ("m", False)


def test_a_provider_that_does_not_exist_is_named_with_its_neighbour() -> None:
    with pytest.raises(UsageError, match="did you mean 'apimart'"):
        find_subject("apimrat", None, None, now=NOW)
    with pytest.raises(UsageError, match="nobody to ask"):
        find_subject("recorded", None, None, now=NOW)


@pytest.mark.parametrize(
    ("table", "keeps"),
    [
        ("", False),
        ("[providers.lab.limits]\nrequests_per_minute = 5\n", True),
        ("[providers.lab.models.m.limits]\nrequests_per_minute = 5\n", True),
        ("[providers.lab.models.other.limits]\nrequests_per_minute = 5\n", False),
    ],
)
def test_limits_of_the_users_own_are_noticed(tmp_path: Path, table: str, keeps: bool) -> None:
    assert find_subject("lab", "m", lab(tmp_path, table), now=NOW).keeps_limits == keeps
