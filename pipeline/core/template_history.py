"""Histories: a list column of earlier turns, checked and passed on block for block."""

from __future__ import annotations

from typing import Any

from pipeline.core.records import Block, Message
from pipeline.core.template_errors import StructureError
from pipeline.core.template_marks import History

_ROLES = ("user", "assistant", "system")


def read_history(value: Any, label: str) -> History:
    """Check the value of `{% messages ... %}`; raises StructureError that says what was found instead."""
    if not isinstance(value, list | tuple):
        hint = "; a JSON text is read with `| fromjson`" if isinstance(value, str) else ""
        raise StructureError(f"{{% messages %}}: {label} is {_found(value)}, not a list of messages{hint}")
    return History(messages=tuple(_message(item, f"{label}, message {number}") for number, item in enumerate(value, 1)))


def _message(item: Any, place: str) -> Message:
    if not isinstance(item, dict):
        raise StructureError(f'{place} is {_found(item)}, not {{"role": ..., "content": ...}}')
    role = item.get("role")
    if role not in _ROLES:
        shown = repr(role) if isinstance(role, str) else _found(role)
        raise StructureError(f"{place}: the role is {shown}; it can be {', '.join(_ROLES)}")
    # Columns of structs give every message every key, null where it has none.
    others = [key for key, held in item.items() if key not in ("role", "content") and held is not None]
    if others:
        raise StructureError(f"{place} has the key {others[0]!r}, which no message of this protocol has")
    return {"role": role, "content": _content(item.get("content"), place)}


def _content(content: Any, place: str) -> str | list[Block]:
    if not isinstance(content, str | list | tuple):
        raise StructureError(f"{place}: the content is {_found(content)}, not a text or a list of blocks")
    if not content:
        raise StructureError(f"{place}: the content is empty")
    if isinstance(content, str):
        return content
    return [_block(block, f"{place}, block {number}") for number, block in enumerate(content, 1)]


def _block(block: Any, place: str) -> Block:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise StructureError(f'{place} is {_found(block)}, not a block with a "type"')
    if block["type"] == "text" and not isinstance(block.get("text"), str):
        raise StructureError(f"{place}: its text is {_found(block.get('text'))}")
    return {key: held for key, held in block.items() if held is not None}


def _found(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"an object with the keys {', '.join(map(repr, value)) or '(none)'}"
    return f"a {type(value).__name__}"
