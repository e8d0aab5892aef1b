"""The signs by which choices are named (A, ①, 가, 1), and where such a sign stands in an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "123456789"
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮"
_SYLLABLES = "가나다라마바사아자차카타파하"
_JAMO = "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"
_KANA = "アイウエオカキクケコサシスセソ"
_NEVER_A_WORD = _CIRCLED + _JAMO

# Patterns begin with one character class wherever they can: the regex engine then skips to the next candidate at once.
# Repetitions are bounded, so that no answer of a hundred thousand stars or line breaks takes quadratic time.
_MARKER = (
    r"[aAcCoO답정答正选選#](?:(?:(?i:(?<=a)nswer|(?<=c)hoice|(?<=o)ption)|(?<=정)답|(?<=답)안?|(?<=答)[案え]?|(?<=正)解)"
    r"\s{0,5}[*_]{0,4}\s{0,5}(?::|=|(?i:\bis\b):?|은|는|이|は|应该?[是为]|應該?[是為]|[是为為])"
    r"|(?<=[选選])(?<!不[选選])[择擇]?(?:[项項])?:?|(?<=#)###)"
)
_MARKER_WORDS = ("answer", "choice", "option", "정답", "답", "答", "正解", "选", "選", "####")
_CONFIRMED_WORDS = ("정답", "맞", "옳", "正解", "正し", "正确", "正確", "correct", "right", "best")
_PARTICLE = r"[가이은는을를입예이로와과번或和最项項]"
"""What may follow a letter that names a choice, of the characters that could also make a name of it (A형)."""
_OPENING = r"[\s*_\"'“‘(\[{<「$:]{0,40}(?:\\boxed\s?\{)?(?:\\text\s?\{)?(?i:(?:option|choice)\s{1,5})?[(\[*\"'“‘]{0,5}"
_CONTINUES = r"[^\W가-힣ぁ-ゖ一-鿿_]"
"""Letters that make a longer word of a letter before them; particles of Korean and Japanese do not, nor does Han."""
_MORE_HANGUL = r"(?<=[가-힣])(?!입니|이[다고며]|번|예요|[이가]\s)[가-힣]"
"""What makes a word of a syllable that could be a sign: 나쁜, 가장."""
_NOT_IT = r"(?!\s?[가이은는]?\s?아니|では?な|じゃな)"
"""After a sign: it is named as the one that is not chosen."""
_CONFIRMED = (
    r"(?:번|[项項])?(?:[가이은는がは]\s?(?:가장\s|最も)?|\s(?:is|are)\s(?:the\s)?(?:only\s|most\s)?|\s?)"
    r"(?:정답(?!\S{0,2}\s?아니)|맞(?![지는])|옳(?![지은])|正解(?!では?な)|正し[いく](?!な)|正[确確]|(?:correct|right|best)\b)"
)
"""After a sign: "is correct", "가 정답", "が正解", "项正确"."""
_CLOSING = r"(?=[^\S\n]{0,20}(?:$|[.,;:)\]}*\"'”’]))"


@dataclass(frozen=True, slots=True)
class SignFinder:
    """A pattern that captures a sign in its one group, and texts of which every match has one."""

    pattern: re.Pattern[str]
    needs: tuple[str, ...] = ()
    """In lower case; looked for first, as that is many times faster than the pattern. Empty: nothing is known."""
    begins: bool = True
    """A match begins with such a text, or one character before it."""

    def last(self, text: str, lowered: str) -> re.Match[str] | None:
        """The last match; `lowered` is the text in lower case."""
        start = 0
        if self.needs:
            places = [place for need in self.needs if (place := lowered.find(need)) != -1]
            if not places:
                return None
            if self.begins and len(lowered) == len(text):
                start = max(0, min(places) - 1)
        found = None
        for match in self.pattern.finditer(text, start):
            found = match
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SignPatterns:
    """Compiled patterns for one set of signs; each captures the sign in its one group, whatever its alternative."""

    whole: re.Pattern[str]
    """The answer is the sign and nothing else."""
    declared: SignFinder
    """After "answer is", "Answer:", "정답은", "답:", "####"."""
    boxed: SignFinder
    confirmed: SignFinder
    """Before "is correct", "가 정답", "が正解", "正确"."""
    leading: re.Pattern[str]
    """At the start of a line, followed by a bracket, a point or the line's end."""
    marked: tuple[SignFinder, ...]
    """In brackets, bold or quotes; "option B"; never anything but a sign (③); "3번"."""
    bare: SignFinder
    """A letter as a word of its own; "A dog" and "I think" are not."""


def sign_table(choices: Sequence[str]) -> Mapping[str, int] | None:
    """Which sign names which choice: the choices' own signs and, where they count from the start, other alphabets'.

    None when the choices are words. Digits name choices only where the choices themselves are digits or circled.
    """
    own = {choice.upper(): index for index, choice in enumerate(choices)}
    count = len(choices)
    for alphabet in (LETTERS, _CIRCLED, _SYLLABLES, _JAMO, _DIGITS, _KANA):
        if [*own] == [*alphabet[:count]]:
            alphabets = [LETTERS, _CIRCLED, _SYLLABLES, _JAMO]
            if alphabet in (_DIGITS, _CIRCLED):
                alphabets = [_DIGITS, _CIRCLED]
            if alphabet == _KANA:
                alphabets.append(_KANA)
            return {sign: index for signs in alphabets for index, sign in enumerate(signs[:count])}
    if all(len(choice) == 1 and choice.isascii() and choice.isalnum() for choice in own) and len(own) == count:
        return own
    return None


def sign_patterns(signs: Mapping[str, int]) -> SignPatterns:
    """Compile the patterns that find any of `signs`."""
    upper = _one_of(signs)
    either = _one_of([*signs, *(sign.lower() for sign in signs if sign.isascii())])
    unmistakable = [sign for sign in signs if sign in _NEVER_A_WORD]
    always = _one_of(unmistakable)
    plain = _one_of([sign for sign in signs if sign.isascii()])
    return SignPatterns(
        whole=re.compile(rf"[\W_]*({either})번?[\W_]*"),
        declared=SignFinder(
            re.compile(
                rf"{_MARKER}{_OPENING}({upper}(?!{_CONTINUES}|{_MORE_HANGUL})|{either}{_CLOSING}){_NOT_IT}", re.M
            ),
            _MARKER_WORDS,
        ),
        boxed=SignFinder(
            re.compile(rf"\\boxed\s?\{{\s{{0,5}}(?:\\text\w{{0,5}}\s?\{{)?\W{{0,5}}({either})\W{{0,5}}\}}"),
            ("\\boxed",),
        ),
        confirmed=SignFinder(
            re.compile(rf"({upper})(?<![\w'’].)[)\]」*\"'”’]{{0,5}}{_CONFIRMED}"), _CONFIRMED_WORDS, begins=False
        ),
        leading=re.compile(
            rf"^[^\S\n]{{0,20}}[*_(\[\"'“‘]{{0,5}}({either})"
            r"(?:[*_\"'”’]{0,4}[)\].:、．](?![0-9])|[*_]{0,4}[^\S\n]{0,20}$)",
            re.M,
        ),
        marked=(
            SignFinder(re.compile(rf"[(\[「*\"'“‘](?<!\w[(\[\"'“‘])\(?({either})(?=[)\]」]|\)?\.?\*\*|[\"'”’])")),
            SignFinder(
                re.compile(
                    rf"[OoCc](?<!\w[OoCc])(?:(?<=[Oo])ption|(?<=[Cc])hoice)\s{{1,5}}({upper}(?!\w)|{either}{_CLOSING})",
                    re.M,
                ),
                ("option", "choice"),
            ),
            SignFinder(re.compile(f"({always})"), tuple(unmistakable)),
            SignFinder(re.compile(rf"({plain})(?<!\w.)번"), ("번",)),
        ),
        bare=SignFinder(
            re.compile(
                rf"({plain})(?<![^\Wぁ-ヿ一-鿿].)(?<!['’].)(?<![0-9][.,].)(?!{_CONTINUES}|['’_]|[.,][0-9]|[가-힣一-鿿](?<!{_PARTICLE}))"
                r"(?!(?<=[AI])\s+(?!(?:is|or|and|because|since|as)\b)[a-z])"
            )
        ),
    )


def find_sign(text: str, patterns: SignPatterns) -> str | None:
    """The sign that `text` chooses, in upper case; None when none stands there.

    In this order: the answer is the sign alone; the last one declared ("the answer is B", "정답은 ③", "答案为B"); the
    last one boxed; one that leads the answer ("B) because ..."), unless other lines lead with other signs; the last
    one confirmed ("B is correct", "B가 정답"); the last one marked as a sign ("(B)"); the last bare one.
    """
    if match := patterns.whole.fullmatch(text):
        return match[1].upper()
    lowered = text.lower()
    return (
        _last_sign(text, lowered, patterns.declared)
        or _last_sign(text, lowered, patterns.boxed)
        or _leading_sign(text, patterns.leading)
        or _last_sign(text, lowered, patterns.confirmed)
        or _last_sign(text, lowered, *patterns.marked)
        or _last_sign(text, lowered, patterns.bare)
    )


def _leading_sign(text: str, pattern: re.Pattern[str]) -> str | None:
    first = pattern.match(text.lstrip())
    if first is None:
        return None
    rivals = {match[1].upper() for match in pattern.finditer(text)}
    return first[1].upper() if len(rivals) == 1 else None


def _last_sign(text: str, lowered: str, *finders: SignFinder) -> str | None:
    found = [match for finder in finders if (match := finder.last(text, lowered)) is not None]
    return max(found, key=lambda match: match.start(1))[1].upper() if found else None


def _one_of(signs: Mapping[str, int] | Sequence[str]) -> str:
    """A character class, as every sign is one character; without signs, one that matches nothing."""
    return f"[{''.join(map(re.escape, signs))}]" if signs else r"(?!)"
