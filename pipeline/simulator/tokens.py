"""The simulator's own tokenizer: text cut into pieces, so that counting and truncating agree exactly."""

from __future__ import annotations

import math
import re

_PIECES = re.compile(
    r" ?[A-Za-z]{1,6}"  # English prose comes out near 4 characters per token
    r"|\d{1,3}"
    r"| ?[\uac00-\ud7a3]"  # one Hangul syllable is about one token
    r"|\s+"
    r"|.",
    re.DOTALL,
)


def count(text: str, tokens_per_piece: float = 1.0) -> int:
    """Count the tokens of `text`; newer models use more tokens per piece."""
    return math.ceil(len(pieces(text)) * tokens_per_piece)


def pieces(text: str) -> list[str]:
    """Cut `text` into its pieces."""
    return _PIECES.findall(text)


def cut(text: str, limit: int, tokens_per_piece: float = 1.0) -> str:
    """Keep as much of `text` as costs at most `limit` tokens."""
    pieces = math.floor(limit / tokens_per_piece + 1e-9)
    if len(text) <= pieces:
        return text
    for number, match in enumerate(_PIECES.finditer(text)):
        if number == pieces:
            return text[: match.start()]
    return text
