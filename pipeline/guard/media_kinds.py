"""What bytes are, and the source that carries them: pictures and documents that providers take."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.core.errors import DataError

Source = dict[str, str]
"""A block's source (protocol section 1.4)."""

_IMAGES_ACCEPTED = "accepted are PNG, JPEG, GIF and WebP"
_DOCUMENTS_ACCEPTED = "accepted are PDF and text in UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of media."""

    noun: str
    indefinite: str
    """The noun with its article."""
    data_example: str
    source: Callable[[bytes, str], Source]
    """Makes a source of content, whatever it is called; raises DataError with the name given."""
    declares: Callable[[str, str], bool]
    """Whether a declared media type fits the one that was found."""


def _image_source(content: bytes, name: str) -> Source:
    return _base64_source(_image_type(content, name), content)


def _image_type(content: bytes, name: str) -> str:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if b"<svg" in content[:1024].lower():
        raise DataError(f"{name}: SVG is not accepted, it can hold scripts; {_IMAGES_ACCEPTED}")
    raise DataError(f"{name} is not an image that can be sent: {_beginning(content)}; {_IMAGES_ACCEPTED}")


def _document_source(content: bytes, name: str) -> Source:
    if content.startswith(b"%PDF-"):
        return _base64_source("application/pdf", content)
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DataError(f"{name} is not a document that can be sent: {_beginning(content)}; {_DOCUMENTS_ACCEPTED}")
    if not text.strip():
        raise DataError(f"{name} is not a document that can be sent: it is empty")
    return {"type": "text", "media_type": "text/plain", "data": text}


def _base64_source(media_type: str, content: bytes) -> Source:
    return {"type": "base64", "media_type": media_type, "data": base64.b64encode(content).decode("ascii")}


def _beginning(content: bytes) -> str:
    return f"it begins with {content[:8].hex(' ')}" if content else "it is empty"


def _image_fits(declared: str, found: str) -> bool:
    return {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg"}.get(declared, declared) == found


def _document_fits(declared: str, found: str) -> bool:
    return declared == found or (found == "text/plain" and declared.startswith("text/"))


IMAGE = Kind(
    noun="image",
    indefinite="an image",
    data_example="data:image/...;base64,",
    source=_image_source,
    declares=_image_fits,
)
DOCUMENT = Kind(
    noun="document",
    indefinite="a document",
    data_example="data:application/pdf;base64, or data:text/plain;base64,",
    source=_document_source,
    declares=_document_fits,
)
