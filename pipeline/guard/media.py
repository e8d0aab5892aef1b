"""Read images that a row names, from one folder only, and never more than allowed."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.errors import DataError
from pipeline.core.names import printable

MAX_IMAGE_BYTES = 20_000_000

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_DATA_URL = re.compile(r"data:([a-z0-9.+-]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_SYNONYMS = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg"}
_ACCEPTED = "accepted are PNG, JPEG, GIF and WebP"
_SHOWN_CHARACTERS = 80
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # O_NONBLOCK: a FIFO must not hold us


@dataclass(frozen=True, slots=True)
class MediaReader:
    """Reads images below `root`, each at most `max_bytes` long."""

    root: Path
    max_bytes: int = MAX_IMAGE_BYTES

    def image_source(self, value: Any) -> dict[str, str]:
        """Make a Messages image source (protocol section 1.4) of a dataset value; raises DataError.

        Accepted: a path inside `root`, a `data:image/...;base64,` URL, bytes, a dict with `bytes` or `path`, and
        an http(s) URL, which is passed on and never fetched here. The bytes decide the media type, not the name.
        """
        if isinstance(value, str):
            return self._from_text(value)
        if isinstance(value, bytes):
            return self._from_bytes(value, "the image")
        if isinstance(value, dict) and value and value.keys() <= {"bytes", "path"}:
            return self._from_dict(value)
        found = "null" if value is None else f"a {type(value).__name__}"
        raise DataError(f"an image is a path, a URL or bytes, not {found}")

    def _from_dict(self, value: dict[str, Any]) -> dict[str, str]:
        content, path = value.get("bytes"), value.get("path")
        if isinstance(content, bytes):
            return self._from_bytes(content, "the image")
        if content is None and isinstance(path, str):
            return self._from_text(path)
        raise DataError("an image dict holds `bytes` or a `path`; this one has neither")

    def _from_text(self, text: str) -> dict[str, str]:
        scheme = _SCHEME.match(text)
        if scheme is None:
            return self._from_bytes(self._read(text), _shown(text))
        name = scheme[1].lower()
        if name in ("http", "https"):
            return {"type": "url", "url": _checked_url(text)}
        if name == "data":
            return self._from_data_url(text)
        raise DataError(
            f"image {_shown(text)}: the scheme {name}: is not accepted; use a path inside {self._folder}, "
            "an http(s) URL or a data: URL"
        )

    def _from_data_url(self, text: str) -> dict[str, str]:
        head = _DATA_URL.match(text)
        if head is None:
            raise DataError(f"image {_shown(text)}: a data URL must begin with data:image/...;base64,")
        if len(text) - head.end() > (self.max_bytes + 2) // 3 * 4:
            raise DataError(f"image {_shown(text)}: more than {self.max_bytes:,} bytes")
        try:
            content = base64.b64decode(text[head.end() :], validate=True)
        except (binascii.Error, ValueError) as error:
            raise DataError(f"image {_shown(text)}: not base64: {error}") from error
        declared = head[1].lower()
        source = self._from_bytes(content, _shown(text))
        if source["media_type"] != _SYNONYMS.get(declared, declared):
            raise DataError(f"image {_shown(text)}: declared as {declared} but holds {source['media_type']}")
        return source

    def _from_bytes(self, content: bytes, name: str) -> dict[str, str]:
        if len(content) > self.max_bytes:
            raise DataError(f"{name}: {len(content):,} bytes, more than {self.max_bytes:,}")
        media_type = _media_type(content, name)
        return {"type": "base64", "media_type": media_type, "data": base64.b64encode(content).decode("ascii")}

    def _read(self, text: str) -> bytes:
        if not text or "\0" in text:
            raise DataError(f"image path {_shown(text)}: {'empty' if not text else 'holds a NUL character'}")
        if text.startswith(("\\\\", "//")):
            raise DataError(f"image path {_shown(text)}: network paths are not read")
        try:
            root = os.path.realpath(self.root, strict=True)
            resolved = os.path.realpath(os.path.join(root, text), strict=True)
            if os.path.commonpath((root, resolved)) != root:
                raise DataError(f"image path {_shown(text)} leads outside {self._folder}; put the image inside")
            return self._read_inside(root, os.path.relpath(resolved, root), text)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(
                f"image path {_shown(text)} cannot be read below {self._folder}: {printable(reason)}"
            ) from error

    def _read_inside(self, root: str, relative: str, text: str) -> bytes:
        """Open folder by folder without following links, so that nothing can be swapped after the check."""
        folder = os.open(root, _DIRECTORY)
        *parents, name = relative.split(os.sep)
        try:
            for parent in parents:
                inner = os.open(parent, _DIRECTORY, dir_fd=folder)
                os.close(folder)
                folder = inner
            file = os.open(name, _FILE, dir_fd=folder)
        finally:
            os.close(folder)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"image path {_shown(text)} is not a regular file")
            if status.st_size > self.max_bytes:
                raise DataError(f"image {_shown(text)}: {status.st_size:,} bytes, more than {self.max_bytes:,}")
            return _read_at_most(file, self.max_bytes + 1)
        finally:
            os.close(file)

    @property
    def _folder(self) -> str:
        return printable(str(self.root))


def _read_at_most(file: int, limit: int) -> bytes:
    """Read to the end, or one byte past what is allowed when the file grows under us."""
    parts: list[bytes] = []
    left = limit
    while left and (part := os.read(file, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _media_type(content: bytes, name: str) -> str:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    start = content[:1024].lower()
    if b"<svg" in start:
        raise DataError(f"{name}: SVG is not accepted, it can hold scripts; {_ACCEPTED}")
    found = f"it begins with {content[:8].hex(' ')}" if content else "it is empty"
    raise DataError(f"{name} is not an image that can be sent: {found}; {_ACCEPTED}")


def _checked_url(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise DataError(f"image URL {_shown(text)} holds white space or control characters")
    try:
        parts = urlsplit(text)
        host, has_user = parts.hostname, "@" in parts.netloc
    except ValueError as error:
        raise DataError(f"image URL {_shown(text)} is malformed: {error}") from error
    if not host:
        raise DataError(f"image URL {_shown(text)} has no host")
    if has_user:
        raise DataError(f"image URL on {printable(host)} holds a user name or password; remove it")
    return text


def _shown(text: str) -> str:
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return printable(repr(cut))
