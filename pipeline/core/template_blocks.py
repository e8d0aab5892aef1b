"""Content blocks that come from data: checked, freed of the nulls of struct columns, else passed on as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from pipeline.core.records import Block
from pipeline.core.template_errors import StructureError

_FIELDS: Final[dict[str, tuple[tuple[str, type], ...]]] = {
    "image": (("source", dict),),
    "document": (("source", dict),),
    "tool_use": (("id", str), ("name", str), ("input", dict)),
    "tool_result": (("tool_use_id", str),),
    "thinking": (("thinking", str),),
    "redacted_thinking": (("data", str),),
}
"""What a block of each type must have; types that are not here pass as they are."""
_SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "base64": ("media_type", "data"),
    "url": ("url",),
    "file": ("file_id",),
    "text": ("data",),
}
_IN_DOCUMENT: Final = ("text", "image")
_IN_RESULT: Final = ("text", "image", "document", "search_result", "tool_reference")
_KIND_NAMES: Final[dict[type, str]] = {str: "a text", dict: "an object"}
_HINTS: Final = {
    "source": '; a history holds complete blocks, with "source": {"type": "base64", ...}',
    "input": "; where it is a JSON text, keep the whole history as one and read it with `| fromjson`",
}


def read_content(content: Any, place: str) -> str | list[Block]:
    """Check the content of a message, a text or a list of blocks; raises StructureError."""
    if not isinstance(content, str | list | tuple):
        raise StructureError(f"{place}: the content is {found(content)}, not a text or a list of blocks")
    if not content:
        raise StructureError(f"{place}: the content is empty")
    if isinstance(content, str):
        return content
    blocks = [_block(block, f"{place}, block {number}") for number, block in enumerate(content, 1)]
    _require_json(blocks, place)
    return blocks


def read_document(value: Sequence[Any], place: str) -> list[Block]:
    """Check the blocks that a document is made of, where a text stands for its block; raises StructureError."""
    if not value:
        raise StructureError(f"{place}: the content is empty")
    items = ({"type": "text", "text": item} if isinstance(item, str) else item for item in value)
    blocks = [_block(item, f"{place}, block {number}", _IN_DOCUMENT) for number, item in enumerate(items, 1)]
    _require_json(blocks, place)
    return blocks


def _block(block: Any, place: str, kinds: Sequence[str] | None = None) -> Block:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise StructureError(f'{place} is {found(block)}, not a block with a "type"')
    kind = block["type"]
    if kinds is not None and kind not in kinds:
        raise StructureError(f"{place} is a {kind} block; here it can be {', '.join(kinds)}")
    held = _without_nulls(block)
    _check_fields(held, place)
    _check_cache(held, place)
    if kind in ("image", "document"):
        held["source"] = _source(held["source"], place)
    elif kind == "tool_result":
        _check_result(held, place)
    return held


def _check_fields(block: Block, place: str) -> None:
    kind = block["type"]
    if kind == "text" and not isinstance(block.get("text"), str):
        raise StructureError(f"{place}: its text is {found(block.get('text'))}")
    if kind == "text" and not block["text"]:
        raise StructureError(f"{place}: its text is empty")
    for name, wanted in _FIELDS.get(kind, ()):
        held = block.get(name)
        if held is None:
            raise StructureError(f"{place}: the {kind} has no {name!r}")
        if not isinstance(held, wanted):
            hint = _HINTS.get(name, "")
            raise StructureError(f"{place}: the {name} of the {kind} is {found(held)}, not {_KIND_NAMES[wanted]}{hint}")


def _source(source: Block, place: str) -> Block:
    source = _without_nulls(source)
    kind = source.get("type")
    if not isinstance(kind, str):
        raise StructureError(f'{place}: its source is {found(source)}, without a "type"')
    for name in _SOURCES.get(kind, ()):
        if not isinstance(source.get(name), str):
            raise StructureError(f"{place}: the {name} of its {kind} source is {found(source.get(name))}")
    if kind == "content" and not isinstance(source.get("content"), str):
        if not isinstance(source.get("content"), list | tuple):
            raise StructureError(f"{place}: the content of its source is {found(source.get('content'))}")
        source["content"] = read_document(source["content"], f"{place}, source")
    return source


def _check_result(block: Block, place: str) -> None:
    if not isinstance(block.get("is_error", False), bool):
        raise StructureError(f"{place}: is_error is {found(block['is_error'])}, not true or false")
    content = block.get("content")
    if content is None or isinstance(content, str):
        return  # A tool may have nothing to say.
    if not isinstance(content, list | tuple):
        raise StructureError(f"{place}: its content is {found(content)}, not a text or a list of blocks")
    block["content"] = [
        _block(inner, f"{place}, block {number}", _IN_RESULT) for number, inner in enumerate(content, 1)
    ]


def _check_cache(block: Block, place: str) -> None:
    cache = block.get("cache_control")
    if cache is None:
        return
    if not isinstance(cache, dict):
        raise StructureError(f'{place}: cache_control is {found(cache)}, not {{"type": "ephemeral"}}')
    if block["type"] in ("thinking", "redacted_thinking"):
        raise StructureError(f"{place}: a {block['type']} block takes no cache_control; mark the block after it")
    block["cache_control"] = _without_nulls(cache)


def _require_json(blocks: list[Block], place: str) -> None:
    """Dates, bytes and bottomless nesting would else fail when the request is sent, and with it the run."""
    try:
        orjson.dumps([[{"content": blocks}]], option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError as error:
        raise StructureError(f"{place} holds what JSON does not have: {error}") from None


def _without_nulls(fields: Block) -> Block:
    """Columns of structs give every block every key; a null there is a key that the block does not have."""
    return {key: held for key, held in fields.items() if held is not None}


def found(value: Any) -> str:
    """Name a value of the wrong kind."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"an object with the keys {', '.join(map(repr, value)) or '(none)'}"
    return f"a {type(value).__name__}"
