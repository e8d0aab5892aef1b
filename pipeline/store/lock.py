"""One writer per run folder: an advisory lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
import socket
from datetime import datetime
from pathlib import Path

from pipeline.core.errors import OutputError
from pipeline.core.names import printable

FILE_NAME = "lock"
_MAX_TEXT_BYTES = 400


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
