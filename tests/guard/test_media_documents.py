"""Documents of a row: PDF and text, from the same places as images and under the same rules."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import DataError
from pipeline.guard.media import MediaReader

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
TEXT = "첫 줄\r\nsecond {{ line }}\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def data_url(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


PDF_SOURCE = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(PDF).decode()}
TEXT_SOURCE = {"type": "text", "media_type": "text/plain", "data": TEXT}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A media folder with a PDF and a text, beside a secret that must never be read."""
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    folder = tmp_path / "media"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "report.pdf").write_bytes(PDF)
    (folder / "note.txt").write_bytes(TEXT.encode())
    return folder


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("inner/report.pdf", PDF_SOURCE),
        ("inner/../inner/report.pdf", PDF_SOURCE),
        (PDF, PDF_SOURCE),
        ({"bytes": PDF, "path": None}, PDF_SOURCE),
        ({"path": "inner/report.pdf"}, PDF_SOURCE),
        (data_url(PDF, "application/pdf"), PDF_SOURCE),
        ("note.txt", TEXT_SOURCE),
        (TEXT.encode(), TEXT_SOURCE),
        (b"\xef\xbb\xbf" + TEXT.encode(), TEXT_SOURCE),
        (data_url(TEXT.encode(), "text/plain"), TEXT_SOURCE),
        (data_url(TEXT.encode(), "text/markdown;charset=utf-8"), TEXT_SOURCE),
        (data_url(TEXT.encode(), "text/html;charset=UTF-8"), TEXT_SOURCE),
        ("https://example.com/report.pdf?a=1", {"type": "url", "url": "https://example.com/report.pdf?a=1"}),
        ("http://169.254.169.254/", {"type": "url", "url": "http://169.254.169.254/"}),
        ("file_011CNha8iCJcU1wXNR6q4V8w", {"type": "file", "file_id": "file_011CNha8iCJcU1wXNR6q4V8w"}),
    ],
)
def test_what_a_document_may_be(root: Path, value: Any, source: dict[str, str]) -> None:
    assert MediaReader(root).document_source(value) == source


def test_the_bytes_decide_what_a_document_is(root: Path) -> None:
    (root / "misnamed.txt").write_bytes(PDF)
    assert MediaReader(root).document_source("misnamed.txt") == PDF_SOURCE


def test_an_image_may_be_a_file_of_the_provider_too(root: Path) -> None:
    assert MediaReader(root).image_source("file_1-a_B") == {"type": "file", "file_id": "file_1-a_B"}


def test_only_a_whole_id_is_an_id(root: Path) -> None:
    (root / "file_1.txt").write_text("local", encoding="utf-8")
    assert MediaReader(root).document_source("file_1.txt")["data"] == "local"
    for value in ("file_1\n", "file_", "my/file_1"):
        with pytest.raises(DataError, match="cannot be read"):
            MediaReader(root).document_source(value)


REFUSED = [
    ("../secret.txt", "document path '../secret.txt' leads outside"),
    ("../../etc/passwd", "outside|cannot be read"),
    ("/etc/passwd", "leads outside"),
    ("inner/../../secret.txt", "leads outside"),
    ("file:///etc/passwd", "scheme file: is not accepted"),
    ("ftp://host/x.pdf", "scheme ftp: is not accepted"),
    ("s3://bucket/x.pdf", "scheme s3: is not accepted"),
    ("%2e%2e%2fsecret.txt", "cannot be read"),
    ("note.txt\0.pdf", "NUL"),
    ("\\\\host\\share\\x.pdf", "network paths"),
    ("//host/share/x.pdf", "network paths"),
    ("/dev/zero", "leads outside"),
    ("missing.pdf", "No such file"),
    ("inner", "not a regular file"),
    ("", "document path '': empty"),
    ("http:///x.pdf", "document URL 'http:///x.pdf' has no host"),
    ("https://user:pw@host/x.pdf", "user name or password"),
    ("https://host/x y.pdf", "white space"),
    ("data:application/pdf,abc", "must begin with data:application/pdf;base64,"),
    ("data:text/plain;charset=latin-1;base64,YQ==", "must begin with"),
    ("data:application/pdf;base64,@@@", "not base64"),
    (data_url(TEXT.encode(), "application/pdf"), "declared as application/pdf but holds text/plain"),
    (data_url(PDF, "text/plain"), "declared as text/plain but holds application/pdf"),
    (data_url(TEXT.encode(), "image/png"), "declared as image/png but holds text/plain"),
    (b"", "is not a document that can be sent: it is empty"),
    (b" \n", "it is empty"),
    (PNG, "it begins with 89 50 4e 47 .*; accepted are PDF and text in UTF-8"),
    (b"a\0b", "it begins with 61 00 62"),
    ("caf\u00e9".encode("latin-1"), "it begins with 63 61 66 e9"),
    ("text".encode("utf-16"), "is not a document"),
    (b"PK\x03\x04\xff", "is not a document"),
    (None, "a document is a path, a URL, a file id or bytes, not null"),
    (7, "not a int"),
    ({}, "not a dict"),
    ({"bytes": None, "path": None}, "a document dict holds"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED)
def test_everything_else_is_refused(root: Path, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        MediaReader(root).document_source(value)
    assert "pw" not in str(caught.value)
    assert "secret" not in str(caught.value).replace("secret.txt", "")


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret.txt", "/dev/zero"])
def test_a_link_that_leads_outside_is_refused(root: Path, target: str) -> None:
    (root / "link.txt").symlink_to(target)
    with pytest.raises(DataError, match="leads outside"):
        MediaReader(root).document_source("link.txt")


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    (root / "link.pdf").symlink_to("inner/report.pdf")
    assert MediaReader(root).document_source("link.pdf") == PDF_SOURCE


def test_devices_and_fifos_are_refused_without_waiting(root: Path) -> None:
    os.mkfifo(root / "pipe.txt")
    for reader, name in ((MediaReader(root), "pipe.txt"), (MediaReader(Path("/dev")), "zero")):
        with pytest.raises(DataError, match="not a regular file"):
            reader.document_source(name)


def test_the_size_limit_holds_for_every_way_in(root: Path) -> None:
    (root / "over.pdf").write_bytes(PDF + b"x")
    reader = MediaReader(root, max_bytes=len(PDF))
    assert reader.document_source("inner/report.pdf") == reader.document_source(PDF)
    over = data_url(PDF + b"x", "application/pdf")
    for value in ("over.pdf", PDF + b"x", over, data_url(PDF * 1000, "application/pdf"), {"bytes": PDF + b"x"}):
        with pytest.raises(DataError, match=f"more than {len(PDF)}"):
            reader.document_source(value)
    with (root / "huge.pdf").open("wb") as file:
        file.write(PDF)
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="more than 20,000,000"):
        MediaReader(root).document_source("huge.pdf")


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for value in ("inner/report.pdf", "inner", "missing.pdf", "note.txt/x"):
        try:
            MediaReader(root).document_source(value)
        except DataError:
            continue
    assert len(os.listdir("/proc/self/fd")) == before
