"""Images and documents that a row names: from one folder only, and never more than allowed."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.errors import DataError
from pipeline.core.names import printable
from pipeline.guard.folder import read_below, shown
from pipeline.guard.media_kinds import DOCUMENT, IMAGE, Kind, Source

MAX_MEDIA_BYTES = 20_000_000

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_DATA_URL = re.compile(r"data:([a-z0-9.+-]+/[a-z0-9.+-]+)(?:;charset=utf-8)?;base64,", re.IGNORECASE)
_FILE_ID = re.compile(r"file_[A-Za-z0-9_-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class MediaReader:
    """Reads images and documents below `root`, each at most `max_bytes` long."""

    root: Path
    max_bytes: int = MAX_MEDIA_BYTES

    def image_source(self, value: Any) -> Source:
        """Make a Messages image source (protocol section 1.4) of a dataset value; raises DataError.

        Accepted: a path inside `root`, a `data:image/...;base64,` URL, bytes, a dict with `bytes` or `path`, the
        `file_...` id of a file that the provider holds, and an http(s) URL, which is passed on and never fetched
        here. The bytes decide the media type, not the name.
        """
        return self._source(value, IMAGE)

    def document_source(self, value: Any) -> Source:
        """Make a Messages document source of a dataset value; raises DataError.

        Accepted is what `image_source` accepts, with a PDF or a text in UTF-8 in the place of the picture.
        """
        return self._source(value, DOCUMENT)

    def _source(self, value: Any, kind: Kind) -> Source:
        if isinstance(value, str):
            return self._from_text(value, kind)
        if isinstance(value, bytes):
            return self._from_bytes(value, f"the {kind.noun}", kind)
        if isinstance(value, dict) and value and value.keys() <= {"bytes", "path"}:
            return self._from_dict(value, kind)
        found = "null" if value is None else f"a {type(value).__name__}"
        raise DataError(f"{kind.indefinite} is a path, a URL, a file id or bytes, not {found}")

    def _from_dict(self, value: dict[str, Any], kind: Kind) -> Source:
        content, path = value.get("bytes"), value.get("path")
        if isinstance(content, bytes):
            return self._from_bytes(content, f"the {kind.noun}", kind)
        if content is None and isinstance(path, str):
            return self._from_text(path, kind)
        raise DataError(f"{kind.indefinite} dict holds `bytes` or a `path`; this one has neither")

    def _from_text(self, text: str, kind: Kind) -> Source:
        if _FILE_ID.fullmatch(text):
            return {"type": "file", "file_id": text}
        scheme = _SCHEME.match(text)
        if scheme is None:
            content = read_below(self.root, text, max_bytes=self.max_bytes, noun=kind.noun)
            return self._from_bytes(content, f"{kind.noun} {shown(text)}", kind)
        name = scheme[1].lower()
        if name in ("http", "https"):
            return {"type": "url", "url": _checked_url(text, kind)}
        if name == "data":
            return self._from_data_url(text, kind)
        raise DataError(
            f"{kind.noun} {shown(text)}: the scheme {name}: is not accepted; use a path inside "
            f"{printable(str(self.root))}, an http(s) URL or a data: URL"
        )

    def _from_data_url(self, text: str, kind: Kind) -> Source:
        place = f"{kind.noun} {shown(text)}"
        head = _DATA_URL.match(text)
        if head is None:
            raise DataError(f"{place}: a data URL must begin with {kind.data_example}")
        if len(text) - head.end() > (self.max_bytes + 2) // 3 * 4:
            raise DataError(f"{place}: more than {self.max_bytes:,} bytes")
        try:
            content = base64.b64decode(text[head.end() :], validate=True)
        except (binascii.Error, ValueError) as error:
            raise DataError(f"{place}: not base64: {error}") from error
        declared = head[1].lower()
        source = self._from_bytes(content, place, kind)
        if not kind.declares(declared, source["media_type"]):
            raise DataError(f"{place}: declared as {declared} but holds {source['media_type']}")
        return source

    def _from_bytes(self, content: bytes, name: str, kind: Kind) -> Source:
        if len(content) > self.max_bytes:
            raise DataError(f"{name}: {len(content):,} bytes, more than {self.max_bytes:,}")
        return kind.source(content, name)


def _checked_url(text: str, kind: Kind) -> str:
    if _UNPRINTABLE.search(text):
        raise DataError(f"{kind.noun} URL {shown(text)} holds white space or control characters")
    try:
        parts = urlsplit(text)
        host, has_user = parts.hostname, "@" in parts.netloc
    except ValueError as error:
        raise DataError(f"{kind.noun} URL {shown(text)} is malformed: {error}") from error
    if not host:
        raise DataError(f"{kind.noun} URL {shown(text)} has no host")
    if has_user:
        raise DataError(f"{kind.noun} URL on {printable(host)} holds a user name or password; remove it")
    return text
