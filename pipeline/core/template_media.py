"""What `image(...)` and `document(...)` put into a message: blocks whose content a media reader supplies."""

from __future__ import annotations

from typing import Any, Protocol

from jinja2 import Undefined

from pipeline.core.records import Block
from pipeline.core.template_blocks import read_document
from pipeline.core.template_errors import NotText, NullValue
from pipeline.core.template_marks import Inserted

MEDIA_OPTIONS: dict[str, frozenset[str]] = {
    "image": frozenset(),
    "document": frozenset({"text", "title", "context", "citations"}),
}
"""The functions that make blocks, each with the names it takes beside its value."""


class Media(Protocol):
    """Supplies the source of a block for the value of a column; raises DataError for what may not be sent."""

    def image_source(self, value: Any) -> Block:
        """Make the `source` of an image block."""

    def document_source(self, value: Any) -> Block:
        """Make the `source` of a document block."""


def image_block(media: Media, value: Any, label: str) -> Inserted:
    """`{{ image(column) }}`."""
    _require_value(value, f"{label} in image(...)")
    return Inserted({"type": "image", "source": media.image_source(value)}, "image")


def document_block(
    media: Media,
    value: Any,
    label: str,
    *,
    title: Any = "",
    context: Any = "",
    citations: Any = False,
) -> Inserted:
    """`{{ document(column) }}`; a list is a document of blocks, each of which can be cited by itself."""
    place = f"{label} in document(...)"
    _require_value(value, place)
    if isinstance(value, list | tuple):
        source: Block = {"type": "content", "content": read_document(value, place)}
    else:
        source = media.document_source(value)
    return _document(source, title, context, citations)


def text_document_block(
    value: Any, label: str, *, title: Any = "", context: Any = "", citations: Any = False
) -> Inserted:
    """`{{ document(text=column) }}`: the value is the document, not where to find it."""
    text = _text(value, f"{label} in document(text=...)")
    if not text.strip():
        raise NotText(f"{label} in document(text=...) is empty")
    return _document({"type": "text", "media_type": "text/plain", "data": text}, title, context, citations)


def _document(source: Block, title: Any, context: Any, citations: Any) -> Inserted:
    block: Block = {"type": "document", "source": source}
    for name, value in (("title", title), ("context", context)):
        text = _text(value, f"the {name} in document(...)")
        if text:
            block[name] = text
    _require_value(citations, "citations in document(...)")
    if not isinstance(citations, bool):
        raise NotText(f"citations in document(...) is a {type(citations).__name__}; it can be true or false")
    if citations:
        block["citations"] = {"enabled": True}
    return Inserted(block, "document")


def _text(value: Any, label: str) -> str:
    _require_value(value, label)
    if not isinstance(value, str):
        raise NotText(f"{label} is a {type(value).__name__}, not a text")
    return str(value)


def _require_value(value: Any, label: str) -> None:
    if value is None:
        raise NullValue(label)
    if isinstance(value, Undefined):
        str(value)
