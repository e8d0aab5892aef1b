"""A table as pages show it: columns, and entries that say what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["head", "name", "number", "strong", "judged", "text"]


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column."""

    text: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its text, a quieter line below it, and what it is."""

    text: str
    below: str = ""
    kind: Kind = "text"
    tone: str = ""
    """Of what is judged: better, worse, moved or unclear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table with its caption."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
