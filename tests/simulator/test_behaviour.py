"""What simulated models answer: seeded, skilled, natural, and within the limits of the request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest

from pipeline.simulator.answers import AnswerBook
from tests.support.simulator.exchanges import ask, body, exchange, text_of

QUESTIONS = [
    (f"A farmer has {n} sheep and buys {n % 7 + 2} more, then sells {n % 5}. How many are left in year {n}?", n)
    for n in range(11, 411)
]
BOOK = AnswerBook([(question, str(n + n % 7 + 2 - n % 5), None) for question, n in QUESTIONS], source="sheep")
NLI = AnswerBook(
    [(f"Premise number {n} about dogs.", ("entailment", "neutral", "contradiction")[n % 3], None) for n in range(90)],
    source="nli",
)


def answers(model: str, *, suffix: str = "", seed: int = 0, **changes: Any) -> list[str]:
    mind = exchange(answers=BOOK, seed=seed)
    return [text_of(ask(mind, body(q + suffix, model=model, **changes))[1]) for q, _ in QUESTIONS]


def last_number(text: str) -> Decimal | None:
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    return Decimal(found[-1].replace(",", "")) if found else None


def right(texts: Iterable[str]) -> list[bool]:
    return [last_number(text) == n + n % 7 + 2 - n % 5 for text, (_, n) in zip(texts, QUESTIONS, strict=True)]


def share(texts: Iterable[str]) -> float:
    marks = right(texts)
    return sum(marks) / len(marks)


def test_the_same_seed_gives_the_same_bytes_in_another_instance() -> None:
    for changes in ({}, {"temperature": 0}, {"model": "claude-opus-5"}):
        first = ask(exchange(answers=BOOK, seed=3), body(QUESTIONS[0][0], **changes))
        assert ask(exchange(answers=BOOK, seed=3), body(QUESTIONS[0][0], **changes)) == first


def test_another_seed_gives_other_answers() -> None:
    assert right(answers("sim-medium", seed=1)) != right(answers("sim-medium", seed=2))


def test_the_profile_changes_the_shape_and_not_the_answer() -> None:
    texts = {
        text_of(ask(exchange(answers=BOOK, profile=profile), body(QUESTIONS[5][0]))[1])
        for profile in ("anthropic", "apimart", "ofox")
    }
    assert len(texts) == 1


def test_what_was_asked_before_does_not_matter() -> None:
    mind = exchange(answers=BOOK)
    backwards = [text_of(ask(mind, body(q, model="sim-small"))[1]) for q, _ in reversed(QUESTIONS)]
    assert backwards[::-1] == answers("sim-small")


def test_identical_requests_differ_with_temperature_and_agree_without() -> None:
    warm, cold = exchange(answers=BOOK), exchange(answers=BOOK)
    question = QUESTIONS[3][0] + " Think step by step."
    assert len({text_of(ask(warm, body(question, temperature=1.0))[1]) for _ in range(12)}) > 3
    assert len({text_of(ask(cold, body(question, temperature=0))[1]) for _ in range(12)}) == 1
    ids = [ask(exchange(answers=BOOK), body(question))[1]["id"] for _ in range(2)]
    assert ids[0] == ids[1]


def test_skill_orders_the_models_near_their_levels() -> None:
    small, medium, large = (share(answers(f"sim-{size}")) for size in ("small", "medium", "large"))
    assert small == pytest.approx(0.55, abs=0.08)
    assert medium == pytest.approx(0.74, abs=0.08)
    assert large == pytest.approx(0.90, abs=0.06)
    assert small < medium < large


def test_asking_for_steps_helps() -> None:
    assert share(answers("sim-small", suffix="\nThink step by step.")) > share(answers("sim-small")) + 0.03


def test_models_agree_on_hard_and_easy_rows() -> None:
    small, large = right(answers("sim-small")), right(answers("sim-large"))
    lost = sum(s and not b for s, b in zip(small, large, strict=True))
    independent = len(small) * (sum(small) / len(small)) * (1 - sum(large) / len(large))
    assert lost < independent / 2


def test_both_gateways_spellings_are_one_model() -> None:
    one = right(answers("claude-sonnet-4-5-20250929"))
    other = right(answers("anthropic/claude-sonnet-4.5"))
    assert sum(a == b for a, b in zip(one, other, strict=True)) > 0.9 * len(one)


def test_wrong_labels_come_from_the_label_set() -> None:
    mind = exchange(answers=NLI)
    said = [
        text_of(ask(mind, body(f"Premise number {n} about dogs. Only the label.", model="sim-small"))[1])
        for n in range(90)
    ]
    plain = [text.strip('*."').lower() for text in said]
    assert set(plain) <= {"entailment", "neutral", "contradiction"}
    hits = sum(text == ("entailment", "neutral", "contradiction")[n % 3] for n, text in enumerate(plain))
    assert 30 < hits < 75


def test_small_models_add_more_formatting_noise_than_large_ones() -> None:
    def noisy(model: str) -> int:
        return sum(not re.fullmatch(r"\d+", text) for text in answers(model, suffix=" Give only the number."))

    assert noisy("sim-small") > 3 * noisy("sim-large") > 0


def test_steps_are_lines_that_end_in_the_answer() -> None:
    text = answers("sim-large", suffix=" Think step by step.")[0]
    *steps, final = text.splitlines()
    assert len(steps) >= 3
    assert "answer is" in final


def test_korean_prompts_get_korean_sentences() -> None:
    book = AnswerBook([("철수는 사과 3개와 배 4개가 있습니다. 모두 몇 개입니까?", "7", None)], source="t")
    text = text_of(
        ask(exchange(answers=book), body("철수는 사과 3개와 배 4개가 있습니다. 모두 몇 개입니까?\n단계별로 푸세요."))[1]
    )
    assert re.search("정답은 .*입니다", text)
    generic = text_of(ask(exchange(), body("안녕하세요, 오늘 기분이 어떠세요?"))[1])
    assert re.search("[가-힣]", generic)


def test_the_words_of_the_question_ask_for_no_steps_and_no_language() -> None:
    question = "How many steps do you explain, step by step, in 3 days?"
    book = AnswerBook([(question, "7", None)], source="t")
    plain = text_of(ask(exchange(answers=book), body(question))[1])
    assert "\n" not in plain
    korean = text_of(ask(exchange(answers=book), body(f"{question}\n풀이 과정을 한국어로 써 주세요."))[1])
    assert re.search("정답은 .*입니다", korean)


@pytest.mark.parametrize(
    ("instruction", "pattern"),
    [
        ("End with #### and the number.", r"####"),
        ("Put it into \\boxed{}.", r"\\boxed\{\d+\}"),
        ('Finish with "Answer: N".', r"Answer: \d"),
    ],
)
def test_demanded_formats_are_mostly_followed(instruction: str, pattern: str) -> None:
    texts = answers("sim-large", suffix=f"\n{instruction}")
    assert sum(bool(re.search(pattern, text)) for text in texts) > 0.9 * len(texts)


@pytest.mark.parametrize(
    ("prefill", "pattern"),
    [
        ("The answer is (", r"\d+\)\."),
        ("The answer is", r" \d+\."),
        ("#### ...", r" .+"),
        ('{"answer": "', r'\d+"\}'),
        ('{"answer":', r" \d+\}"),
        ("{", r'"answer": \d+\}'),
        ("So \\boxed{", r"\d+\}\."),
        ("정답은 (", r"\d+\)\."),
    ],
)
def test_a_prefill_is_continued(prefill: str, pattern: str) -> None:
    asked = body(model="sim-large")
    asked["messages"] = [{"role": "user", "content": QUESTIONS[0][0]}, {"role": "assistant", "content": prefill}]
    text = text_of(ask(exchange(answers=BOOK), asked)[1])
    assert re.fullmatch(pattern, text)


def test_a_replaying_book_answers_word_for_word() -> None:
    recorded = "  The **answer**:\n\n7 \\boxed{7}\u2028🙂"
    book = AnswerBook([("How many?", recorded, "their-model-7b")], source="t", replay=True)
    mind = exchange(answers=book)
    assert text_of(ask(mind, body("Q: How many?", model="their-model-7b"))[1]) == recorded
    assert text_of(ask(mind, body("Q: How many?", model="sim-small"))[1]) != recorded
    assert ask(mind, body("Q: How many?", model="their-model-8b"))[0] == 404


def test_a_replaying_book_gives_several_recordings_in_turn() -> None:
    book = AnswerBook([("How many?", "one", None), ("How many?", "two", None)], source="t", replay=True)
    mind = exchange(answers=book)
    assert [text_of(ask(mind, body("How many?"))[1]) for _ in range(3)] == ["one", "two", "one"]


def test_max_tokens_cuts_exactly_there() -> None:
    book = AnswerBook([("Tell me.", "one two three four five six", None)], source="t", replay=True)
    for limit, kept, reason in [(2, "one two", "max_tokens"), (6, "one two three four five six", "end_turn")]:
        _, message = ask(exchange(answers=book), body("Tell me.", max_tokens=limit))
        assert (text_of(message), message["stop_reason"]) == (kept, reason)
        assert message["usage"]["output_tokens"] == limit
    _, empty = ask(exchange(answers=book), body("Tell me.", max_tokens=0))
    assert (empty["content"], empty["stop_reason"], empty["usage"]["output_tokens"]) == ([], "max_tokens", 0)


def test_the_earliest_stop_sequence_ends_the_text_and_is_named() -> None:
    book = AnswerBook([("Tell me.", "one two three four", None)], source="t", replay=True)
    _, message = ask(exchange(answers=book), body("Tell me.", stop_sequences=["four", " three", "nothing"]))
    assert (text_of(message), message["stop_reason"], message["stop_sequence"]) == (
        "one two",
        "stop_sequence",
        " three",
    )
    _, chat = ask(exchange(answers=book), body("Tell me.", stop=" three"), route="chat")
    assert (chat["choices"][0]["message"]["content"], chat["choices"][0]["finish_reason"]) == ("one two", "stop")


def test_a_structured_answer_follows_its_schema_and_holds_the_answer() -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}, "why": {"type": "string"}},
        "required": ["answer", "why"],
        "additionalProperties": False,
    }
    check = jsonschema_rs.validator_for(schema)
    mind = exchange(answers=BOOK)
    config = {"format": {"type": "json_schema", "schema": schema}}
    filled = [
        json.loads(text_of(ask(mind, body(q, model="sim-large", output_config=config))[1])) for q, _ in QUESTIONS[:50]
    ]
    assert all(check.is_valid(value) for value in filled)
    hits = sum(value["answer"] == n + n % 7 + 2 - n % 5 for value, (_, n) in zip(filled, QUESTIONS, strict=False))
    assert hits > 35


def test_thinking_is_billed_inside_the_output() -> None:
    asked = body(QUESTIONS[0][0], max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 1024})
    _, message = ask(exchange(answers=BOOK), asked)
    usage = message["usage"]
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    assert 0 < usage["output_tokens_details"]["thinking_tokens"] < usage["output_tokens"]


def test_a_question_with_options_gets_one_of_them() -> None:
    text = text_of(ask(exchange(), body("Which is a sun god? (A) Sol (B) Helios (C) Moon"))[1])
    assert re.search(r"\(A\) Sol|\(B\) Helios|\(C\) Moon", text)
