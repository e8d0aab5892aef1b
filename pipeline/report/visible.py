"""Makes any text safe to show: what is invisible or obeyed by browsers becomes a visible sign."""

from __future__ import annotations

import re

TEXT_LIMIT = 20_000
"""Characters of one text that a page shows."""

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0"  # hyphens and fillers without ink
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, direction, separators
    "\ud800-\udfff"  # lone surrogates, which UTF-8 cannot hold
    "\U000e0000-\U000e007f"  # tag characters, a way to hide instructions
    "]"
)


def visible(text: str) -> str:
    """Show controls as their pictures (`␛`) and other invisible characters as `⟨U+202E⟩`; tab and newline stay."""
    return _INVISIBLE.sub(_sign, text)


def is_visible(text: str) -> bool:
    """Whether `visible` would leave `text` as it is."""
    return _INVISIBLE.search(text) is None


def cut(text: str, limit: int = TEXT_LIMIT) -> tuple[str, int]:
    """Return the first `limit` characters, made visible, and how many characters were left out."""
    return visible(text[:limit]), max(0, len(text) - limit)


def one_line(text: str) -> str:
    """Return `text` made visible with all white space as single spaces, for places that hold one line."""
    return " ".join(visible(text).split())


def _sign(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
