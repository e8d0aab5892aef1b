"""Histories: a list column of earlier turns, checked and passed on block for block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from pipeline.core.records import Block, Message
from pipeline.core.template_blocks import found, read_content
from pipeline.core.template_errors import StructureError
from pipeline.core.template_marks import History

_ROLES = ("user", "assistant", "system")

_SPEAKERS: Final = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
}


def read_history(value: Any, label: str, line: int) -> History:
    """Check the value of `{% messages ... %}`; raises StructureError that says what was found instead."""
    if not isinstance(value, list | tuple):
        hint = "; a JSON text is read with `| fromjson`" if isinstance(value, str) else ""
        raise StructureError(f"{{% messages %}}: {label} is {found(value)}, not a list of messages{hint}")
    messages = tuple(_message(item, f"{label}, message {number}") for number, item in enumerate(value, 1))
    return History(messages=messages, line=line)


def require_tool_rounds(messages: Iterable[Message]) -> None:
    """Check that calls and results of tools belong together (protocol section 1.5); raises StructureError.

    The user turn after a call begins with the results of all of its calls. Neighbours of one role are one turn.
    """
    called: dict[str, int] = {}
    for _, turn in groupby(enumerate(messages, 1), key=lambda item: item[1]["role"]):
        blocks = [(number, block) for number, message in turn for block in _blocks_of(message)]
        results = [(number, block) for number, block in blocks if block.get("type") == "tool_result"]
        _require_answers(called, [block["tool_use_id"] for _, block in results])
        for (number, first), (_, result) in zip(blocks, results, strict=False):
            if first is not result:
                raise StructureError(
                    f"message {number} of the request: results of tools come first in their turn, "
                    f"and here a {first.get('type')} block stands before one"
                )
        for number, result in results:
            if result["tool_use_id"] not in called:
                raise StructureError(
                    f"message {number} of the request: the tool_result for {result['tool_use_id']!r} answers no "
                    "tool_use of the turn before it"
                )
        called = {block["id"]: number for number, block in blocks if block.get("type") == "tool_use"}
    _require_answers(called, [])


def _require_answers(called: dict[str, int], answered: Sequence[str]) -> None:
    for call, number in called.items():
        if call not in answered:
            raise StructureError(
                f"message {number} of the request: the tool_use {call!r} has no tool_result in the next user message"
            )


def _blocks_of(message: Message) -> list[Block]:
    content = message["content"]
    return [{"type": "text"}] if isinstance(content, str) else content


def _message(item: Any, place: str) -> Message:
    if not isinstance(item, dict):
        raise StructureError(f'{place} is {found(item)}, not {{"role": ..., "content": ...}}')
    role = item.get("role")
    if role not in _ROLES:
        shown = repr(role) if isinstance(role, str) else found(role)
        raise StructureError(f"{place}: the role is {shown}; it can be {', '.join(_ROLES)}")
    # Columns of structs give every message every key, null where it has none.
    others = [key for key, held in item.items() if key not in ("role", "content") and held is not None]
    if others:
        raise StructureError(f"{place} has the key {others[0]!r}, which no message of this protocol has")
    content = read_content(item.get("content"), place)
    if not isinstance(content, str):
        _require_speaker(content, role, place)
    return {"role": role, "content": content}


def _require_speaker(blocks: list[Block], role: str, place: str) -> None:
    for number, block in enumerate(blocks, 1):
        kind = block["type"]
        if role == "system" and kind != "text":
            raise StructureError(f"{place}, block {number} is a {kind} block; a system turn is text only")
        if _SPEAKERS.get(kind, role) != role:
            raise StructureError(f"{place}, block {number}: a {kind} block stands in a turn of the {_SPEAKERS[kind]}")
