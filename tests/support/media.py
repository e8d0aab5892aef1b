"""A media reader that reads nothing, and PDFs that show nothing."""

from __future__ import annotations

import zlib
from typing import Any


class Links:
    """Takes every value for the address of what it names."""

    def image_source(self, value: Any) -> dict[str, Any]:
        """A URL source."""
        return {"type": "url", "url": value}

    def document_source(self, value: Any) -> dict[str, Any]:
        """A URL source."""
        return {"type": "url", "url": value}


def plain_pdf(pages: int) -> bytes:
    """The objects of a PDF, as they are."""
    return b"%PDF-1.4\n" + _objects(pages)


def packed_pdf(pages: int) -> bytes:
    """The objects of a PDF in a compressed stream, as most programs write them."""
    packed = zlib.compress(_objects(pages))
    head = b"%%PDF-1.7\n9 0 obj\n<< /Type /ObjStm /N 2 /Filter /FlateDecode /Length %d >>\nstream\n" % len(packed)
    return head + packed + b"\nendstream\nendobj\n"


def _objects(pages: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(pages))
    page = b"<< /Type /Page /Parent 2 0 R >>\n"
    return b"<< /Type /Pages /Count %d /Kids [%s] >>\n" % (pages, kids) + page * pages
