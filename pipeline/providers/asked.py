"""What a request asks for, in the words that the rules of models and gateways use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pipeline.core.records import Block, Message, Request

SAMPLING = ("temperature", "top_p", "top_k")


def blocks(message: Message) -> Iterator[Block]:
    """Every content block of a turn, those inside of tool results included."""
    content = message["content"]
    for block in () if isinstance(content, str) else content:
        yield block
        inner = block.get("content")
        if block.get("type") == "tool_result" and isinstance(inner, list | tuple):
            yield from inner


def sources(request: Request, kind: str) -> Iterator[Mapping[str, Any]]:
    """The sources of every block of one kind: `image` or `document`."""
    for message in request.messages:
        for block in blocks(message):
            source = block.get("source")
            if block.get("type") == kind and isinstance(source, Mapping):
                yield source


def sampling(request: Request) -> list[str]:
    """The sampling parameters that are named."""
    return [name for name in SAMPLING if name in request.params]


def number(request: Request, name: str) -> int | float | Decimal | None:
    """A numeric parameter; None when it is absent or no number."""
    value = request.params.get(name)
    return value if isinstance(value, int | float | Decimal) else None


def thinking(request: Request) -> Mapping[str, Any]:
    """The thinking parameter; empty without one."""
    return _object(request, "thinking")


def thinking_type(request: Request) -> str | None:
    """The form of thinking that is asked for."""
    kind = thinking(request).get("type")
    return kind if isinstance(kind, str) else None


def output_config(request: Request) -> Mapping[str, Any]:
    """Effort and output format; empty without either."""
    return _object(request, "output_config")


def is_forced(request: Request) -> bool:
    """Whether tool_choice demands a call."""
    return _object(request, "tool_choice").get("type") in ("any", "tool")


def tools(request: Request) -> list[Mapping[str, Any]]:
    """The tools that are offered."""
    offered = request.params.get("tools")
    return [tool for tool in offered if isinstance(tool, Mapping)] if isinstance(offered, list | tuple) else []


def _object(request: Request, name: str) -> Mapping[str, Any]:
    value = request.params.get(name)
    return value if isinstance(value, Mapping) else {}
