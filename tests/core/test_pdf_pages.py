"""Pages of a PDF are counted from its objects, packed ones included, and never invented."""

from __future__ import annotations

import zlib

import pytest

from pipeline.core import pdf_pages as module
from pipeline.core.pdf_pages import pdf_pages
from tests.support.media import packed_pdf, plain_pdf


@pytest.mark.parametrize("pages", [1, 3, 120])
def test_pages_are_counted(pages: int) -> None:
    assert pdf_pages(plain_pdf(pages)) == pages
    assert pdf_pages(packed_pdf(pages)) == pages


def test_the_page_tree_is_believed_where_it_says_more() -> None:
    assert pdf_pages(b"%PDF-1.4 << /Type /Pages /Count 12 /Kids [3 0 R] >> << /Type /Page >>") == 12


def test_a_file_without_a_page_that_can_be_found_has_no_number() -> None:
    assert pdf_pages(b"%PDF-1.7\n") is None
    assert pdf_pages(b"%PDF-1.7 << /Type /ObjStm >> stream\nencrypted beyond recognition") is None
    assert pdf_pages(b"%PDF-1.7 << /Type /Pages /Count 0 >>") is None


def packed(compressed: bytes) -> bytes:
    return b"\n<< /Type /ObjStm >> stream\n" + compressed + b"\nendstream\n"


def test_objects_that_unpack_to_more_than_any_honest_file_are_not_counted() -> None:
    bomb = zlib.compress(b"<< /Type /Page >>" + bytes(module._MOST_UNPACKED_BYTES))
    assert pdf_pages(b"%PDF-1.7 << /Type /Page >>" + packed(bomb)) is None


def test_a_second_stream_is_not_unpacked_once_the_first_has_taken_all() -> None:
    first = zlib.compress(bytes(module._MOST_UNPACKED_BYTES))
    second = zlib.compress(b"<< /Type /Page >>")
    assert pdf_pages(b"%PDF-1.7 << /Type /Page >>" + packed(first) + packed(second)) is None


def test_each_stream_is_unpacked_up_to_its_own_end() -> None:
    """What follows is another object, a hundred thousand of them no more work than their bytes."""
    page = packed(zlib.compress(b"<< /Type /Page >>"))
    assert pdf_pages(b"%PDF-1.7\n" + page * 3) == 3
    assert pdf_pages(b"%PDF-1.7\n" + page * 20_000) == 20_000
    assert pdf_pages(b"%PDF-1.7 << /Type /Page >>" + b"/ObjStm\nstream\n" * 100_000) == 1
