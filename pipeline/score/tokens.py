"""Text to tokens, for the kinds that count what two texts share; every script is treated alike."""

from __future__ import annotations

import re
from unicodedata import category, normalize

from pipeline.score.verdicts import nfc

_UNSPACED = (
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x20000, 0x3FFFF),  # Han, later extensions
)
"""Scripts that write no spaces between words and whose characters carry meaning: each is a token of its own."""
_WIDE = (0xFF01, 0xFFEF)
"""Full-width letters and digits, half-width Katakana and Hangul."""


class _WordTable(dict[int, str]):
    """For str.translate: what parts words to a space, unspaced scripts apart; learns characters as it meets them."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if category(character)[0] not in "LNM":
            self[code] = " "
        elif any(first <= code <= last for first, last in _UNSPACED):
            self[code] = f" {character} "
        else:
            self[code] = character
        return self[code]


class _WideTable(dict[int, str]):
    """For str.translate: full-width and half-width forms to the usual ones."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = normalize("NFKC", character) if _WIDE[0] <= code <= _WIDE[1] else character
        return self[code]


_WORDS = _WordTable()
_USUAL_WIDTH = _WideTable()
_UNSPACED_CHARACTER = re.compile(f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in _UNSPACED)}]")


def usual_width(text: str) -> str:
    """`Ａ１` as `A1`, `ｶﾞ` as `ガ`, in NFC; the rest, the ideographic space included, as it is."""
    return text if text.isascii() else nfc(text.translate(_USUAL_WIDTH))


def word_tokens(text: str) -> list[str]:
    """Runs of letters, digits and marks; each Han, Hiragana and Katakana character alone; Hangul as it is spaced."""
    return text.translate(_WORDS).split()


def spaced_tokens(text: str) -> list[str]:
    """What white space parts, whatever it is; each Han, Hiragana and Katakana character alone."""
    return text.split() if text.isascii() else _UNSPACED_CHARACTER.sub(r" \g<0> ", text).split()


def characters(tokens: list[str]) -> list[str]:
    """Every character of `tokens` alone."""
    return [*"".join(tokens)]
