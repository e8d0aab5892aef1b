"""The kind `choice`: which of a few labels an answer chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline.core.records import Answer, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.figures import NO_COLUMNS, PassFail
from pipeline.score.options import Options
from pipeline.score.signs import LETTERS, SignPatterns, find_sign, sign_patterns, sign_table
from pipeline.score.tokens import usual_width
from pipeline.score.verdicts import last_match, nfc, no_match, pass_or_fail, unusable_reference

DEFAULT_CHOICES = ("A", "B", "C", "D", "E")
_AROUND_REFERENCE = " \t\r\n()[]{}.:*\"'"
_OPEN_ENDED = re.compile("[぀-ヿ一-鿿가-힣]")
"""Scripts that attach particles to a word, so that nothing can be asked of what follows a label."""
_SPACED_LETTER = "[^\\W぀-ヿ一-鿿가-힣]"
_UNSPACED = re.compile("[぀-ヿ一-鿿]")
_MARKER = (
    r"(?:answer|label|sentiment|정답|답안|답|答案|正解|答え)\s{0,5}[*_]{0,4}\s{0,5}(?::|=|\bis\b:?|은|는|이|は|应该?[是为]|應該?[是為]|[是为為])"
    r"[\s*_\"'“‘(\[{<「]{0,40}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(PassFail):
    """Passes when the answer chooses the label that the reference names; the verdict's label is the chosen one."""

    name: str
    choices: tuple[str, ...]
    """What labels are called in verdicts."""
    signs: Mapping[str, int]
    """Empty when the labels are words."""
    patterns: SignPatterns | None
    words: tuple[str, ...]
    """The labels where they are words, else the texts of the options; empty when neither is known."""
    options_column: str | None = None
    """The row's column with the texts of the options, a list in the order of the choices."""
    pattern: re.Pattern[str] | None = None

    @property
    def row_columns(self) -> frozenset[str]:
        """Where the texts of the options stand."""
        return NO_COLUMNS if self.options_column is None else frozenset({self.options_column})

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Compare the choice that `answer` makes with the one that `expected` names."""
        words = self.words
        if self.options_column is not None:
            texts = option_texts(row.get(self.options_column), len(self.choices))
            if texts is None:
                return unusable_reference(expected, f'the row has no list of texts in "{self.options_column}"')
            words = texts
        wanted = named_choice(expected or "", self.signs, words)
        if wanted is None:
            return unusable_reference(expected, f'"{(expected or "")[:80]}" is none of {", ".join(self.choices)}')
        reference = self.choices[wanted]
        narrowed = answer.text if self.pattern is None else last_match(self.pattern, answer.text)
        if narrowed is None:
            return no_match(reference, "the pattern matches nothing in the answer")
        chosen = find_choice(usual_width(narrowed), self.signs, self.patterns, words)
        if chosen is None:
            return no_match(reference, "no choice stands in the answer")
        label = self.choices[chosen]
        return pass_or_fail(chosen == wanted, extracted=label, expected=reference, label=label)


def find_choice(
    text: str, signs: Mapping[str, int], patterns: SignPatterns | None, words: tuple[str, ...]
) -> int | None:
    """Which choice `text` makes: by sign (see `find_sign`), else by word.

    Among words the last one declared ("the answer is positive", "정답: 부정") counts, else the last one that stands
    there, as conclusions come last. None when no choice is named.
    """
    if patterns is not None and (sign := find_sign(text, patterns)) is not None:
        return signs[sign]
    if not words:
        return None
    declared, standing = word_patterns(words)
    folded = text.casefold()
    found = declared.findall(folded) or standing.findall(folded)
    return _index_of(found[-1], words) if found else None


def named_choice(expected: str, signs: Mapping[str, int], words: tuple[str, ...]) -> int | None:
    """Which choice a reference names, by its sign ("B", "(b)", "③") or by the label's or option's whole text."""
    bare = usual_width(expected).strip()
    sign = bare.strip(_AROUND_REFERENCE).removesuffix("번").upper()
    if sign in signs:
        return signs[sign]
    return _index_of(bare.casefold(), words)


@lru_cache(maxsize=1024)
def word_patterns(words: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Compile what finds a declared and what finds a standing word in case-folded text.

    Longer words are tried first, so "not happy" is never read as "happy".
    """
    one_of = "|".join(_bounded(usual_width(word).casefold()) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"{_MARKER}({one_of})"), re.compile(rf"({one_of})")


def _index_of(folded: str, words: tuple[str, ...]) -> int | None:
    return next((index for index, word in enumerate(words) if usual_width(word).casefold() == folded), None)


def option_texts(value: object, count: int) -> tuple[str, ...] | None:
    """The row's option texts, at most `count`; None when the cell is no list of distinct, non-empty texts."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= count:
        return None
    texts = tuple(usual_width(text).strip() for text in value if isinstance(text, str) and text.strip())
    distinct = len({text.casefold() for text in texts})
    return texts if distinct == len(value) else None


def build_choice(settings: ScorerSettings) -> Choice:
    """Read the settings of kind `choice`; options: choices (default A to E), options, pattern, flags.

    `options` is a list with the choices' texts, or the name of a column that holds such a list.
    """
    options = Options(settings)
    options.no_function()
    options.need_expected()
    listed = options.take_texts("choices")
    texts, column = _take_options(options)
    choices = tuple(nfc(choice).strip() for choice in listed) or (tuple(LETTERS[: len(texts)]) or DEFAULT_CHOICES)
    if len(choices) < 2 or len({choice.casefold() for choice in choices}) < len(choices):
        options.refuse(f"choices must be at least two different labels, not {', '.join(choices)}")
    if texts and len(texts) != len(choices):
        options.refuse(f"{len(choices)} choices but {len(texts)} options; give each choice its text")
    signs = sign_table(choices)
    if signs is None and (texts or column):
        options.refuse("options belong to choices that are signs (A, B, C); remove them or the choices")
    scorer = Choice(
        name=settings.name,
        choices=choices,
        signs=signs or {},
        patterns=None if signs is None else sign_patterns(signs),
        words=choices if signs is None else texts,
        options_column=column,
        pattern=options.take_pattern(),
    )
    options.finish()
    return scorer


def _take_options(options: Options) -> tuple[tuple[str, ...], str | None]:
    if isinstance(options.settings.options.get("options"), str):
        return (), options.take_text("options", "")
    texts = tuple(usual_width(text).strip() for text in options.take_texts("options"))
    if len({text.casefold() for text in texts}) < len(texts):
        options.refuse(f"options holds the same text twice: {', '.join(texts)}")
    if len(texts) > len(LETTERS):
        options.refuse(f"options may hold {len(LETTERS)} texts, not {len(texts)}; name longer lists by choices")
    return texts, None


def _bounded(label: str) -> str:
    literal = re.escape(label)
    longer = r"\w" if _OPEN_ENDED.match(label[0]) else _SPACED_LETTER
    before = "" if _UNSPACED.match(label[0]) or not label[0].isalnum() else rf"(?<!{longer}{literal})"
    after = "" if _OPEN_ENDED.match(label[-1]) or not label[-1].isalnum() else rf"(?!{_SPACED_LETTER})"
    return literal + before + after
