"""The journal's lines: one record each, guarded by a checksum, so a bad line costs one record and no more.

A line is 8 hexadecimal digits of CRC-32, a space, JSON, a line feed. A record is a result (its fields by name; with
`replaces`, if it takes the place of a stored row: when that one was finished, in microseconds, or null) or
`{"start": job_id, "usd": "0.01", "shard": "model/000000000"}`: a request that left and may have been paid. The last
start of a job says what is at stake for it in total: "0" is nothing any more, null is unknown. A result of the job
answers it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import orjson

from pipeline.core.records import Result

FOLDER = "journal"
MAX_LINE_BYTES = 256 * 1024 * 1024
_NAME = re.compile(r"(\d{8})\.jsonl")
_CHECKSUM_BYTES = 9  # eight digits and the space
_INT64 = range(-(2**63), 2**63)
_OPTIONS = orjson.OPT_NAIVE_UTC


def segment_name(number: int) -> str:
    """Name the file of segment `number`."""
    return f"{number:08d}.jsonl"


def segment_files(folder: Path) -> dict[int, Path]:
    """The segments below the run folder by number, ascending; symlinks are not segments."""
    directory = folder / FOLDER
    if not directory.is_dir():
        return {}
    found = ((_NAME.fullmatch(path.name), path) for path in sorted(directory.iterdir()))
    return {int(match[1]): path for match, path in found if match and path.is_file() and not path.is_symlink()}


def encode_record(result: Result) -> bytes:
    """Make a result's line. Lone surrogates become U+FFFD and integers beyond 64 bits null: the rest is kept."""
    return _line(_result_json(result))


def encode_replacement(result: Result, finished_us: int | None) -> bytes:
    """Make the line of a result that takes the place of the job's stored row, which was finished then."""
    return _line(b'{"replaces":%b,%b' % (orjson.dumps(finished_us), _result_json(result)[1:]))


def encode_start(job_id: str, at_stake_usd: Decimal | None = None, shard: str | None = None) -> bytes:
    """Make the line that says: a request for `job_id` is about to leave, and this much may be paid for it so far."""
    place = {} if shard is None else {"shard": shard}
    return _line(orjson.dumps({"start": job_id, "usd": at_stake_usd, **place}, default=_money))


def at_stake(record: Mapping[str, Any]) -> Decimal | None:
    """What a start says may be paid; None when that is unknown."""
    usd = record.get("usd")
    try:
        found = Decimal(usd) if isinstance(usd, str) else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() and found >= 0 else None


def decode_line(line: bytes) -> dict[str, Any] | None:
    """Read a line's record; None if the line is damaged or no record."""
    data = line[_CHECKSUM_BYTES:].removesuffix(b"\n")
    if line[:_CHECKSUM_BYTES] != b"%08x " % crc32(data):
        return None
    try:
        record = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return record if _is_record(record) else None


def read_lines(file: BinaryIO, *, limit: int = MAX_LINE_BYTES) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield each complete line's end offset and its record, None for a bad one; a torn tail is not yielded.

    A line longer than `limit` bytes is bad and never held in memory whole.
    """
    end = 0
    too_long = False
    while piece := file.readline(limit):
        end += len(piece)
        if piece.endswith(b"\n"):
            yield end, None if too_long else decode_line(piece)
            too_long = False
        else:
            too_long = True


def _result_json(result: Result) -> bytes:
    try:
        return orjson.dumps(result, default=_money, option=_OPTIONS)
    except TypeError:
        return orjson.dumps(_storable(result), option=_OPTIONS)


def _line(data: bytes) -> bytes:
    return b"%08x %b\n" % (crc32(data), data)


def _is_record(record: Any) -> bool:
    if not isinstance(record, dict):
        return False
    if "start" in record:
        return isinstance(record["start"], str)
    return isinstance(record.get("job_id"), str) and isinstance(record.get("shard"), str)


def _money(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def _storable(value: Any) -> Any:
    if isinstance(value, str):  # pairs of surrogates are joined, lone ones replaced
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, int):
        return value if value in _INT64 else None
    if isinstance(value, Mapping):
        return {_storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    if is_dataclass(value):
        return {field.name: _storable(getattr(value, field.name)) for field in fields(value)}
    return str(value) if isinstance(value, Decimal) else value
