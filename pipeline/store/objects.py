"""Small immutable objects by name, in a folder: the interface that an object store implements too."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Protocol

from pipeline.store.disk import SYSTEM_DISK, Disk, read_regular, temporary, write_synced

MAX_OBJECT_BYTES = 256 * 1024 * 1024
_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


class ObjectStore(Protocol):
    """Read, put if absent, remove, list: all that committing needs. Names are `folder/file`."""

    def read(self, name: str) -> bytes:
        """The object's bytes; FileNotFoundError if there is none."""
        ...

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Store an object whole and durably; False if the name is taken, and then nothing changes."""
        ...

    def remove(self, name: str) -> None:
        """Remove an object if it exists."""
        ...

    def names(self, prefix: str) -> list[str]:
        """All names that begin with `prefix`, sorted; `prefix` holds the folder."""
        ...


class LocalObjects:
    """Objects as files below one folder."""

    def __init__(self, folder: Path, disk: Disk = SYSTEM_DISK) -> None:
        """Keep objects below `folder`."""
        self._folder = folder
        self._disk = disk

    def read(self, name: str) -> bytes:
        """The object's bytes; FileNotFoundError if there is none, OSError for a symlink."""
        return read_regular(self._path(name), limit=MAX_OBJECT_BYTES)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Store an object whole and durably; False if the name is taken, and then nothing changes."""
        target = self._path(name)
        source = temporary(target)
        write_synced(self._disk, source, data)
        try:
            stored = self._link(source, target)
        except FileExistsError:
            stored = False
        if source.exists():
            self._disk.unlink(source)
        self._disk.fsync_dir(target.parent)
        return stored

    def remove(self, name: str) -> None:
        """Remove an object if it exists."""
        path = self._path(name)
        if path.is_symlink() or path.exists():
            self._disk.unlink(path)

    def names(self, prefix: str) -> list[str]:
        """All names that begin with `prefix`, sorted; `prefix` holds the folder."""
        parent, _, start = prefix.rpartition("/")
        folder = self._folder / parent if parent else self._folder
        if not folder.is_dir():
            return []
        head = f"{parent}/" if parent else ""
        found = (entry.name for entry in folder.iterdir() if _NAME.fullmatch(entry.name))
        return sorted(head + name for name in found if name.startswith(start))

    def _link(self, source: Path, target: Path) -> bool:
        try:
            self._disk.link(source, target)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if target.exists():
                return False
            self._disk.rename(source, target)  # only the holder of the run's lock puts objects
        return True

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not an object name: {name!r}")
        return self._folder / name
