"""Recognise dataset files by name and by first bytes, before a parser can misread them."""

from __future__ import annotations

import difflib
import glob
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pipeline.core.errors import DataError
from pipeline.core.names import printable

Format = Literal["parquet", "csv", "tsv", "jsonl", "ipc"]

_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "ipc",
    ".feather": "ipc",
}
_ADVICE = {
    ".json": "write one object a line, for example `jq -c '.[]' in.json > out.jsonl`",
    ".gz": "decompress it first: `gunzip`",
    ".zst": "decompress it first: `unzstd`",
    ".xlsx": "save it as CSV UTF-8",
}
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG", "a PNG image", "name the data file"),
    (b"\xff\xd8\xff", "a JPEG image", "name the data file"),
    (b"GIF8", "a GIF image", "name the data file"),
    (b"\x1f\x8b", "compressed with gzip", "decompress it first: `gunzip`"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it first: `unzstd`"),
    (b"BZh", "compressed with bzip2", "decompress it first: `bunzip2`"),
    (b"\xfd7zXZ", "compressed with xz", "decompress it first: `unxz`"),
    (b"PK\x03\x04", "a ZIP archive (perhaps an Excel workbook)", "unpack it, or save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV UTF-8"),
    (b"PAR1", "a Parquet file", "name it .parquet"),
    (b"ARROW1", "an Arrow file", "name it .arrow"),
    (b"FEA1", "a Feather file of version 1", "write it again as Parquet or Feather version 2"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV or Parquet"),
    (b"%PDF", "a PDF document", "name the data file"),
)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"
_HTML_STARTS = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml")
_PARQUET_MAGIC = b"PAR1"
_HEAD_BYTES = 65_536
_LINE_BYTES = 16 << 20


def find_files(pattern: str) -> tuple[tuple[Path, ...], Format]:
    """List the files that a path or glob names, sorted by path, all of one format.

    Raises DataError when nothing matches, formats are mixed, or a match is not a regular file.
    """
    if "://" in pattern:
        raise DataError(f"{_shown(pattern)}: only local files are read; copy the dataset here and name its path")
    names = [pattern] if os.path.lexists(pattern) else sorted(glob.glob(pattern, recursive=True))
    if not names:
        raise DataError(f"{_shown(pattern)}: {_nothing_found(pattern)}")
    paths = tuple(Path(name) for name in names)
    for path in paths:
        _require_regular_file(path)
    formats = {path: format_of(path) for path in paths}
    kinds = sorted(set(formats.values()))
    if len(kinds) > 1:
        examples = ", ".join(next(path.name for path in paths if formats[path] == kind) for kind in kinds)
        raise DataError(
            f"{_shown(pattern)} matches files of different formats ({', '.join(kinds)}: {printable(examples)}); "
            "narrow the pattern to one"
        )
    return paths, formats[paths[0]]


def format_of(path: Path) -> Format:
    """The format that the file's ending stands for; DataError for an ending that is not read."""
    ending = path.suffix.lower()
    if ending in _FORMATS:
        return _FORMATS[ending]
    advice = _ADVICE.get(ending, "convert it to one of them")
    found = f"the ending {ending!r}" if ending else "no ending"
    raise DataError(f"{_shown(path)} has {found}; read are {', '.join(_FORMATS)}; {advice}")


def sniff(path: Path, expected: Format) -> None:
    """Look at the first (and for Parquet the last) bytes; raises DataError when they are not what the name says."""
    head = _head(path)
    if not head:
        raise DataError(f"{_shown(path)} is empty (0 bytes)")
    if expected == "parquet":
        _check_parquet(path, head)
        return
    if expected == "ipc":
        if not head.startswith(b"ARROW1"):
            _refuse_other_kind(path, head, expected)
        return
    _refuse_other_kind(path, head, expected)
    _check_text(path, head)


def undecodable(path: Path) -> DataError:
    """The error for a text file that is not UTF-8: the first bad line, and the command that converts it."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LINE_BYTES), b""), start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return DataError(f"{_shown(path)}:{number}: {_encoding_advice(line, error)}")
    return DataError(f"{_shown(path)}: not UTF-8")


def suggest(name: str, names: Sequence[str]) -> str:
    """List the columns, with the nearest to `name` first if one is near; text for the end of a message."""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(repr(column) for column in names[:50])
    more = f" and {len(names) - 50} more" if len(names) > 50 else ""
    return printable(f"{hint}columns: {listed}{more}")


def _nothing_found(pattern: str) -> str:
    if glob.has_magic(pattern):
        return "no file matches this pattern"
    folder = Path(pattern).parent
    if not folder.is_dir():
        return f"the folder {_shown(folder)} does not exist"
    near = difflib.get_close_matches(Path(pattern).name, sorted(os.listdir(folder)), n=1)
    return "no such file" + (f"; did you mean {printable(near[0])}?" if near else "")


def _require_regular_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DataError(f"{_shown(path)} cannot be read: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise DataError(f"{_shown(path)} is a folder; name its files, for example {_shown(path)}/*.parquet")
    if not stat.S_ISREG(mode):
        raise DataError(f"{_shown(path)} is not a regular file")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise DataError(f"{_shown(path)} cannot be read: {error.strerror}") from error


def _check_parquet(path: Path, head: bytes) -> None:
    if not head.startswith(_PARQUET_MAGIC):
        _refuse_other_kind(path, head, "parquet")
        raise DataError(f"{_shown(path)} is not a Parquet file: it begins with {head[:16]!r}")
    with path.open("rb") as file:
        file.seek(-min(len(head), 4), os.SEEK_END)
        tail = file.read(4)
    if tail != _PARQUET_MAGIC or len(head) < 12:
        raise DataError(f"{_shown(path)} is a truncated Parquet file (its footer is missing); copy or write it again")


def _refuse_other_kind(path: Path, head: bytes, expected: Format) -> None:
    for signature, kind, advice in _SIGNATURES:
        if head.startswith(signature):
            raise DataError(f"{_shown(path)} is named {path.suffix} but is {kind}; {advice}")
    text = head.removeprefix(_UTF8_MARK).lstrip()[:16].lower()
    if text.startswith(_HTML_STARTS):
        raise DataError(
            f"{_shown(path)} is named {path.suffix} but is an HTML or XML page, perhaps the error page of a "
            f"download; fetch the {expected} file again"
        )


def _check_text(path: Path, head: bytes) -> None:
    if head.startswith(_UTF16_MARKS):
        raise DataError(f"{_shown(path)} is UTF-16; convert it: {_iconv('UTF-16', path)}")
    if not head.removeprefix(_UTF8_MARK).strip():
        raise DataError(f"{_shown(path)} holds nothing but white space")


def _encoding_advice(line: bytes, error: UnicodeDecodeError) -> str:
    bad = line[error.start : error.start + 4].hex(" ")
    found = f"not UTF-8 at byte {error.start + 1} of the line ({bad})"
    if line[error.start] == 0xED:
        return f"{found}: half of a surrogate pair; write the file again from its source"
    guess = _guess_encoding(line)
    return f"{found}; if it is {guess}, convert it: iconv -f {guess} -t UTF-8 FILE > NEW"


def _guess_encoding(line: bytes) -> str:
    try:
        text = line.decode("cp949")
    except UnicodeDecodeError:
        return "LATIN1"
    return "CP949" if any("가" <= character <= "힣" for character in text) else "LATIN1"


def _iconv(encoding: str, path: Path) -> str:
    return f"iconv -f {encoding} -t UTF-8 {_shown(path.name)} > NEW"


def _shown(path: Path | str) -> str:
    return printable(str(path))
