"""Text made comparable: Unicode NFC always, the rest as the scorer's options ask."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from unicodedata import category

from pipeline.score.options import Options
from pipeline.score.tokens import usual_width
from pipeline.score.verdicts import nfc

_ARTICLE = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)
_QUOTES = frozenset({"Pi", "Pf"})
_PUNCTUATION = frozenset({"Pc", "Pd", "Ps", "Pe", "Po", "Sk"})
_WAVE = "\uff5e"
"""Written for the wave dash in Japanese and Korean, though Unicode calls it a symbol."""


class PunctuationTable(dict[int, str]):
    """For str.translate: drops punctuation; learns a character's category when it first meets it."""

    def __init__(self, dropped: str = "", *, separator: str = "") -> None:
        """`dropped` are further characters to drop; punctuation other than those and quotes becomes `separator`."""
        super().__init__(dict.fromkeys(map(ord, dropped), ""))
        self._separator = separator

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = category(character)
        if kind in _QUOTES:
            self[code] = ""
        else:
            self[code] = self._separator if kind in _PUNCTUATION or character == _WAVE else character
        return self[code]


WITHOUT_PUNCTUATION = PunctuationTable()


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """Which differences do not count. Case, punctuation and articles count unless asked otherwise."""

    strip: bool = True
    """White space at both ends."""
    collapse_whitespace: bool = True
    """Runs of white space, line breaks included, are one space."""
    ignore_case: bool = False
    """Unicode case folding: "Straße" equals "STRASSE"."""
    ignore_punctuation: bool = False
    """Unicode punctuation, the backtick and the caret; symbols such as + $ € are kept."""
    ignore_articles: bool = False
    """The English words a, an, the."""

    ignore_width: bool = False
    """Full-width and half-width forms: "Ａ１" equals "A1", "ｶﾞ" equals "ガ"."""

    @classmethod
    def from_options(cls, options: Options, defaults: Normalisation | None = None) -> Normalisation:
        """Read the options, which are named like the fields; `defaults` are those of the class."""
        chosen = defaults or cls()
        return cls(**{field.name: options.take_bool(field.name, getattr(chosen, field.name)) for field in fields(cls)})


def normalise(text: str, rules: Normalisation, *, punctuation: PunctuationTable = WITHOUT_PUNCTUATION) -> str:
    """Apply `rules` in the order width, case, punctuation, articles, white space (SQuAD's order)."""
    if rules.ignore_width:
        text = usual_width(text)
    if rules.ignore_case:
        text = text.casefold()
    text = nfc(text)
    if rules.ignore_punctuation:
        text = text.translate(punctuation)
    if rules.ignore_articles:
        text = _ARTICLE.sub(" ", text)
    if rules.collapse_whitespace:
        return _collapse(text, rules.strip)
    return text.strip() if rules.strip else text


def _collapse(text: str, strip: bool) -> str:
    words = " ".join(text.split())
    if strip or not text:
        return words
    if not words:
        return " "
    return " " * text[0].isspace() + words + " " * text[-1].isspace()
