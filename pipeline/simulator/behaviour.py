"""What a simulated model answers: decided by the seed, the model and the request alone."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from pipeline.simulator import book_json, chance, judging, phrasing, slips, tokens, tool_use
from pipeline.simulator.asking import Answer, Asked, ToolCall
from pipeline.simulator.faults import Directives
from pipeline.simulator.schema_fill import Filler

if TYPE_CHECKING:
    from pipeline.simulator.answers import AnswerBook, Entry

_PLAIN_JUDGE = judging.Manners()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A question that the book knows, and how this model fares with it."""

    entry: Entry
    right: bool
    book: AnswerBook
    slip_rng: random.Random


def answer(  # what a model is, and what it is asked
    asked: Asked,
    book: AnswerBook | None,
    directives: Directives,
    *,
    seed: int,
    draw: int,
    manners: judging.Manners = _PLAIN_JUDGE,
) -> Answer:
    """Answer `asked`; `draw` counts identical requests where the temperature lets answers differ."""
    if directives.refusal:
        return Answer(text="", stop_reason="refusal", output_tokens=0)
    if asked.max_tokens == 0:
        return Answer(text="", stop_reason="max_tokens", output_tokens=0)
    if directives.empty:
        return Answer(text="", output_tokens=min(_EMPTY_ANSWER_TOKENS, asked.max_tokens))
    judged = _judged(asked, book, directives, manners, seed)
    if judged is not None:
        return judged
    rng = chance.generator(seed, "words", asked.model_id, asked.key, draw)
    entry = book.find(asked.user_text, asked.model_id) if book is not None else None
    wish = phrasing.read_wish(f"{asked.system_text}\n{asked.user_text}", "" if entry is None else entry.question)
    known = None
    if book is not None and entry is not None and not entry.recorded:
        right = solves(asked, entry.question, seed=seed, draw=draw, steps=wish.steps or asked.thinks)
        slip_rng = _slip_rng(asked, entry, seed=seed, draw=draw)
        known = Known(entry=entry, right=right, book=book, slip_rng=slip_rng)
    calls = _calls(asked, known, rng)
    if calls:
        return _tool_answer(asked, calls, _thought(asked, None, wish, rng))
    if entry is not None and entry.recorded:
        return _finished(asked, entry.recorded[draw % len(entry.recorded)], thinking=None, halve=directives.max_tokens)
    said = None if known is None else _said(known)
    text = _worded(asked, known, said, wish, rng)
    thinking = _thought(asked, said, wish, rng)
    if asked.prefill and asked.schema is None:
        text = phrasing.after_prefill(asked.prefill, text, said)
    return _finished(asked, text, thinking=thinking, halve=directives.max_tokens)


def _judged(
    asked: Asked, book: AnswerBook | None, directives: Directives, manners: judging.Manners, seed: int
) -> Answer | None:
    """The answer of a judge, where a verdict is asked for by schema or forced tool."""
    tool = next((tool for tool in asked.tools if tool.name == asked.forced_tool), None)
    schema = asked.schema if tool is None else tool.schema
    if judging.asks_for_verdict(schema) is None or schema is None:
        return None
    if manners.echo:
        return _finished(asked, judging.echoed(asked) or "", thinking=None, halve=directives.max_tokens)
    verdict = judging.verdict(asked, schema, book, manners, seed=seed)
    if verdict is None:
        return None
    if tool is not None:
        return _tool_answer(asked, (ToolCall(name=tool.name, input=verdict),), None)
    return _finished(asked, orjson.dumps(verdict).decode(), thinking=None, halve=directives.max_tokens)


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


def _slip_rng(asked: Asked, entry: Entry, *, seed: int, draw: int) -> random.Random:
    """Draw for a wrong answer; the popular one, half of the time, so that models err alike."""
    shared = chance.unit(seed, "popular", entry.question, asked.card.name) < _SHARED_SLIPS
    who = "everyone" if shared else f"{asked.card.name} {draw}"
    return chance.generator(seed, "slip", entry.question, who)


def _said(known: Known) -> str:
    if known.right:
        return known.entry.answer
    return slips.wrong_answer(
        known.entry.answer,
        known.entry.question,
        labels=known.book.labels,
        alternatives=known.book.alternatives,
        rng=known.slip_rng,
    )


def _calls(asked: Asked, known: Known | None, rng: random.Random) -> tuple[ToolCall, ...]:
    """Make the calls that the book knows, with the model's skill; else those that the prompt is about."""
    callable_now = asked.tools and asked.tool_use != "none" and asked.tool_result is None
    meant = book_json.calls(known.entry.answer, asked) if known is not None and callable_now else ()
    if known is None or not meant:
        return tool_use.choose(asked, rng)
    return meant if known.right else book_json.slipped_calls(meant, asked, known.slip_rng)


def _worded(asked: Asked, known: Known | None, said: str | None, wish: phrasing.Wish, rng: random.Random) -> str:
    """Put the answer into words."""
    if asked.schema is not None or asked.any_json:
        return orjson.dumps(_structured(asked, known, said, wish, rng)).decode()
    if known is None or said is None or (asked.tool_result is not None and book_json.parse(said) is not None):
        return _generic(asked, wish.language, rng)
    reasoning = known.entry.reasoning
    if not known.right:
        reasoning = phrasing.wrong_reasoning(reasoning, known.entry.answer, said)
    return phrasing.compose(said, known.entry.question, reasoning, wish, asked.card, rng)


def _structured(asked: Asked, known: Known | None, said: str | None, wish: phrasing.Wish, rng: random.Random) -> Any:
    """Fill the demanded structure: with the book's own, where it has one that fits, else with the answer."""
    schema = asked.schema if asked.schema is not None else {"type": "object"}
    value = None if known is None else book_json.parse(known.entry.answer)
    if known is not None and value is not None and book_json.fits(value, schema):
        if known.right:
            return value
        return book_json.slipped_value(value, schema, alternatives=known.book.alternatives, rng=known.slip_rng)
    if asked.schema is None:
        return {"answer": said or _generic(asked, wish.language, rng)}
    return Filler(schema, rng, prompt=asked.user_text, answer=said).fill()


def _thought(asked: Asked, said: str | None, wish: phrasing.Wish, rng: random.Random) -> str | None:
    if not asked.thinks:
        return None
    steps = phrasing.Wish(wish.language, True, False, None)
    return phrasing.compose(said or "open", asked.user_text[:500], "", steps, asked.card, rng)


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


def _tool_answer(asked: Asked, calls: tuple[ToolCall, ...], thinking: str | None) -> Answer:
    """Call tools; with a forced call no text stands before it (protocol 1.7)."""
    per_piece = asked.card.tokens_per_piece
    thinking, thought = _limited_thought(asked, thinking)
    text = "" if asked.tool_use == "any" else _BEFORE_TOOL[phrasing.language(asked.user_text)]
    spelt = "".join(call.name + orjson.dumps(call.input).decode() for call in calls)
    cost = thought + tokens.count(text + spelt, per_piece)
    fits = cost <= asked.max_tokens
    if not fits:
        calls = (*calls[:-1], ToolCall(name=calls[-1].name, input={}))
    return Answer(
        text=text,
        thinking=thinking,
        tool_calls=calls,
        stop_reason="tool_use" if fits else "max_tokens",
        output_tokens=min(cost, asked.max_tokens),
        thinking_tokens=thought,
    )


def _limited_thought(asked: Asked, thinking: str | None) -> tuple[str | None, int]:
    """Cut thinking to its budget; also says what it costs."""
    if thinking is None:
        return None, 0
    limit = min(asked.max_tokens, asked.thinking_budget or asked.max_tokens)
    kept = tokens.cut(thinking, limit, asked.card.tokens_per_piece)
    return kept, min(limit, tokens.count(kept, asked.card.tokens_per_piece))


def _finished(asked: Asked, text: str, *, thinking: str | None, halve: bool) -> Answer:
    """Apply the limits: thinking within max_tokens, stop sequences, then max_tokens; `halve` forces a truncation."""
    per_piece = asked.card.tokens_per_piece
    limit = asked.max_tokens
    thinking, thought = _limited_thought(asked, thinking)
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
