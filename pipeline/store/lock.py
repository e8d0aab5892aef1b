"""One writer per run folder: an advisory lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.core.errors import OutputError
from pipeline.core.names import printable

FILE_NAME = "lock"
_MAX_TEXT_BYTES = 400
_KERNEL_LOCKS = Path("/proc/locks")
_FLOCK = re.compile(r"^\d+: FLOCK +ADVISORY +WRITE (\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ", re.MULTILINE)
_HOLDER = re.compile(r"pid (\d{1,10}) on (.+) since (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that holds a run folder's lock."""

    pid: int
    since: datetime | None = None
    """None when it has not said so yet."""


class RunLock:
    """The right to write to a run folder; held until `release` or the end of the process."""

    def __init__(self, fd: int) -> None:
        """Own the locked descriptor `fd`."""
        self._fd: int | None = fd

    @classmethod
    def take(cls, folder: Path, *, now: datetime) -> RunLock:
        """Lock `folder` or raise OutputError (exit 73) naming the holder; a refused attempt changes nothing."""
        path = folder / FILE_NAME
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be opened for writing: {error.strerror}; choose another folder"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = _taken(folder, fd)
            os.close(fd)
            raise OutputError(message) from error
        except OSError as error:
            os.close(fd)
            raise OutputError(
                f"{path}: this file system has no locks ({error.strerror}); choose a folder on a local disk"
            ) from error
        _write_holder(fd, now)
        return cls(fd)

    def release(self) -> None:
        """Let others write; releasing twice is harmless."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _write_holder(fd: int, now: datetime) -> None:
    text = f"pid {os.getpid()} on {socket.gethostname()} since {now.isoformat(timespec='seconds')}\n"
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode(), 0)
    except OSError:
        return  # the text only informs; a full disk must not keep a run from being opened


def _taken(folder: Path, fd: int) -> str:
    text = printable(os.pread(fd, _MAX_TEXT_BYTES, 0).decode("utf-8", "replace").strip())
    return f"{folder}: in use by {text or 'another process'}; wait for it to end, or name another folder with --out"


def refuse_held(folder: Path) -> None:
    """Raise OutputError (exit 73) if another process holds `folder`: at once, before anything long is begun.

    Only `RunLock.take` settles it.
    """
    if holder(folder) is None:
        return
    fd = os.open(folder / FILE_NAME, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        raise OutputError(_taken(folder, fd))
    finally:
        os.close(fd)


def holder(folder: Path, *, locks: Path = _KERNEL_LOCKS) -> Holder | None:
    """Who holds the lock, found without touching it; None if no process of this machine does.

    The kernel's own list is asked; where there is none, whether the process that last took the lock still lives.
    """
    try:
        fd = os.open(folder / FILE_NAME, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        text = os.pread(fd, _MAX_TEXT_BYTES, 0).decode("utf-8", "replace")
        status = os.fstat(fd)
    finally:
        os.close(fd)
    noted = _noted(text)
    try:
        listed = locks.read_text()
    except OSError:
        return noted if noted is not None and _is_alive(noted, text) else None
    for pid, device, inode in _flocks(listed):
        is_same_device = device == (os.major(status.st_dev), os.minor(status.st_dev))
        is_noted = noted is not None and noted.pid == pid
        if inode == status.st_ino and (is_same_device or is_noted):
            return noted if noted is not None and is_noted else Holder(pid=pid)
    return None


def _flocks(listed: str) -> Iterator[tuple[int, tuple[int, int], int]]:
    """Process, device and inode of each lock of our kind: `1: FLOCK ADVISORY WRITE 123 fd:00:456 0 EOF`."""
    for match in _FLOCK.finditer(listed):
        yield int(match[1]), (int(match[2], 16), int(match[3], 16)), int(match[4])


def _noted(text: str) -> Holder | None:
    match = _HOLDER.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return Holder(pid=int(match[1]), since=datetime.fromisoformat(match[3]))
    except ValueError:
        return Holder(pid=int(match[1]))


def _is_alive(noted: Holder, text: str) -> bool:
    if f" on {socket.gethostname()} since " not in text:
        return False
    try:
        os.kill(noted.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
