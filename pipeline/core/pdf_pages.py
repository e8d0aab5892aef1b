"""How many pages a PDF has, from its objects: enough to bound what it can cost, without reading what they show."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

_PAGE = re.compile(rb"/Type\s*/Page\b")
_COUNT = re.compile(rb"/Count\s+(\d{1,9})\b")
_PACKED = re.compile(rb"/ObjStm\b")
_STREAM = re.compile(rb"stream\r?\n")
_LONGEST_DICTIONARY = 2_000
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
    for packed in _packed(content):
        if left <= 0:
            raise _TooLarge
        unpacker = zlib.decompressobj()
        try:
            objects = unpacker.decompress(packed, left)
        except zlib.error:
            continue
        if unpacker.unconsumed_tail and not unpacker.eof:
            raise _TooLarge
        left -= len(objects)
        yield objects


def _packed(content: bytes) -> Iterator[memoryview]:
    """Compressed object streams; no byte is looked at in two of them, so a file of many takes no longer than others."""
    view, at = memoryview(content), 0
    while (found := _PACKED.search(content, at)) is not None:
        opened = _STREAM.search(content, found.end(), found.end() + _LONGEST_DICTIONARY)
        if opened is None:
            at = found.end()
            continue
        at = content.find(b"endstream", opened.end())
        if at < 0:
            return
        yield view[opened.end() : at]
