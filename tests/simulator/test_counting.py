"""Counting a prompt in every form it may have, charging for it, and listing the models."""

from __future__ import annotations

import base64
import json
import struct
from decimal import Decimal
from typing import Any

import pytest

from pipeline.simulator import catalog
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.charges import cost_usd
from pipeline.simulator.exchange import Exchange
from pipeline.simulator.ledger import Entry, Ledger
from tests.support.simulator.exchanges import HEADERS, ask, body, exchange, reply_to, serve

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 280, 140) + b"\x08\x02\0\0\0"
).decode()
PDF = base64.b64encode(
    b"%PDF-1.4 << /Type /Pages /Count 3 >> << /Type /Page >> << /Type/Page >> << /Type /Page /Parent 1 0 R >>"
).decode()
TEXT = {"type": "text", "text": "one two three"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
CALL = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
TOOL = {"name": "look", "input_schema": {"type": "object"}}
BASE = 7
"""Of every prompt of one turn: 3 tokens for its frame, 4 for the turn."""


def counted(mind: Exchange, **fields: Any) -> int:
    asked = {"model": "sim-small", **fields}
    reply = mind.count_tokens(HEADERS, json.dumps(asked).encode())
    assert reply.status == 200, reply.body
    return int(json.loads(reply.body)["input_tokens"])


def of_blocks(*blocks: dict[str, Any]) -> int:
    return counted(exchange(), messages=[{"role": "user", "content": list(blocks)}]) - BASE


BLOCKS: list[tuple[dict[str, Any], int]] = [
    (TEXT, 3),
    (IMAGE, 50),
    ({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}, 1_568),
    ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, 1_568),
    ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "one two three"}}, 3),
    ({"type": "document", "title": "four", "source": {"type": "content", "content": [TEXT, IMAGE]}}, 54),
    ({"type": "document", "source": {"type": "content", "content": "one two three"}}, 3),
    (
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        3 * (2_000 + 1_568),
    ),
    ({"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}, 2_000 + 1_568),
    ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, 2_000 + 1_568),
]


@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_every_block_has_its_tokens(block: dict[str, Any], expected: int) -> None:
    assert of_blocks(block) == expected
    assert of_blocks({**block, "cache_control": {"type": "ephemeral"}}) == expected
    _, message = ask(exchange(), body(messages=[{"role": "user", "content": [block]}]))
    assert message["usage"]["input_tokens"] == expected + BASE


DOCUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"type": "base64", "media_type": "text/plain", "data": "x"}, "media_type: Input should be 'application/pdf'"),
    ({"type": "text", "media_type": "application/pdf", "data": "x"}, "media_type: Input should be 'text/plain'"),
    ({"type": "text", "media_type": "text/plain"}, "data: Field required"),
    ({"type": "url"}, "url: Field required"),
    ({"type": "content", "content": [{"type": "tool_use"}]}, "content.0: Input tag 'tool_use'"),
    ({"type": "ftp"}, "type: Input should be 'base64'"),
]


@pytest.mark.parametrize(("source", "message"), DOCUMENTS)
def test_wrong_documents_are_refused(source: dict[str, Any], message: str) -> None:
    content = [{"type": "document", "source": source}]
    status, answer = ask(exchange(), body(messages=[{"role": "user", "content": content}]))
    assert status == 400
    assert answer["error"]["message"].startswith(f"messages.0.content.0.source.{message}")


FORMS: list[dict[str, Any]] = [
    {"system": "one two three"},
    {"system": [TEXT, {**TEXT, "cache_control": {"type": "ephemeral"}}]},
    {"tools": [TOOL]},
    {"tools": [TOOL], "tool_choice": {"type": "any"}},
    {"tools": [{"type": "bash_20250124", "name": "bash"}]},
    {"output_config": {"effort": "low"}},
    {"thinking": {"type": "enabled", "budget_tokens": 1_024}},
    {"cache_control": {"type": "ephemeral"}},
    {
        "tools": [TOOL],
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [TEXT, CALL]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [TEXT, IMAGE]}]},
        ],
    },
]


@pytest.mark.parametrize("form", FORMS)
def test_the_count_is_what_the_answer_then_bills(form: dict[str, Any]) -> None:
    asked = body(**{"max_tokens": 2_000, **form})
    _, message = ask(exchange(), asked)
    del asked["max_tokens"]
    usage = message["usage"]
    whole = usage["input_tokens"] + usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
    assert counted(exchange(), **asked) == whole


def test_counting_knows_no_cache() -> None:
    mind = exchange()
    words = {"type": "text", "text": "word " * 1_500, "cache_control": {"type": "ephemeral"}}
    serve(mind, body(system=[words]))
    asked = {"system": [words], "messages": [{"role": "user", "content": "Hello, world"}]}
    assert counted(mind, **asked) > 1_500


def test_thinking_of_earlier_turns_is_not_counted() -> None:
    thinking = {"type": "thinking", "thinking": "word " * 500, "signature": "c2ln"}
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [thinking, TEXT]},
        {"role": "user", "content": "c"},
    ]
    with_it = counted(exchange(), messages=turns)
    turns[1] = {"role": "assistant", "content": [TEXT]}
    assert with_it == counted(exchange(), messages=turns)


PRICED: list[tuple[str, Entry, str]] = [
    ("claude-sonnet-4-5-20250929", Entry(model="", key="", status=200, input_tokens=1_000_000), "3"),
    (
        "claude-sonnet-4-5-20250929-thinking",
        Entry(model="", key="", status=200, input_tokens=10, output_tokens=100, cache_read_tokens=1_000),
        "0.00183",
    ),
    (
        "anthropic/claude-opus-5.5",
        Entry(model="", key="", status=200, cache_write_5m_tokens=1_000, cache_write_1h_tokens=1_000),
        "0.013",
    ),
    ("claude-haiku-5-5", Entry(model="", key="", status=200, input_tokens=100_000, output_tokens=10), "0.010005"),
    ("claude-haiku-5-5", Entry(model="", key="", status=200, input_tokens=100_001, output_tokens=10), "0.0500255"),
    ("claude-fable-5-1", Entry(model="", key="", status=200, cache_read_tokens=4_000_000), "1"),
]


@pytest.mark.parametrize(("model", "entry", "expected"), PRICED)
def test_charges_follow_the_price_list(model: str, entry: Entry, expected: str) -> None:
    assert cost_usd(catalog.load().by_id[model], entry) == Decimal(expected)


def test_a_model_without_a_price_costs_nobody_knows_what() -> None:
    card = ModelCard(name="x", ids=("x",))
    assert cost_usd(card, Entry(model="x", key="k", status=200, input_tokens=5)) is None


def test_every_listed_model_has_prices_in_the_usual_proportions() -> None:
    for card in catalog.load().cards:
        if card.retired:
            continue
        assert card.prices is not None, card.name
        assert card.prices.cache_write_5m == card.prices.input * Decimal("1.25"), card.name
        assert card.prices.cache_write_1h == card.prices.input * 2, card.name
        assert card.prices.output == card.prices.input * 5, card.name


def test_the_ledgers_total_is_the_sum_of_its_entries() -> None:
    mind, ledger = exchange(), Ledger()
    words = {"type": "text", "text": "word " * 1_500, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    entries = []
    for model in ("sim-small", "claude-sonnet-4-5-20250929"):
        for number in range(3):
            entry = serve(mind, body(f"row {number}", model=model, system=[words])).entry
            assert entry is not None
            ledger.book(entry)
            entries.append(entry)
    total = ledger.total
    assert (total.requests, total.answered, total.faults, total.unpriced) == (6, 6, 0, 0)
    for name in (
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
    ):
        assert getattr(total, name) == sum(getattr(entry, name) for entry in entries)
    assert total.cache_read_tokens == 2 * total.cache_write_1h_tokens > 0
    assert total.cost_usd == sum(entry.cost_usd or 0 for entry in entries) > 0


def test_pages_of_models_hang_together_in_both_directions() -> None:
    mind = exchange()

    def page(**query: str) -> dict[str, Any]:
        reply = mind.models(HEADERS, query)
        assert reply.status == 200
        loaded: dict[str, Any] = json.loads(reply.body)
        return loaded

    everything = [model["id"] for model in page(limit="1000")["data"]]
    first = page(limit="3")
    assert [model["id"] for model in first["data"]] == everything[:3]
    assert (first["has_more"], first["first_id"], first["last_id"]) == (True, everything[0], everything[2])
    second = page(limit="3", after_id=everything[2])
    assert [model["id"] for model in second["data"]] == everything[3:6]
    assert page(limit="3", before_id=everything[3])["data"] == first["data"]
    assert page(after_id=everything[-1]) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    assert mind.models(HEADERS, {"limit": "0"}).status == 400
    assert mind.models(HEADERS, {"after_id": "claude-foo"}).status == 400
    assert mind.models({"x-api-key": "k"}, {}).status == 400


def test_one_model_can_be_asked_for() -> None:
    reply = exchange().model(HEADERS, "claude-opus-5")
    assert json.loads(reply.body)["id"] == "claude-opus-5"
    assert exchange().model(HEADERS, "claude-foo").status == 404
    plain = json.loads(exchange(profile="ofox").model(HEADERS, "anthropic/claude-opus-4.6").body)
    assert (plain["id"], plain["object"]) == ("anthropic/claude-opus-4.6", "model")


def test_a_wrong_key_is_refused_on_every_route() -> None:
    wrong = {**HEADERS, "x-api-key": "wrong"}
    mind = exchange()
    replies = [mind.models(wrong, {}), mind.model(wrong, "sim-small"), mind.count_tokens(wrong, b"{}")]
    assert [reply.status for reply in [*replies, reply_to(mind, body(), headers=wrong)]] == [401] * 4
