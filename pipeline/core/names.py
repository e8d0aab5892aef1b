"""Words on disk, terminal and pages: slugs for folders, control characters made harmless, counts with their nouns."""

from __future__ import annotations

import json
import re
from hashlib import blake2b

_NOT_SLUG = re.compile(r"[^a-z0-9._-]+")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def slug(name: str) -> str:
    """Make a folder name of `name`; where they differ, 8 digits of its hash keep two names apart."""
    plain = _NOT_SLUG.sub("-", name.lower()).strip("-.")[:60]
    if plain == name:
        return plain
    suffix = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{plain}-{suffix}" if plain else suffix


def printable(text: str) -> str:
    """Show control, direction and invisible characters as `\\xNN` or `\\uNNNN`, so no terminal obeys them."""
    return _CONTROL.sub(_escape, text)


def number_of(number: int, noun: str) -> str:
    """Write a count with its noun: `1 row`, `1,200 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def printable_line(text: str) -> str:
    """Show it on one line: a name or a message of somebody else cannot begin a line that seems to be ours."""
    return " ".join(printable(text).split())


def printable_json(text: str) -> str:
    """Write the same characters within JSON as JSON escapes: it holds the same values, and no terminal obeys it."""
    return _CONTROL.sub(lambda match: json.dumps(match.group())[1:-1], text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65_536 else f"\\U{code:08x}"
