"""Marks what differs between two answers, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+|\s+|[^\w\s]")
_MOST_STEPS = 40_000
_ALIKE = 0.25
"""Below this share of common signs two texts are different as a whole, and marks would only be noise."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, and whether the other text has it not."""

    text: str
    differs: bool


def differing_pieces(one: str, other: str) -> tuple[list[Piece], list[Piece]]:
    """Cut both texts into pieces that they share and pieces that they do not; nothing differs in unlike texts."""
    a, b = _WORDS.findall(one), _WORDS.findall(other)
    start = _shared(a, b)
    end = _shared(a[start:][::-1], b[start:][::-1])
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    blocks = _blocks(middle_a, middle_b)
    found = [(a[:start], False)], [(b[:start], False)]
    for kind, a1, a2, b1, b2 in blocks:
        found[0].append((middle_a[a1:a2], kind != "equal"))
        found[1].append((middle_b[b1:b2], kind != "equal"))
    found[0].append((a[len(a) - end :], False))
    found[1].append((b[len(b) - end :], False))
    pieces = _joined(found[0]), _joined(found[1])
    return (
        pieces if _alike(pieces[0], one) or _alike(pieces[1], other) else ([Piece(one, False)], [Piece(other, False)])
    )


def _shared(a: Sequence[str], b: Sequence[str]) -> int:
    for place, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return place
    return min(len(a), len(b))


def _blocks(a: Sequence[str], b: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(a) * len(b) > _MOST_STEPS:
        return [("replace", 0, len(a), 0, len(b))]
    return SequenceMatcher(None, a, b, autojunk=False).get_opcodes()


def _joined(found: Sequence[tuple[Sequence[str], bool]]) -> list[Piece]:
    return [Piece("".join(words), differs) for words, differs in found if words]


def _alike(pieces: Sequence[Piece], text: str) -> bool:
    same = sum(len(piece.text) for piece in pieces if not piece.differs)
    return same >= _ALIKE * max(1, len(text))
