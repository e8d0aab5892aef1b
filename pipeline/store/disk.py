"""The seam to the disk: every call that can fail or be cut short goes through here, so tests can make it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from pipeline.core.errors import DiskError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


class Disk(Protocol):
    """What the store does to a disk; every method may raise OSError."""

    def create(self, path: Path) -> int:
        """Open a new or emptied file for writing; never through a symlink."""
        ...

    def open_append(self, path: Path) -> int:
        """Open a file for appending, made if absent; never through a symlink."""
        ...

    def write_all(self, fd: int, data: bytes) -> None:
        """Write every byte or raise."""
        ...

    def truncate(self, fd: int, length: int) -> None:
        """Cut the file behind `length` bytes."""
        ...

    def fdatasync(self, fd: int) -> None:
        """Return when the file's bytes are on the disk."""
        ...

    def fsync_dir(self, path: Path) -> None:
        """Return when the folder's names are on the disk."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Give `source` the name `target`, replacing what had it."""
        ...

    def link(self, source: Path, target: Path) -> None:
        """Give `source` a second name; FileExistsError if it is taken."""
        ...

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        ...

    def make_dir(self, path: Path) -> None:
        """Make a folder for its owner alone, unless it exists."""
        ...

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
        ...


class SystemDisk:
    """The machine's own disk."""

    def create(self, path: Path) -> int:
        """Open a new or emptied file for writing; never through a symlink."""
        return os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, _FILE_MODE)

    def open_append(self, path: Path) -> int:
        """Open a file for appending, made if absent; never through a symlink."""
        return os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW, _FILE_MODE)

    def write(self, fd: int, data: memoryview) -> int:
        """One system call: it may write less than it is given, and says so only by its result."""
        return os.write(fd, data)

    def write_all(self, fd: int, data: bytes) -> None:
        """Write every byte or raise."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.write(fd, rest) :]

    def truncate(self, fd: int, length: int) -> None:
        """Cut the file behind `length` bytes."""
        os.ftruncate(fd, length)

    def fdatasync(self, fd: int) -> None:
        """Return when the file's bytes are on the disk."""
        if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync leaves the bytes in the drive's cache
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(fd)

    def fsync_dir(self, path: Path) -> None:
        """Return when the folder's names are on the disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Give `source` the name `target`, replacing what had it."""
        os.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """Give `source` a second name; FileExistsError if it is taken."""
        os.link(source, target)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        os.unlink(path)

    def make_dir(self, path: Path) -> None:
        """Make a folder for its owner alone, unless it exists."""
        path.mkdir(mode=_FOLDER_MODE, exist_ok=True)

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
        os.close(fd)


SYSTEM_DISK = SystemDisk()


def temporary(target: Path) -> Path:
    """Name the file that `target` is written to before it gets its name; recovery knows it by `.tmp`."""
    return target.with_name(f".{target.name}.{os.getpid()}.tmp")


def write_synced(disk: Disk, path: Path, data: bytes) -> None:
    """Write a whole file and wait until it is on the disk; its name is not yet safe. On an error no file is left."""
    try:
        fd = disk.create(path)
        try:
            disk.write_all(fd, data)
            disk.fdatasync(fd)
        finally:
            disk.close(fd)
    except OSError:
        discard(disk, path)
        raise


def discard(disk: Disk, path: Path) -> None:
    """Remove what an error left behind, if the disk lets us; recovery removes it otherwise."""
    with suppress(OSError):
        disk.unlink(path)


def publish(disk: Disk, source: Path, target: Path) -> None:
    """Give a synced file its final name, safe against a power cut."""
    disk.rename(source, target)
    disk.fsync_dir(target.parent)


def read_regular(path: Path, *, limit: int) -> bytes:
    """Read a file of at most `limit` bytes; symlinks, pipes and devices are refused with OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", str(path))
    return data


def is_full(error: OSError) -> bool:
    """Whether the disk, the quota or the largest allowed file is full; another file would not help."""
    return error.errno in _FULL


@contextmanager
def reported(folder: Path, *, bytes_needed: int | None = None) -> Iterator[None]:
    """Turn an OSError into a DiskError (exit 74) that names the folder and what to do."""
    try:
        yield
    except OSError as error:
        raise _disk_error(folder, error, bytes_needed) from error


def _disk_error(folder: Path, error: OSError, bytes_needed: int | None) -> DiskError:
    place = f" ({error.filename})" if error.filename else ""
    found = f"{folder}: {error.strerror or error}{place}"
    if not is_full(error):
        return DiskError(
            f"{found}. Everything acknowledged is kept; check the disk, then run the same command again to continue"
        )
    needed = "space" if bytes_needed is None else f"at least {bytes_needed:,} bytes"
    return DiskError(f"{found}. Free {needed} there and run the same command again; everything acknowledged is kept")
