"""Read files below one folder: never outside it, never more than allowed, never a device."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipeline.core.errors import DataError
from pipeline.core.names import printable

_SHOWN_CHARACTERS = 80
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # O_NONBLOCK: a FIFO must not hold us


def read_below(folder: Path, path: str, *, max_bytes: int, noun: str) -> bytes:
    """Read the file that a row names, relative to `folder`; `noun` says in messages what it should be.

    Links are followed only where they stay inside. Raises DataError.
    """
    if not path or "\0" in path:
        raise DataError(f"{noun} path {shown(path)}: {'empty' if not path else 'holds a NUL character'}")
    if path.startswith(("\\\\", "//")):
        raise DataError(f"{noun} path {shown(path)}: network paths are not read")
    place = printable(str(folder))
    try:
        root = os.path.realpath(folder, strict=True)
        resolved = os.path.realpath(os.path.join(root, path), strict=True)
        if os.path.commonpath((root, resolved)) != root:
            raise DataError(f"{noun} path {shown(path)} leads outside {place}; put the {noun} inside")
        file = _open_inside(root, os.path.relpath(resolved, root))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{noun} path {shown(path)} cannot be read below {place}: {printable(reason)}") from error
    try:
        return _read_regular(file, f"{noun} path {shown(path)}", max_bytes)
    finally:
        os.close(file)


def shown(text: str) -> str:
    """Quote a value of the row, cut and without control characters."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return printable(repr(cut))


def _open_inside(root: str, relative: str) -> int:
    """Open folder by folder without following links, so that nothing can be swapped after the check."""
    folder = os.open(root, _DIRECTORY)
    *parents, name = relative.split(os.sep)
    try:
        for parent in parents:
            inner = os.open(parent, _DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _read_regular(file: int, name: str, max_bytes: int) -> bytes:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{name} is not a regular file")
    if status.st_size > max_bytes:
        raise DataError(f"{name}: {status.st_size:,} bytes, more than {max_bytes:,}")
    try:
        return _read_at_most(file, max_bytes + 1)
    except OSError as error:
        raise DataError(f"{name} cannot be read: {printable(error.strerror or str(error))}") from error


def _read_at_most(file: int, limit: int) -> bytes:
    """Read to the end, or one byte past what is allowed when the file grows under us."""
    parts: list[bytes] = []
    left = limit
    while left and (part := os.read(file, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
