"""How many pages a PDF has, from its objects: enough to bound what it can cost, without reading what they show."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

_PAGE = re.compile(rb"/Type\s*/Page\b")
_COUNT = re.compile(rb"/Count\s+(\d{1,9})\b")
_PACKED = re.compile(rb"/ObjStm\b.{0,2000}?stream\r?\n", re.DOTALL)
_MOST_UNPACKED_BYTES = 64_000_000


def pdf_pages(content: bytes) -> int | None:
    """Count the pages: the page objects, or what the page tree says where that is more.

    Never too few for an honest file; a file that was changed in place may count a page twice. None where no page is
    found, as in an encrypted file, or where unpacking takes too much.
    """
    pages = stated = 0
    try:
        for objects in _objects(content):
            pages += len(_PAGE.findall(objects))
            stated = max(stated, *(int(count) for count in _COUNT.findall(objects)), 0)
    except _TooLarge:
        return None
    return max(pages, stated) or None


class _TooLarge(Exception):
    """Unpacks to more than any honest file."""


def _objects(content: bytes) -> Iterator[bytes]:
    """The file itself, then the objects that it holds compressed."""
    yield content
    left = _MOST_UNPACKED_BYTES
    view = memoryview(content)
    for found in _PACKED.finditer(content):
        unpacker = zlib.decompressobj()
        try:
            objects = unpacker.decompress(view[found.end() :], left)
        except zlib.error:
            continue
        if unpacker.unconsumed_tail and not unpacker.eof:
            raise _TooLarge
        left -= len(objects)
        yield objects
