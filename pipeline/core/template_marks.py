"""Marks: the pieces of a rendered template that are structure, not text, and that no text can imitate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

from pipeline.core.records import Block, Message
from pipeline.core.template_errors import NotText

Role = Literal["system", "user", "assistant"]


class Authored(str):
    """Text that stands in the template itself, so its white space at an element's edges may be taken off."""

    __slots__ = ()


class Mark:
    """Base of all marks. Not a str on purpose: joining one into a text fails instead of leaving a trace."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Mark):
    """An element begins."""

    role: Role
    line: int
    cache: Block | None = None
    """The cache_control of its last block."""
    blocks: bool = False
    """Content is an array of blocks even where a string would do."""


@dataclass(frozen=True, slots=True)
class Close(Mark):
    """The element ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakpoint(Mark):
    """A cache breakpoint after what stands before it."""

    cache: Block
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Mark):
    """Earlier turns, inserted whole."""

    messages: tuple[Message, ...]
    line: int


class Inserted(Mark):
    """A block that is no text, made by the function `name`; every way of making text of it fails."""

    __slots__ = ("block", "name")

    def __init__(self, block: Block, name: str) -> None:
        self.block = block
        self.name = name

    def __str__(self) -> NoReturn:
        raise NotText(
            f"{self.name}(...) must stand alone, as {{{{ {self.name}(column) }}}}; it cannot become part of a text"
        )

    __repr__ = __str__


def cache_control(ttl: str | None) -> Block:
    """The protocol's cache_control; without `ttl` the provider's 5 minutes hold."""
    return {"type": "ephemeral"} if ttl is None else {"type": "ephemeral", "ttl": ttl}
