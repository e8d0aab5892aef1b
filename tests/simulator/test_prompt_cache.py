"""The prompt cache by a manual clock: what is written, read, too early, expired and refreshed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.simulator.exchange import Exchange
from pipeline.simulator.replies import Reply
from tests.support.clock import ManualClock
from tests.support.simulator.exchanges import HEADERS, ask, body, exchange, reply_to, serve

SHORT: dict[str, Any] = {"type": "ephemeral"}
LONG: dict[str, Any] = {"type": "ephemeral", "ttl": "1h"}
# 1,500 tokens by the simulator's tokenizer: a word of four letters is one.
WORDS = " ".join(["word"] * 1_500)
TOOL = {"name": "look", "description": "Looks things up", "input_schema": {"type": "object"}}


def marked(text: str = WORDS, control: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": text, "cache_control": control or SHORT}


def cached(control: dict[str, Any] | None = None, question: str = "Why?", **changes: Any) -> dict[str, Any]:
    """A request with a long system prompt that is to be cached."""
    return body(question, system=[marked(control=control)], **changes)


def usage(reply: Reply) -> tuple[int, int, int, int]:
    """Fresh input, written for 5 minutes, written for an hour, read."""
    told = json.loads(reply.body)["usage"]
    split = told["cache_creation"]
    written = (split["ephemeral_5m_input_tokens"], split["ephemeral_1h_input_tokens"])
    assert sum(written) == told["cache_creation_input_tokens"]
    return (told["input_tokens"], *written, told["cache_read_input_tokens"])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def mind(clock: ManualClock) -> Exchange:
    return exchange(clock)


def test_the_first_request_writes_and_the_next_reads(mind: Exchange) -> None:
    assert usage(serve(mind, cached())) == (9, 1_500, 0, 0)
    assert usage(serve(mind, cached(question="And why not?"))) == (11, 0, 0, 1_500)


def test_all_counts_together_are_the_whole_prompt(mind: Exchange) -> None:
    plain = json.loads(reply_to(mind, body("Why?", system=WORDS)).body)["usage"]["input_tokens"]
    assert sum(usage(serve(mind, cached()))) == plain
    assert sum(usage(serve(mind, cached()))) == plain


def test_an_entry_can_be_read_from_the_first_byte_of_its_answer(mind: Exchange) -> None:
    first = reply_to(mind, cached())
    second = reply_to(mind, cached(question="At the same time?"))
    assert usage(first)[1] == usage(second)[1] == 1_500
    mind.begun(first)
    assert usage(reply_to(mind, cached(question="Later?")))[3] == 1_500


def test_an_entry_lives_five_minutes_from_the_start_of_its_request(mind: Exchange, clock: ManualClock) -> None:
    first = reply_to(mind, cached())
    clock.advance(240)
    mind.begun(first)
    clock.advance(59)
    read = reply_to(mind, cached(question="One?"))
    assert usage(read)[3] == 1_500
    clock.advance(301)
    assert usage(reply_to(mind, cached(question="Two?")))[1] == 1_500


def test_every_use_begins_the_lifetime_anew(mind: Exchange, clock: ManualClock) -> None:
    serve(mind, cached())
    for question in ("One?", "Two?", "Three?"):
        clock.advance(299)
        assert usage(serve(mind, cached(question=question)))[3] == 1_500
    clock.advance(300)
    assert usage(serve(mind, cached(question="Four?"))) == (9, 1_500, 0, 0)


def test_an_hour_is_an_hour(mind: Exchange, clock: ManualClock) -> None:
    assert usage(serve(mind, cached(LONG))) == (9, 0, 1_500, 0)
    clock.advance(3_599)
    assert usage(serve(mind, cached(LONG)))[3] == 1_500
    clock.advance(3_600)
    assert usage(serve(mind, cached(LONG)))[2] == 1_500


def test_both_lifetimes_in_one_request_are_told_apart(mind: Exchange, clock: ManualClock) -> None:
    asked = body(messages=[{"role": "user", "content": [marked()]}], system=[marked("w " * 1_100, LONG)])
    fresh, short, long, read = usage(serve(mind, asked))
    assert (short, read) == (1_504, 0)
    assert long > 1_100
    clock.advance(301)
    assert usage(serve(mind, asked)) == (fresh, short, 0, long)


def test_an_hour_may_not_come_after_five_minutes(mind: Exchange) -> None:
    asked = body(messages=[{"role": "user", "content": [marked(control=LONG)]}], system=[marked()])
    status, answer = ask(mind, asked)
    assert status == 400
    assert answer["error"]["message"].startswith(
        "messages.0.content.0.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m'"
    )


@pytest.mark.parametrize("automatic", [False, True])
def test_there_are_at_most_four_breakpoints(mind: Exchange, automatic: bool) -> None:
    system = [marked("a"), marked("b"), marked("c"), marked("d")]
    asked = body(system=system, cache_control=SHORT) if automatic else body(system=[*system, marked("e")])
    status, answer = ask(mind, asked)
    assert status == 400
    assert answer["error"]["message"] == "A maximum of 4 blocks with cache_control may be provided. Found 5."
    assert ask(mind, body(system=system))[0] == 200


@pytest.mark.parametrize(
    ("model", "minimum"),
    [
        ("claude-opus-5", 512),
        ("claude-haiku-5-5", 512),
        ("claude-sonnet-4-5-20250929", 1_024),
        ("claude-opus-4-8", 1_024),
        ("claude-opus-4-7", 2_048),
        ("claude-haiku-4-5-20251001", 4_096),
        ("claude-opus-4-6", 4_096),
    ],
)
def test_shorter_prefixes_than_the_models_minimum_are_not_cached(mind: Exchange, model: str, minimum: int) -> None:
    per_piece = 1.3 if model in ("claude-opus-5", "claude-haiku-5-5", "claude-opus-4-8", "claude-opus-4-7") else 1.0
    pieces = -(-minimum * 10 // int(per_piece * 10))

    def written(words: int) -> int:
        system = [marked(" ".join(["word"] * words))]
        return usage(serve(mind, body("Why?", model=model, system=system, max_tokens=16)))[1]

    assert written(pieces - 2) == 0
    assert written(pieces) >= minimum


def test_a_changed_tool_loses_everything_and_a_changed_message_only_itself(mind: Exchange) -> None:
    def asked(tool: str, system: str, question: str) -> dict[str, Any]:
        return body(
            messages=[{"role": "user", "content": [marked(f"{question} {WORDS}")]}],
            system=[marked(f"{system} {WORDS}")],
            tools=[{**TOOL, "description": f"{tool} {WORDS}", "cache_control": SHORT}],
        )

    reads = [
        usage(serve(mind, asked(*parts)))[3]
        for parts in [("a", "a", "a"), ("a", "a", "a"), ("a", "a", "b"), ("a", "b", "a"), ("b", "a", "a")]
    ]
    assert reads[0] == reads[4] == 0
    assert reads[1] > reads[2] > reads[3] > 1_500


@pytest.mark.parametrize(
    ("change", "keeps_system"),
    [
        ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, True),
        ({"thinking": {"type": "enabled", "budget_tokens": 1_024}}, True),
        ({"speed": "fast"}, False),
    ],
)
def test_settings_invalidate_the_levels_they_touch(mind: Exchange, change: dict[str, Any], keeps_system: bool) -> None:
    asked = body(messages=[{"role": "user", "content": [marked()]}], system=[marked()], tools=[TOOL], max_tokens=4_096)
    serve(mind, asked)
    whole = usage(serve(mind, asked))[3]
    read = usage(serve(mind, {**asked, **change}))[3]
    assert 0 < read < whole if keeps_system else read == 0


def test_the_order_of_keys_inside_a_tools_input_counts_and_that_of_a_block_does_not(mind: Exchange) -> None:
    def asked(given: dict[str, int], *, turned: bool = False) -> dict[str, Any]:
        call: dict[str, Any] = {"type": "tool_use", "id": "t1", "name": "look", "input": given}
        call = dict(reversed(call.items())) if turned else call
        turns = [
            {"role": "user", "content": WORDS},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": WORDS}]},
        ]
        return body(messages=turns, tools=[TOOL], cache_control=SHORT)

    serve(mind, asked({"a": 1, "b": 2}))
    assert usage(serve(mind, asked({"a": 1, "b": 2}, turned=True)))[3] > 3_000
    assert usage(serve(mind, asked({"b": 2, "a": 1})))[3] == 0


def test_automatic_caching_follows_a_growing_conversation(mind: Exchange) -> None:
    turns: list[dict[str, Any]] = [{"role": "user", "content": WORDS}]
    first = usage(serve(mind, body(messages=turns, cache_control=SHORT)))
    assert first == (3, 1_504, 0, 0)
    turns += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Go on."}]
    assert usage(serve(mind, body(messages=turns, cache_control=SHORT))) == (3, 13, 0, 1_504)


@pytest.mark.parametrize(("added", "found"), [(20, True), (21, False)])
def test_a_breakpoint_looks_back_over_twenty_blocks(mind: Exchange, added: int, found: bool) -> None:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": WORDS}]
    serve(mind, body(messages=[{"role": "user", "content": blocks}], cache_control=SHORT))
    blocks += [{"type": "text", "text": f"part {number}"} for number in range(added)]
    read = usage(serve(mind, body(messages=[{"role": "user", "content": blocks}], cache_control=SHORT)))[3]
    assert (read == 1_504) is found


def test_keys_and_models_share_nothing(mind: Exchange) -> None:
    serve(mind, cached())
    other = {**HEADERS, "x-api-key": "another-key"}
    assert usage(serve(mind, cached(), headers=other))[3] == 0
    assert usage(serve(mind, cached(model="sim-large")))[3] == 0
    assert usage(serve(mind, cached()))[3] == 1_500


def test_a_request_that_failed_writes_nothing(mind: Exchange) -> None:
    serve(mind, cached(question="Why? [[sim:status=500]]"))
    assert usage(serve(mind, cached()))[3] == 0


def test_an_answer_of_no_tokens_warms_the_cache(mind: Exchange) -> None:
    assert usage(serve(mind, cached(max_tokens=0)))[1] == 1_500
    assert usage(serve(mind, cached()))[3] == 1_500


def test_thinking_blocks_hold_no_breakpoint(mind: Exchange) -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "c2ln", "cache_control": SHORT}
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c"},
    ]
    status, answer = ask(mind, body(messages=turns))
    assert status == 400
    assert answer["error"]["message"] == ("messages.1.content.0.thinking.cache_control: Extra inputs are not permitted")


def test_gateways_tell_the_counters_when_the_request_asks_for_caching() -> None:
    mind = exchange(profile="apimart")
    assert json.loads(serve(mind, cached(max_tokens=1)).body)["usage"] == {
        "input_tokens": 9,
        "cache_creation_input_tokens": 1_500,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    }


def test_the_ledger_knows_every_class_of_tokens(mind: Exchange) -> None:
    entry = serve(mind, cached(LONG)).entry
    assert entry is not None
    assert (entry.input_tokens, entry.cache_write_5m_tokens, entry.cache_write_1h_tokens) == (9, 0, 1_500)
    entry = serve(mind, cached(LONG)).entry
    assert entry is not None
    assert (entry.cache_read_tokens, entry.cache_write_tokens) == (1_500, 0)


@pytest.mark.parametrize(("words", "steps"), [(1_000, None), (1_030, 0), (1_024 + 128 * 3, 3)])
def test_chat_caches_by_itself_in_steps(words: int, steps: int | None) -> None:
    mind = exchange(profile="openai")
    text = " ".join(["word"] * words)

    def cached_tokens(question: str) -> int:
        reply = serve(mind, body(f"{text} {question}"), route="chat")
        told = json.loads(reply.body)["usage"]
        assert told["prompt_tokens_details"]["cached_tokens"] <= told["prompt_tokens"]
        assert told["total_tokens"] == told["prompt_tokens"] + told["completion_tokens"]
        return int(told["prompt_tokens_details"]["cached_tokens"])

    assert cached_tokens("Why?") == 0
    assert cached_tokens("How?") == (0 if steps is None else 1_024 + 128 * steps)


def test_chat_prompts_that_differ_at_their_beginning_share_nothing() -> None:
    mind = exchange(profile="openai")
    serve(mind, body(f"One {WORDS}"), route="chat")
    reply = serve(mind, body(f"Two {WORDS}"), route="chat")
    assert json.loads(reply.body)["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
