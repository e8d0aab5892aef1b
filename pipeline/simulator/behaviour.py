"""What a simulated model answers: decided by the seed, the model and the request alone."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import orjson

from pipeline.simulator import chance, phrasing, slips, tokens, tool_use
from pipeline.simulator.asking import Answer, Asked, ToolCall
from pipeline.simulator.faults import Directives
from pipeline.simulator.schema_fill import Filler

if TYPE_CHECKING:
    from pipeline.simulator.answers import AnswerBook, Entry

_MODEL_NOISE = 0.10
_REQUEST_NOISE = 0.05
_STEPS_BONUS = 0.25
_SHARED_SLIPS = 0.5
_EMPTY_ANSWER_TOKENS = 2
_OPTION = re.compile(r"\(([A-H])\)\s*([^()\n]+)")
_REPLIES = {
    "en": (
        "Here is a short answer to that: {topic} comes down to a few plain points.",
        "Thanks for the question. On {topic}, the short version is that it depends on the details you care about.",
        "In brief: {topic} is best handled one piece at a time.",
    ),
    "ko": (
        "간단히 말씀드리면, {topic}에 대해서는 몇 가지 핵심만 알면 됩니다.",
        "질문해 주셔서 감사합니다. {topic}에 대한 답은 상황에 따라 달라집니다.",
        "요약하면, {topic}의 내용은 하나씩 살펴보는 것이 좋습니다.",
    ),
}
_IMAGE = {"en": "I can see the image you sent. ", "ko": "보내 주신 이미지를 확인했습니다. "}
_TOOL_RESULT = {"en": "Based on the tool's result: {result}", "ko": "도구의 결과에 따르면 다음과 같습니다: {result}"}
_BEFORE_TOOL = {"en": "I'll look that up.", "ko": "확인해 보겠습니다."}


def answer(asked: Asked, book: AnswerBook | None, directives: Directives, *, seed: int, draw: int) -> Answer:
    """Answer `asked`; `draw` counts identical requests where the temperature lets answers differ."""
    if directives.refusal:
        return Answer(text="", stop_reason="refusal", output_tokens=0)
    if asked.max_tokens == 0:
        return Answer(text="", stop_reason="max_tokens", output_tokens=0)
    if directives.empty:
        return Answer(text="", output_tokens=min(_EMPTY_ANSWER_TOKENS, asked.max_tokens))
    rng = chance.generator(seed, "words", asked.model_id, asked.key, draw)
    entry = book.find(asked.user_text, asked.model_id) if book is not None else None
    call = tool_use.choose(asked, rng)
    if call is not None:
        return _tool_answer(asked, call)
    if entry is not None and entry.recorded:
        return _finished(asked, entry.recorded[draw % len(entry.recorded)], thinking=None, halve=directives.max_tokens)
    wish = phrasing.read_wish(f"{asked.system_text}\n{asked.user_text}", "" if entry is None else entry.question)
    said = None
    if entry is not None and book is not None:
        steps = wish.steps or asked.thinks
        right = solves(asked, entry.question, seed=seed, draw=draw, steps=steps)
        said = entry.answer if right else _slip(asked, entry, book, seed=seed, draw=draw)
    text, thinking = _worded(asked, entry, said, wish, rng)
    if asked.prefill and asked.schema is None:
        text = phrasing.after_prefill(asked.prefill, text, said)
    return _finished(asked, text, thinking=thinking, halve=directives.max_tokens)


def solves(asked: Asked, question: str, *, seed: int, draw: int, steps: bool) -> bool:
    """Whether the model gets the question right.

    Difficulty belongs to the question, so that models agree on hard and easy rows; noise to the model, and a
    little to the very request.
    """
    card = asked.card
    level = card.skill + (_STEPS_BONUS * (1.0 - card.skill) if steps else 0.0)
    level += _MODEL_NOISE * chance.normal(seed, "model", card.name, question)
    level += _REQUEST_NOISE * chance.normal(seed, "request", card.name, asked.key, draw)
    return level > chance.unit(seed, "difficulty", question)


def _slip(asked: Asked, entry: Entry, book: AnswerBook, *, seed: int, draw: int) -> str:
    """Give a wrong answer; the popular one, half of the time, so that models err alike."""
    shared = chance.unit(seed, "popular", entry.question, asked.card.name) < _SHARED_SLIPS
    who = "everyone" if shared else f"{asked.card.name} {draw}"
    return slips.wrong_answer(
        entry.answer,
        entry.question,
        labels=book.labels,
        alternatives=book.alternatives,
        rng=chance.generator(seed, "slip", entry.question, who),
    )


def _worded(
    asked: Asked, entry: Entry | None, said: str | None, wish: phrasing.Wish, rng: random.Random
) -> tuple[str, str | None]:
    """Put the answer into words; the second text is the thinking, if the model thinks."""
    if asked.schema is not None:
        filled = Filler(asked.schema, rng, prompt=asked.user_text, answer=said).fill()
        text = orjson.dumps(filled).decode()
    elif entry is None or said is None:
        text = _generic(asked, wish.language, rng)
    else:
        right = said == entry.answer
        reasoning = entry.reasoning if right else phrasing.wrong_reasoning(entry.reasoning, entry.answer, said)
        text = phrasing.compose(said, entry.question, reasoning, wish, asked.card, rng)
    if not asked.thinks:
        return text, None
    thought = phrasing.compose(
        said or "open", asked.user_text[:500], "", phrasing.Wish(wish.language, True, False, None), asked.card, rng
    )
    return text, thought


def _generic(asked: Asked, language: str, rng: random.Random) -> str:
    if asked.tool_result is not None:
        return _TOOL_RESULT[language].format(result=asked.tool_result[:500])
    seen = _IMAGE[language] if asked.image_count else ""
    options = _OPTION.findall(asked.user_text)
    if len(options) >= 2:
        letter, text = rng.choice(options)
        final = "정답은 ({0}) {1}입니다." if language == "ko" else "The answer is ({0}) {1}."
        return seen + final.format(letter, text.strip())
    words = asked.user_text.split()
    topic = " ".join(words[:6]).strip(".,?!;:\"'")[:60] or ("질문" if language == "ko" else "this")
    return seen + rng.choice(_REPLIES[language]).format(topic=f'"{topic}"')


def _tool_answer(asked: Asked, call: ToolCall) -> Answer:
    """Call a tool; with a forced call no text stands before it (protocol 1.7)."""
    text = "" if asked.tool_use == "any" else _BEFORE_TOOL[phrasing.language(asked.user_text)]
    cost = tokens.count(text + call.name + orjson.dumps(call.input).decode(), asked.card.tokens_per_piece)
    if cost > asked.max_tokens:
        call = ToolCall(name=call.name, input={})
        return Answer(text=text, tool_calls=(call,), stop_reason="max_tokens", output_tokens=asked.max_tokens)
    return Answer(text=text, tool_calls=(call,), stop_reason="tool_use", output_tokens=cost)


def _finished(asked: Asked, text: str, *, thinking: str | None, halve: bool) -> Answer:
    """Apply the limits: thinking within max_tokens, stop sequences, then max_tokens; `halve` forces a truncation."""
    per_piece = asked.card.tokens_per_piece
    limit = asked.max_tokens
    thought = 0
    if thinking is not None:
        thinking = tokens.cut(thinking, min(limit, asked.thinking_budget or limit), per_piece)
        thought = min(limit, tokens.count(thinking, per_piece))
    text, stop = _stopped(text, asked.stop_sequences)
    length = tokens.count(text, per_piece)
    if halve:
        limit = min(limit, thought + max(1, length // 2))
    if thought + length > limit or halve:
        kept = tokens.cut(text, limit - thought, per_piece)
        return Answer(
            text=kept, thinking=thinking, stop_reason="max_tokens", output_tokens=limit, thinking_tokens=thought
        )
    return Answer(
        text=text,
        thinking=thinking,
        stop_reason="end_turn" if stop is None else "stop_sequence",
        stop_sequence=stop,
        output_tokens=max(1, thought + length),
        thinking_tokens=thought,
    )


def _stopped(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(text.find(stop), stop) for stop in stops if stop and stop in text]
    if not found:
        return text, None
    place, stop = min(found, key=lambda item: item[0])
    return text[:place], stop
