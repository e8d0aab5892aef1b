from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pipeline.store.objects import LocalObjects
from tests.support.store import FaultyDisk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manifest").mkdir()
    return tmp_path


def test_an_object_is_put_once(folder: Path) -> None:
    objects = LocalObjects(folder)
    assert objects.put_if_absent("manifest/1.json", b"first")
    assert not objects.put_if_absent("manifest/1.json", b"second")
    assert objects.read("manifest/1.json") == b"first"
    assert [path.name for path in (folder / "manifest").iterdir()] == ["1.json"]


def test_a_file_system_without_hard_links_works_too(folder: Path) -> None:
    objects = LocalObjects(folder, FaultyDisk(1, errno.EPERM, only="link", forever=True))
    assert objects.put_if_absent("manifest/1.json", b"first")
    assert not objects.put_if_absent("manifest/1.json", b"second")
    assert objects.read("manifest/1.json") == b"first"


def test_names_are_listed_by_prefix_without_temporary_files(folder: Path) -> None:
    objects = LocalObjects(folder)
    for name in ("manifest/2.json", "manifest/1.json", "top.json"):
        objects.put_if_absent(name, b"")
    (folder / "manifest" / ".3.json.77.tmp").touch()
    assert objects.names("manifest/") == ["manifest/1.json", "manifest/2.json"]
    assert objects.names("manifest/2") == ["manifest/2.json"]
    assert objects.names("nowhere/") == []
    objects.remove("manifest/1.json")
    objects.remove("manifest/1.json")
    assert objects.names("manifest/") == ["manifest/2.json"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", "a//b", ".hidden", "a\nb"])
def test_a_name_never_leads_out_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not an object name"):
        LocalObjects(folder).read(name)


def test_a_symlink_is_not_read(folder: Path) -> None:
    (folder / "manifest" / "1.json").symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="symbolic"):
        LocalObjects(folder).read("manifest/1.json")


def test_nothing_is_left_when_the_disk_is_full(folder: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        LocalObjects(folder, FaultyDisk(1, only="write")).put_if_absent("manifest/1.json", b"data")
    assert list((folder / "manifest").iterdir()) == []
