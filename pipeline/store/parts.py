"""Parquet files that are whole or absent: written aside, hashed, synced, then named."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.core.errors import DiskError
from pipeline.store.disk import Disk, discard, publish, temporary, write_synced
from pipeline.store.manifest import Part

RESULTS = "results"
DIGEST_SUFFIX = ".sha256"
_PART = re.compile(r"part-(\d{8})-[0-9a-f]{8}\.parquet")
_BUFFER_BYTES = 1024 * 1024
_GROUP_ROWS = 20_000
_GROUP_BYTES = 64 * 1024 * 1024
_MAX_GROUP_ROWS = 1_000_000
_MAX_GROUP_BYTES = 1024 * 1024 * 1024
_UNREPEATED = {"job_id", "fingerprint", "text", "thinking", "content", "tool_calls", "usage_raw", "request_id"}
"""Columns whose values do not repeat: a dictionary would only cost time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A synced file that has no final name yet."""

    rows: int
    bytes: int
    sha256: str


def part_name(segment: int, digest: str) -> str:
    """Name the part made of a journal segment; the same content gets the same name."""
    return f"part-{segment:08d}-{digest[:8]}.parquet"


def part_segment(file: str) -> int | None:
    """The journal segment that a part was made of; None for a name that we never give."""
    match = _PART.fullmatch(file)
    return int(match[1]) if match else None


def write_parquet(path: Path, schema: pa.Schema, tables: Iterable[pa.Table], disk: Disk) -> Written:
    """Write tables as row groups of one synced file (zstd, page checksums); memory holds one table at a time."""
    sink = _Sink(disk.create(path), disk)
    try:
        try:
            rows = _write_groups(sink, schema, tables)
        finally:
            disk.close(sink.fd)
    except Exception:
        discard(disk, path)
        raise
    return Written(rows=rows, bytes=sink.position, sha256=sink.digest.hexdigest())


def _write_groups(sink: _Sink, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    writer = pq.ParquetWriter(sink, schema, **_options(schema))
    rows = 0
    try:
        for table in tables:
            writer.write_table(table, row_group_size=_group_rows(table))
            rows += table.num_rows
        writer.close()
        sink.sync()
    except BaseException:
        sink.broken = True  # what closing the writer still emits is worth nothing
        writer.close()
        raise
    return rows


def write_table(path: Path, table: pa.Table, disk: Disk) -> None:
    """Write one table as `write_tables` writes several."""
    write_tables(path, table.schema, [table], disk)


def write_tables(path: Path, schema: pa.Schema, tables: Iterable[pa.Table], disk: Disk) -> None:
    """Write tables under a final name, replacing what was there; never half. The hash goes beside it.

    Between the two there is a moment without a hash, never one with a wrong hash.
    """
    aside, note = temporary(path), digest_note(path)
    written = write_parquet(aside, schema, tables, disk)
    if note.exists():
        disk.unlink(note)
    publish(disk, aside, path)
    write_synced(disk, temporary(note), f"{written.sha256}\n".encode())
    publish(disk, temporary(note), note)


def table_file(name: str) -> str:
    """The file name of the table `name`; ValueError for what leads elsewhere."""
    file = name if name.endswith(".parquet") else f"{name}.parquet"
    if Path(file).name != file or file.startswith("."):
        raise ValueError(f"not a file name: {name!r}")
    return file


def digest_note(path: Path) -> Path:
    """The file that holds the hash of a table that no manifest lists."""
    return path.with_name(f"{path.name}{DIGEST_SUFFIX}")


def file_digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_BUFFER_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def job_ids(path: Path, shards: Iterable[str]) -> set[str]:
    """The job ids of some shards in one part; memory holds one row group."""
    wanted = pa.array(sorted(shards), pa.string())
    found: set[str] = set()
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["job_id", "shard"], use_threads=False)
            kept = table.filter(pc.is_in(table["shard"], value_set=wanted))
            found.update(kept["job_id"].to_pylist())
    return found


def describe(path: Path) -> Part:
    """Recompute what a manifest says of a part from the part itself; OSError or ArrowException if it is damaged."""
    shards: Counter[str] = Counter()
    spent = Decimal(0)
    rows = 0
    columns = ["shard", "source", "attempts"]
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            check_group(file, group)
            table = file.read_row_group(group, columns=columns, use_threads=False)
            rows += table.num_rows
            shards.update(table["shard"].to_pylist())
            spent += spent_in(table)
    return Part(
        file=path.name,
        rows=rows,
        bytes=path.stat().st_size,
        sha256=file_digest(path),
        spent_usd=spent,
        shards=dict(shards),
    )


def check_group(file: pq.ParquetFile, group: int) -> None:
    """Refuse with ValueError a row group that would unpack to more than any of ours."""
    metadata = file.metadata.row_group(group)
    if metadata.num_rows > _MAX_GROUP_ROWS or metadata.total_byte_size > _MAX_GROUP_BYTES:
        raise ValueError(
            f"row group {group} unpacks to {metadata.num_rows:,} rows and {metadata.total_byte_size:,} bytes; too large"
        )


def read_part(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a part's columns in the order asked for, page checksums compared; DiskError if it is damaged or missing."""
    with _sound(path) as file:
        for group in range(file.num_row_groups):
            check_group(file, group)
        return _selected(file.read(columns=_names(columns), use_threads=False), columns)


def read_group(path: Path, group: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one row group as `read_part` reads all."""
    with _sound(path) as file:
        check_group(file, group)
        return _selected(file.read_row_group(group, columns=_names(columns), use_threads=False), columns)


def group_sizes(path: Path) -> list[tuple[int, int]]:
    """Rows and unpacked bytes of each row group; DiskError if the file is damaged or missing."""
    with _sound(path) as file:
        groups = map(file.metadata.row_group, range(file.num_row_groups))
        return [(group.num_rows, group.total_byte_size) for group in groups]


@contextmanager
def _sound(path: Path) -> Iterator[pq.ParquetFile]:
    """The file, open; what is wrong with it is raised as DiskError."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        found = "it is missing" if isinstance(error, FileNotFoundError) else error
        raise DiskError(f"{path}: is damaged: {found}; `evalmill verify` lists what is wrong") from error


def _names(columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else list(columns)


def _selected(table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    return table if columns is None else table.select(list(columns))


def spent_in(table: pa.Table) -> Decimal:
    """What the budget booked for all attempts of the table's called jobs; the known cost where nothing was booked."""
    called = table.filter(pc.fill_null(pc.not_equal(table["source"], "reused"), True))
    attempts = pc.list_flatten(called["attempts"])
    costs = pc.struct_field(attempts, "cost_usd")
    if attempts.type.get_field_index("booked_usd") >= 0:  # parts of before that column have costs alone
        costs = pc.coalesce(pc.struct_field(attempts, "booked_usd"), costs)
    total: Decimal | None = pc.sum(costs).as_py()
    return total or Decimal(0)


def _group_rows(table: pa.Table) -> int:
    """Rows per group that keep a group small enough to be read at once."""
    row_bytes = 1 + table.nbytes // max(1, table.num_rows)
    rows: int = max(1, min(_GROUP_ROWS, _GROUP_BYTES // row_bytes))
    return rows


def _options(schema: pa.Schema) -> dict[str, Any]:
    repeated = [name for name in schema.names if name not in _UNREPEATED]
    return {"compression": "zstd", "write_page_checksum": True, "use_dictionary": repeated}


class _Sink(io.RawIOBase):
    """What the Parquet writer writes to: gathers small writes, hashes, and goes through the disk seam."""

    def __init__(self, fd: int, disk: Disk) -> None:
        self.fd = fd
        self.position = 0
        self.digest = sha256()
        self.broken = False
        self._disk = disk
        self._buffer = bytearray()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def write(self, data: Any) -> int:
        size = len(data)
        if self.broken:
            return size
        self.position += size
        self._buffer += data
        if len(self._buffer) >= _BUFFER_BYTES:
            self._empty()
        return size

    def sync(self) -> None:
        self._empty()
        self._disk.fdatasync(self.fd)

    def _empty(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        self.digest.update(data)
        self._disk.write_all(self.fd, data)
