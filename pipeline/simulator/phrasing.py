"""The words around an answer: language, steps, demanded formats, and the formatting noise of real models."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from pipeline.simulator.catalog import ModelCard

_HANGUL = re.compile("[\uac00-\ud7a3]")
_LETTER = re.compile("[A-Za-z]")
_LEAST_INSTRUCTION = 12
_STEPS = (
    *("step", "show your work", "show the work", "reasoning", "explain", "think through", "think it through"),
    *("think carefully", "단계", "풀이", "과정", "이유", "차근차근", "설명"),
)
_BARE = (
    *("only the", "only a ", "only one", "only with", "only your", "just the", "number only", "answer only"),
    *("letter only", "label only", "word only", "one word", "single word", "single letter", "single number"),
    *("nothing else", "숫자만", "답만", "라벨만", "기호만", "단어만", "숫자로만", "단어로만"),
)
_INTEGER = re.compile(r"-?\d+")
_LETTER_CHOICE = re.compile(r"[A-H]")
_CLOSINGS = {"(": ")", "[": "]", '"': '"', "'": "'", "`": "`", "“": "”"}
_NUMBERS = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")

_OPENINGS = {
    "en": (
        "Let's go through it step by step.",
        "Let me work this out.",
        "First, look at what is given.",
        "Step by step:",
    ),
    "ko": ("차근차근 풀어 보겠습니다.", "먼저 주어진 것을 정리하겠습니다.", "단계별로 살펴보겠습니다."),
}
_GIVEN = {"en": "The question gives {numbers}.", "ko": "문제에서 주어진 값은 {numbers}입니다."}
_FILLERS = {
    "en": (
        "These have to be combined in the order in which they happen.",
        "Nothing else in the text changes the outcome.",
        "Checking each part against the question, this holds together.",
        "Putting the parts together gives the result.",
    ),
    "ko": (
        "이 값들을 순서대로 결합해야 합니다.",
        "나머지 내용은 결과에 영향을 주지 않습니다.",
        "각 부분을 문제와 비교해 보면 서로 맞습니다.",
        "이를 모두 종합하면 결과가 나옵니다.",
    ),
}
_FINALS = {
    "en": ("The answer is {answer}.", "So the answer is {answer}.", "Therefore, the answer is {answer}."),
    "ko": ("정답은 {answer}입니다.", "따라서 정답은 {answer}입니다.", "그러므로 정답은 {answer}입니다."),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the prompt wants of the wording."""

    language: str
    """`en` or `ko`."""
    steps: bool
    bare: bool
    frame: str | None
    """A demanded form of the last line, with `{answer}` in it."""


def read_wish(text: str, question: str = "") -> Wish:
    """Read language, steps and format out of the prompt and its system text.

    The words of the `question` itself wish for nothing; its language counts where little else is said.
    """
    whole = text
    text = text.replace(question, " ") if question else text
    lower = text.lower()
    steps = any(phrase in lower for phrase in _STEPS)
    bare = any(phrase in lower for phrase in _BARE)
    spoken = text if len(text.strip()) >= _LEAST_INSTRUCTION else whole
    return Wish(language(spoken), steps, bare, _frame(text))


def language(text: str) -> str:
    """Tell Korean from the rest: a fifth of the letters in Hangul is Korean."""
    if text.isascii():
        return "en"
    hangul = len(_HANGUL.findall(text))
    return "ko" if hangul and hangul * 4 >= len(_LETTER.findall(text)) else "en"


def compose(answer: str, question: str, reasoning: str, wish: Wish, card: ModelCard, rng: random.Random) -> str:
    """Say `answer` in natural words; the answer stands last."""
    dressed = _dressed(answer, question, card, rng)
    if wish.frame is not None and rng.random() >= card.sloppiness / 2:
        final = wish.frame.format(answer=answer)
    elif wish.bare or (not wish.steps and rng.random() < 0.4):
        final = dressed
    else:
        final = rng.choice(_FINALS[wish.language]).format(answer=dressed)
    if not wish.steps or wish.bare:
        return final
    return "\n".join([*_steps(question, reasoning, wish.language, card, rng), final])


def wrong_reasoning(reasoning: str, true_answer: str, wrong: str) -> str:
    """Let a worked solution end in the wrong answer."""
    if not reasoning:
        return ""
    *lines, last = reasoning.splitlines()
    place = last.rfind(true_answer)
    changed = last[:place] + wrong + last[place + len(true_answer) :] if place >= 0 else last
    return "\n".join([*lines, changed])


def after_prefill(prefill: str, text: str, answer: str | None) -> str:
    """Continue `prefill`: never repeat it, and close what it opened."""
    if text.startswith(prefill):
        return text[len(prefill) :]
    if answer is None:
        return f" {text}"
    if prefill.lstrip().startswith("{"):
        return _rest_of_object(prefill, answer)
    if prefill.endswith("\\boxed{"):
        return f"{answer}}}."
    closing = _CLOSINGS.get(prefill[-1])
    if closing is not None:
        return answer.strip("()[]") + f"{closing}."
    return f" {text}" if prefill[-1] in ".!?" else f" {answer}."


def _rest_of_object(prefill: str, answer: str) -> str:
    """Finish a JSON object that the prefill began."""
    value = answer if _INTEGER.fullmatch(answer) else f'"{answer}"'
    if prefill.endswith('"'):
        return f'{answer}"}}'
    return f" {value}}}" if prefill.endswith(":") else f'"answer": {value}}}'


def _steps(question: str, reasoning: str, language: str, card: ModelCard, rng: random.Random) -> list[str]:
    if reasoning:
        return reasoning.splitlines()
    numbers = list(dict.fromkeys(match.rstrip(",") for match in _NUMBERS.findall(question)))[:4]
    lines = [rng.choice(_OPENINGS[language])]
    if numbers:
        lines.append(_GIVEN[language].format(numbers=", ".join(numbers)))
    fillers = list(_FILLERS[language])
    rng.shuffle(fillers)
    return (lines + fillers)[: card.lines + 1]


def _frame(text: str) -> str | None:
    if "####" in text:
        return "#### {answer}"
    if "\\boxed" in text:
        return "\\boxed{{{answer}}}"
    demanded = re.search(r"['\"“‘`](Answer|Final answer|정답|답): ?", text)
    return None if demanded is None else demanded[1] + ": {answer}"


def _dressed(answer: str, question: str, card: ModelCard, rng: random.Random) -> str:
    """Add the noise that real models add; never another answer."""
    if rng.random() >= card.sloppiness:
        return answer
    forms = [f"**{answer}**"]
    if _INTEGER.fullmatch(answer):
        if len(answer.lstrip("-")) > 3:
            forms.append(f"{int(answer):,}")
        if "$" in question and not answer.startswith("-"):
            forms += [f"${answer}", f"${answer}.00"]
        forms.append(f"{answer}.0" if card.sloppiness > 0.3 else f"*{answer}*")
    elif _LETTER_CHOICE.fullmatch(answer):
        forms += [f"({answer})", f"Answer: ({answer})"]
    else:
        forms += [f'"{answer}"', answer[:1].upper() + answer[1:]]
    return rng.choice(forms)
