from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.records import Usage
from pipeline.providers.usage import chat_usage, messages_usage


def classes(usage: Usage) -> tuple[int | None, ...]:
    return (
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.output_tokens,
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"input_tokens": 12, "output_tokens": 18}, (12, None, None, None, 18)),
        ({"input_tokens": 1, "cache_read_input_tokens": 0, "output_tokens": 2}, (1, 0, None, None, 2)),
        ({"input_tokens": 1, "cache_read_input_tokens": None, "output_tokens": 2}, (1, None, None, None, 2)),
        ({"input_tokens": 1, "cache_creation_input_tokens": 9, "output_tokens": 2}, (1, None, 9, None, 2)),
        (
            {
                "input_tokens": 1,
                "cache_creation_input_tokens": 9,
                "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
                "output_tokens": 2,
            },
            (1, None, 4, 5, 2),
        ),
        (
            {
                "input_tokens": 1,
                "cache_creation_input_tokens": 9,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 2,
            },
            (1, None, 9, 0, 2),
        ),
        ({"input_tokens": 12.0, "output_tokens": 18}, (12, None, None, None, 18)),
    ],
)
def test_messages_usage_is_read_class_by_class(raw: dict[str, Any], expected: tuple[int | None, ...]) -> None:
    usage = messages_usage(raw, {})

    assert classes(usage) == expected
    assert usage.source == "reported"
    assert usage.raw == raw


@pytest.mark.parametrize("nonsense", [-1, "7", 1.5, True, [1], 10**15, float("inf")])
def test_a_nonsense_count_is_unknown_and_flagged(nonsense: Any) -> None:
    usage = messages_usage({"input_tokens": 5, "output_tokens": nonsense}, {})
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (5, None, "missing")

    usage = messages_usage({"input_tokens": nonsense, "output_tokens": 5}, {})
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (None, 5, "missing")

    usage = chat_usage({"prompt_tokens": nonsense, "completion_tokens": 5}, {})
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (None, 5, "missing")


def test_a_nonsense_cache_count_leaves_the_input_unknown_so_nothing_is_priced_too_low() -> None:
    assert (
        messages_usage({"input_tokens": 5, "output_tokens": 5, "cache_read_input_tokens": -9}, {}).input_tokens is None
    )
    details = {"cached_tokens": "many"}
    chat = {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": details}
    assert chat_usage(chat, {}).input_tokens is None


@pytest.mark.parametrize("raw", [None, "none", [], 7])
def test_no_usage_is_missing_not_zero(raw: Any) -> None:
    for usage in (messages_usage(raw, {}), chat_usage(raw, {})):
        assert classes(usage) == (None,) * 5
        assert (usage.source, usage.raw) == ("missing", None)


def test_half_a_usage_is_missing() -> None:
    assert messages_usage({"input_tokens": 5}, {}).source == "missing"
    assert messages_usage({}, {}).source == "missing"


def test_thinking_is_a_part_of_the_output() -> None:
    raw = {"input_tokens": 1, "output_tokens": 90, "output_tokens_details": {"thinking_tokens": 80}}

    assert messages_usage(raw, {}).thinking_tokens == 80


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"prompt_tokens": 20, "completion_tokens": 9}, (20, None, None, None, 9)),
        (
            {
                "prompt_tokens": 20,
                "completion_tokens": 9,
                "total_tokens": 29,
                "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2},
            },
            (10, 8, 2, None, 9),
        ),
        ({"prompt_tokens": 20, "completion_tokens": 9, "prompt_tokens_details": None}, (20, None, None, None, 9)),
        ({"prompt_tokens": 20, "completion_tokens": 9, "prompt_cache_hit_tokens": 16}, (4, 16, None, None, 9)),
        (
            {
                "prompt_tokens": 20,
                "completion_tokens": 9,
                "total_tokens": 29,
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            (20, None, None, None, 9),
        ),
        (
            {
                "prompt_tokens": 20,
                "completion_tokens": 9,
                "total_tokens": 34,
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            (20, None, None, None, 14),
        ),
    ],
)
def test_chat_usage_is_split_into_classes_that_do_not_overlap(
    raw: dict[str, Any], expected: tuple[int | None, ...]
) -> None:
    usage = chat_usage(raw, {})

    assert classes(usage) == expected
    assert usage.source == "reported"


def test_more_cached_than_asked_is_rejected() -> None:
    usage = chat_usage({"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}, {})

    assert (usage.input_tokens, usage.source) == (None, "missing")


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_classes_of_a_chat_answer_add_up_to_the_prompt(fresh: int, cached: int, written: int, out: int) -> None:
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    prompt = fresh + cached + written
    usage = chat_usage({"prompt_tokens": prompt, "completion_tokens": out, "prompt_tokens_details": details}, {})

    assert classes(usage) == (fresh, cached, written, None, out)
