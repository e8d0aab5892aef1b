from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pipeline.core.records import Request
from pipeline.core.settings import ProviderSettings
from pipeline.providers.capabilities import capabilities
from pipeline.providers.objections import objections, output_objections
from tests.support.providers import provider

URL_IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
FILE_IMAGE = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
URL_DOCUMENT = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]
MARKED = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}


def asking(params: dict[str, Any] | None = None, *, content: Any = "hi", prefill: str = "") -> Request:
    turns: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if prefill:
        turns.append({"role": "assistant", "content": prefill})
    return Request(messages=tuple(turns), params=params or {})


def against(name: str, model: str, params: dict[str, Any] | None = None, **more: Any) -> list[str]:
    return objections(asking(params, **more), provider=provider(name), model=model)


@pytest.mark.parametrize("model", ["sim-unheard-of", "claude-foo", ""])
def test_nothing_is_said_of_an_unknown_model(model: str) -> None:
    assert against("apimart", model, {"max_tokens": 10**9, "temperature": 1, "top_p": 0.1}, prefill="(") == []


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
        ("apimart", "claude-opus-4-1-20250805-thinking", {"tools": TOOLS, "tool_choice": {"type": "any"}}, "thinking"),
        ("anthropic", "claude-opus-5-5", {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "f"}}, 'use "auto"'),
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
            {"tools": TOOLS, "tool_choice": {"type": "any"}, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            "cannot be combined with thinking",
        ),
        ("apimart", "claude-haiku-4-5", {"temperature": Decimal("1.5")}, "outside 0 to 1"),
        ("apimart", "claude-haiku-4-5", {"stream": "yes"}, "neither true nor false"),
        ("apimart", "claude-haiku-4-5", {"max_tokens": 0}, "below the least of apimart, 1"),
        ("anthropic", "claude-haiku-4-5", {"max_tokens": 0, "stream": True}, "cannot be combined with stream"),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"max_tokens": 0, "tools": TOOLS, "tool_choice": {"type": "any"}},
            "max_tokens = 0",
        ),
        ("openai", "gpt-4.1", {"top_k": 5}, "knows no top_k"),
        ("openai", "gpt-4.1", {"temperature": 2.5}, "outside 0 to 2"),
        ("openai", "o3", {"top_p": 0.5}, "leave top_p out"),
        ("openai", "gpt-5.4-mini", {"temperature": 0}, "leave temperature out"),
        ("anthropic", "claude-opus-4-1", {"output_config": {"effort": "low"}}, "has no output_config"),
        ("anthropic", "claude-sonnet-5-5", {"tools": TOOLS, "tool_choice": {"type": "any"}}, 'use "auto"'),
        ("anthropic", "claude-fable-5-1", {"tools": TOOLS, "tool_choice": {"type": "any"}}, 'use "auto"'),
        ("anthropic", "claude-sonnet-5", {"thinking": {"type": "between_tools"}}, "thinking.type"),
        ("anthropic", "claude-opus-5-5", {"thinking": {"type": "disabled"}}, "it takes: adaptive"),
        ("anthropic", "claude-haiku-3-5", {"thinking": {"type": "disabled"}}, "it takes: none"),
        ("anthropic", "claude-haiku-5-5", {"thinking": {"type": "disabled"}}, 'effort = "low"'),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"top_p": 0.5, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            "top_p from 0.95 to 1",
        ),
        ("apimart", "claude-unheard-of", {"tool_choice": {"type": "any"}}, "refused without tools"),
        ("openai", "gpt-4.1", {"tools": [], "tool_choice": {"type": "auto"}}, "refused without tools"),
        ("anthropic", "claude-haiku-4-5", {"tools": [{"name": "get weather", "input_schema": {}}]}, "tool name"),
        ("anthropic", "claude-haiku-4-5", {"tools": [{"name": "x" * 65, "input_schema": {}}]}, "1 to 64"),
        ("anthropic", "claude-haiku-4-5", {"tools": [{"name": "f"}, {"name": "f"}]}, "2 tools are called 'f'"),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"tools": [{"name": "f"}], "tool_choice": {"type": "tool", "name": "g"}},
            "use one of: f",
        ),
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
        ("apimart", "claude-haiku-4-5", {"stream": True}),
        ("apimart", "claude-haiku-4-5", {"stream": False}),
        ("anthropic", "claude-haiku-4-5", {"max_tokens": 0}),
        ("anthropic", "claude-haiku-4-5", {"tool_choice": {"type": "none"}}),
        ("anthropic", "claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}),
        ("anthropic", "claude-haiku-5-5", {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"tools": [{"name": "f-1_A"}], "tool_choice": {"type": "tool", "name": "f-1_A"}},
        ),
        ("openai", "claude-haiku-4-5", {"thinking": {"type": "adaptive"}}),
        ("openai", "gpt-5.4", {"temperature": 1, "max_tokens": 10**6}),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"top_p": 0.97, "max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        ),
    ],
)
def test_what_is_taken_meets_no_objection(name: str, model: str, params: dict[str, Any]) -> None:
    assert against(name, model, params) == []


def test_a_system_turn_in_the_middle_is_refused_by_the_older_models() -> None:
    turns = ({"role": "user", "content": "hi"}, {"role": "system", "content": "Be brief."})
    request = Request(messages=(*turns, {"role": "user", "content": "why?"}))
    for model in ("claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-7"):
        (objection,) = objections(request, provider=provider("anthropic"), model=model)
        assert "no system turn" in objection

    assert objections(request, provider=provider("anthropic"), model="claude-opus-4-8") == []
    assert objections(request, provider=provider("openai"), model="gpt-4.1") == []


def test_a_history_with_tool_calls_needs_its_tools_where_the_protocol_is_messages() -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]}
    bare = Request(messages=({"role": "user", "content": "hi"}, call, result))
    offered = replace(bare, params={"tools": [{"name": "f", "input_schema": {"type": "object"}}]})
    (objection,) = objections(bare, provider=provider("apimart"), model="claude-unheard-of")

    assert "no tools are offered" in objection
    assert objections(offered, provider=provider("apimart"), model="claude-unheard-of") == []
    assert objections(bare, provider=provider("openai"), model="gpt-4.1") == []


def test_a_budget_may_exceed_one_answer_where_thinking_goes_on_between_tools() -> None:
    request = asking({"max_tokens": 2048, "thinking": {"type": "enabled", "budget_tokens": 8192}})
    plain, model, name = provider("anthropic"), "claude-haiku-4-5", "interleaved-thinking-2025-05-14"
    always = replace(plain, headers={"Anthropic-Beta": f"files-api-2025-04-14, {name}"})

    assert len(objections(request, provider=plain, model=model)) == 1
    assert len(objections(request, provider=plain, model=model, beta=("files-api-2025-04-14",))) == 1
    assert objections(request, provider=plain, model=model, beta=(name,)) == []
    assert objections(request, provider=always, model=model) == []


@pytest.mark.parametrize(
    "model", ["anthropic/claude-opus-4.6", "claude-sonnet-4-6", "claude-opus-5", "claude-haiku-5-5"]
)
def test_a_prefill_is_refused_from_4_6_on(model: str) -> None:
    (objection,) = against("ofox", model, prefill="정답은 (")

    assert "prefill" in objection
    assert "user message" in objection


def test_a_prefill_is_taken_before_4_6_but_not_with_thinking_or_a_format() -> None:
    assert against("ofox", "anthropic/claude-sonnet-4.5", prefill="정답은 (") == []
    assert against("apimart", "claude-sonnet-4-5-20250929-thinking", prefill="정답은 (") != []
    form = {"output_config": {"format": {"type": "json_schema", "schema": {}}}}
    assert against("apimart", "claude-sonnet-4-5-20250929", form, prefill="정답은 (") != []


def test_images_by_url_are_refused_by_ofox_alone() -> None:
    (objection,) = against("ofox", "anthropic/claude-sonnet-4.5", content=[URL_IMAGE])

    assert "URL" in objection
    assert against("apimart", "claude-sonnet-4-5-20250929", content=[URL_IMAGE]) == []


def test_the_newer_protocol_version_takes_no_sampling_at_all() -> None:
    newer = replace(provider("anthropic"), headers={"Anthropic-Version": "2026-10-21"})
    found = objections(asking({"temperature": 1}), provider=newer, model="claude-haiku-4-5")

    assert len(found) == 1
    assert "2026-10-21" in found[0]


def test_a_providers_own_name_brings_no_gateway_rules() -> None:
    lab = ProviderSettings(name="lab", protocol="anthropic-messages", base_url="http://127.0.0.1")
    params = {"stop_sequences": list("abcde")}

    assert objections(asking(params, content=[URL_IMAGE]), provider=lab, model="claude-haiku-4-5") == []


def test_url_sources_are_found_in_tool_results_and_documents_too() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": [URL_IMAGE]}

    assert len(against("ofox", "x", {"tools": [{"name": "f"}]}, content=[result])) == 1
    assert "documents" in against("ofox", "x", content=[URL_DOCUMENT])[0]


def test_chat_completions_take_no_image_by_file_id_and_no_document_by_url() -> None:
    (image,) = against("openai", "gpt-4.1", content=[FILE_IMAGE])
    (document,) = against("openai", "gpt-4.1", content=[URL_DOCUMENT])

    assert "file id" in image
    assert "documents" in document


def test_at_most_four_cache_breakpoints_are_taken_the_automatic_one_included() -> None:
    automatic = {"cache_control": {"type": "ephemeral"}}

    assert against("anthropic", "claude-haiku-4-5", content=[MARKED] * 4) == []
    (found,) = against("anthropic", "claude-haiku-4-5", automatic, content=[MARKED] * 4)
    assert "5 cache breakpoints" in found


def test_a_prefill_ends_in_a_word() -> None:
    (found,) = against("apimart", "claude-haiku-4-5", prefill="The answer is ")

    assert "white space" in found


def test_the_newer_protocol_version_moves_documents_and_citations() -> None:
    newer = replace(provider("anthropic"), headers={"anthropic-version": "2026-10-21"})
    cited = {"type": "text", "text": "x", "citations": [{"type": "char_location"}]}
    request = Request(
        messages=(
            {"role": "user", "content": [cited]},
            {"role": "assistant", "content": [URL_DOCUMENT]},
            {"role": "user", "content": "go on"},
        )
    )
    found = objections(request, provider=newer, model="claude-haiku-4-5")

    assert [("citations" in sentence, "documents" in sentence) for sentence in found] == [(True, False), (False, True)]
    assert objections(request, provider=provider("anthropic"), model="claude-haiku-4-5") == []


def test_a_model_without_eyes_is_not_shown_images() -> None:
    known = capabilities("x", "claude-haiku-4-5")
    assert known is not None
    blind = replace(known, images=False)

    assert "sees no images" in next(iter(output_objections(asking(content=[URL_IMAGE]), blind, "m")))
    assert list(output_objections(asking(), blind, "m")) == []


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ({"type": "object", "properties": {}}, "schema of output_config.format is an object"),
        (
            {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "integer", "minimum": 1}}},
            "schema.properties.a of output_config.format has minimum",
        ),
        ({"type": "array", "items": {"type": "string", "maxLength": 3}}, "schema.items"),
        ({"anyOf": [{"type": "null"}, {"type": ["object", "null"]}]}, "schema.anyOf[1]"),
        ({"type": "array", "items": {"$ref": "#"}}, "refers to itself"),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {
                    "a": {"type": "array", "items": {"$ref": "#/$defs/b"}},
                    "b": {"items": {"$ref": "#/$defs/a"}},
                },
            },
            "refers to itself",
        ),
        (None, "needs a schema"),
    ],
)
def test_a_schema_outside_of_the_subset_is_refused_with_its_place(schema: Any, part: str) -> None:
    params = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    (found,) = against("anthropic", "claude-haiku-4-5", params)

    assert part in found
    assert against("openai", "gpt-4.1", params) == []


def test_a_schema_inside_of_the_subset_meets_no_objection() -> None:
    leaf = {"type": "object", "additionalProperties": False, "properties": {"a": {"enum": ["x", "y"]}}}
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"one": {"$ref": "#/$defs/leaf"}, "many": {"type": "array", "items": {"$ref": "#/$defs/leaf"}}},
        "$defs": {"leaf": leaf, "twig": {"$ref": "#/$defs/leaf"}},
    }

    form = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    assert against("anthropic", "claude-haiku-4-5", form) == []


def test_nonsense_values_are_left_to_the_provider() -> None:
    params = {
        "temperature": "hot",
        "top_p": [],
        "stop_sequences": 7,
        "max_tokens": "many",
        "tools": "all",
        "thinking": 1,
    }

    assert against("apimart", "claude-haiku-4-5", params) == [
        "claude-haiku-4-5 refuses temperature together with top_p; keep one of them"
    ]
