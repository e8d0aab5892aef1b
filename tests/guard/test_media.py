"""Images of a row: what is read, from where, and what is refused."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import DataError
from pipeline.guard.media import MediaReader

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20
GIF = b"GIF89a" + b"\0" * 20
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 20
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def data_url(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def source(content: bytes, media_type: str) -> dict[str, str]:
    return {"type": "base64", "media_type": media_type, "data": base64.b64encode(content).decode()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A media folder with an image, beside a secret that must never be read."""
    (tmp_path / "secret.png").write_bytes(PNG + b"secret")
    folder = tmp_path / "media"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "cat.png").write_bytes(PNG)
    return folder


@pytest.mark.parametrize(
    ("content", "media_type"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")]
)
def test_the_bytes_decide_the_media_type(root: Path, content: bytes, media_type: str) -> None:
    (root / "misnamed.png").write_bytes(content)
    reader = MediaReader(root)
    expected = source(content, media_type)
    for value in (content, "misnamed.png", data_url(content, media_type), {"bytes": content, "path": "x.bmp"}):
        assert reader.image_source(value) == expected


@pytest.mark.parametrize("path", ["inner/cat.png", "./inner/../inner/cat.png", "ABSOLUTE", {"path": "inner/cat.png"}])
def test_a_path_inside_the_folder_is_read(root: Path, path: Any) -> None:
    value = str(root / "inner" / "cat.png") if path == "ABSOLUTE" else path
    assert MediaReader(root).image_source(value) == source(PNG, "image/png")


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    (root / "link.png").symlink_to("inner/cat.png")
    (root / "folder").symlink_to("inner")
    for path in ("link.png", "folder/cat.png"):
        assert MediaReader(root).image_source(path) == source(PNG, "image/png")


def test_the_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert MediaReader(tmp_path / "alias").image_source("inner/cat.png") == source(PNG, "image/png")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("../secret.png", "leads outside"),
        ("../../etc/passwd", "outside|cannot be read"),
        ("/etc/passwd", "leads outside"),
        ("inner/../../secret.png", "leads outside"),
        ("file:///etc/passwd", "scheme file: is not accepted"),
        ("FILE:/etc/passwd", "scheme file: is not accepted"),
        ("ftp://host/x.png", "scheme ftp: is not accepted"),
        ("gopher://host/x.png", "scheme gopher: is not accepted"),
        ("s3://bucket/x.png", "scheme s3: is not accepted"),
        ("javascript:alert(1)", "scheme javascript: is not accepted"),
        ("%2e%2e%2fsecret.png", "cannot be read"),
        ("inner/cat.png\0.txt", "NUL"),
        ("\\\\host\\share\\x.png", "network paths"),
        ("//host/share/x.png", "network paths"),
        ("/dev/zero", "leads outside"),
        ("missing.png", "No such file"),
        ("inner", "not a regular file"),
        (".", "cannot be read|not a regular file"),
        ("", "empty"),
        ("\ud800.png", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        ("http:///x.png", "no host"),
        ("https://user:pw@host/x.png", "user name or password"),
        ("https://host/x y.png", "white space"),
        ("http://[::1/x.png", "malformed"),
        ("data:image/png,abc", "must begin with"),
        ("data:image/png;base64,@@@", "not base64"),
        (data_url(b""), "it is empty"),
        (data_url(PNG, "text/html"), "declared as text/html but holds image/png"),
        (data_url(JPEG), "declared as image/png but holds image/jpeg"),
        (data_url(SVG, "image/svg+xml"), "SVG is not accepted"),
        (SVG, "SVG is not accepted"),
        (b"%PDF-1.7", "is not an image"),
        (None, "not null"),
        (7, "not a int"),
        ([PNG], "not a list"),
        ({}, "not a dict"),
        ({"bytes": None, "path": None}, "neither"),
        ({"url": "x"}, "not a dict"),
    ],
)
def test_everything_else_is_refused(root: Path, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        MediaReader(root).image_source(value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret.png", "/dev/zero"])
def test_a_link_that_leads_outside_is_refused(root: Path, target: str) -> None:
    (root / "link.png").symlink_to(target)
    with pytest.raises(DataError, match="leads outside"):
        MediaReader(root).image_source("link.png")


def test_a_sibling_folder_with_the_same_beginning_is_outside(root: Path) -> None:
    beside = root.parent / "media-private"
    beside.mkdir()
    (beside / "cat.png").write_bytes(PNG)
    with pytest.raises(DataError, match="leads outside"):
        MediaReader(root).image_source("../media-private/cat.png")


def test_a_device_inside_the_folder_is_refused() -> None:
    with pytest.raises(DataError, match="not a regular file"):
        MediaReader(Path("/dev")).image_source("zero")


def test_a_fifo_is_refused_without_waiting(root: Path) -> None:
    os.mkfifo(root / "pipe.png")
    with pytest.raises(DataError, match="not a regular file"):
        MediaReader(root).image_source("pipe.png")


@pytest.mark.parametrize("url", ["https://example.com/cat.png?size=1#a", "HTTP://127.0.0.1/x"])
def test_a_web_address_is_passed_on_unfetched(root: Path, url: str) -> None:
    assert MediaReader(root).image_source(url) == {"type": "url", "url": url}


def test_the_size_limit_holds_for_every_way_in(root: Path) -> None:
    (root / "exact.png").write_bytes(PNG)
    (root / "over.png").write_bytes(PNG + b"x")
    reader = MediaReader(root, max_bytes=len(PNG))
    assert reader.image_source("exact.png") == reader.image_source(PNG) == reader.image_source(data_url(PNG))
    for value in ("over.png", PNG + b"x", data_url(PNG + b"x"), data_url(PNG * 1000), {"bytes": PNG + b"x"}):
        with pytest.raises(DataError, match=f"more than {len(PNG)}"):
            reader.image_source(value)


def test_a_sparse_file_of_a_terabyte_is_not_read(root: Path) -> None:
    with (root / "huge.png").open("wb") as file:
        file.write(PNG)
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="more than 20,000,000"):
        MediaReader(root).image_source("huge.png")


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    reader = MediaReader(root)
    for value in ("inner/cat.png", "inner", "missing.png", "inner/cat.png/x"):
        try:
            reader.image_source(value)
        except DataError:
            continue
    assert len(os.listdir("/proc/self/fd")) == before


def test_control_characters_of_a_path_do_not_reach_the_message(root: Path) -> None:
    with pytest.raises(DataError) as caught:
        MediaReader(root).image_source("\x1b[2Jx.png")
    assert "\x1b" not in str(caught.value)
