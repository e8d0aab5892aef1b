"""What a model was asked, as text: for pages and for judges."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipeline.core.records import Block


def content_text(content: str | Sequence[Block]) -> str:
    """A turn's content as text; pictures and documents are named, not shown."""
    return content if isinstance(content, str) else "\n".join(map(_block_text, content))


def _block_text(block: Block) -> str:
    kind = block.get("type")
    if kind == "text":
        return str(block["text"])
    if kind in ("image", "document"):
        return _medium_text(block, kind)
    if isinstance(block.get("content"), list):
        block = {**block, "content": [_block_text(inner) for inner in block["content"]]}
    return json.dumps(block, ensure_ascii=False)


def _medium_text(block: Block, kind: str) -> str:
    marker = block["source"].get("marker")
    if marker is not None:
        return str(marker)
    title = block.get("title")
    return f"[{kind}: {title}]" if title else f"[{kind}]"


class Markers:
    """Stands in for the reader of pictures and documents: they are not read again, but named."""

    def image_source(self, value: Any) -> Block:
        """A picture's name."""
        return _marker("image", value)

    def document_source(self, value: Any) -> Block:
        """A document's name."""
        return _marker("document", value)


def _marker(noun: str, value: Any) -> Block:
    named = value["path"] if isinstance(value, dict) and value.get("path") else value
    shown = named if isinstance(named, str) and len(named) <= 200 else type(value).__name__
    return {"type": "marker", "marker": f"[{noun}: {shown}]"}
