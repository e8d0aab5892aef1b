"""A sealed journal segment becomes one Parquet part, each job once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.core.errors import DiskError
from pipeline.store.disk import Disk, publish, temporary
from pipeline.store.journal import decode_line
from pipeline.store.manifest import Manifest, Part
from pipeline.store.parts import RESULTS, job_ids, part_name, spent_in, write_parquet
from pipeline.store.schema import RESULTS_SCHEMA, results_table
from pipeline.store.segments import Segment

_BATCH_ROWS = 250
_GROUP_PIECES = 8
_GROUP_BYTES = 4 * 1024 * 1024
_PAUSE_SECONDS = 0.0005


def write_part(folder: Path, segment: Segment, manifest: Manifest, disk: Disk) -> Part | None:
    """Write the part of a segment under its final name; None if the listed parts hold all its jobs already.

    Nothing refers to the part until a manifest lists it. Raises DiskError if the segment holds less than was
    acknowledged, and then leaves it as it is.
    """
    counts: Counter[str] = Counter()
    spent = Decimal(0)

    def tables() -> Iterator[pa.Table]:
        nonlocal spent
        for table in _row_groups(segment, segment.redundant | listed_jobs(folder, segment, manifest)):
            counts.update(table["shard"].to_pylist())
            spent += spent_in(table)
            yield table

    results = folder / RESULTS
    aside = temporary(results / f"part-{segment.number:08d}")
    written = write_parquet(aside, RESULTS_SCHEMA, tables(), disk)
    if not written.rows:
        disk.unlink(aside)
        return None
    file = part_name(segment.number, written.sha256)
    publish(disk, aside, results / file)
    return Part(
        file=file,
        rows=written.rows,
        bytes=written.bytes,
        sha256=written.sha256,
        spent_usd=spent,
        shards=dict(counts),
    )


def listed_jobs(folder: Path, segment: Segment, manifest: Manifest) -> set[str]:
    """Job ids of the segment that a listed part of the same shard holds."""
    found: set[str] = set()
    for part in manifest.parts:
        shared = segment.jobs.keys() & part.shards.keys()
        if not shared:
            continue
        ours = set().union(*(segment.jobs[shard].keys() for shard in shared))
        found |= ours & job_ids(folder / RESULTS / part.file, shared)
    return found


def _row_groups(segment: Segment, seen: set[str]) -> Iterator[pa.Table]:
    """The segment's results, each job once, in tables small enough to hold."""
    pieces: list[pa.Table] = []
    for rows in _batches(segment, seen):
        pieces.append(results_table(rows))
        if sum(piece.nbytes for piece in pieces) >= _GROUP_BYTES or len(pieces) >= _GROUP_PIECES:
            yield pa.concat_tables(pieces)
            pieces = []
        time.sleep(_PAUSE_SECONDS)  # the event loop shares the interpreter and would else wait for its lock
    if pieces:
        yield pa.concat_tables(pieces)


def _batches(segment: Segment, seen: set[str]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    size = records = 0
    for record, line_bytes in _results(segment):
        records += 1
        if record["job_id"] in seen:
            continue
        seen.add(record["job_id"])
        rows.append(record)
        size += line_bytes
        if len(rows) >= _BATCH_ROWS or size >= _GROUP_BYTES:
            yield rows
            rows, size = [], 0
    if records != segment.records:
        raise DiskError(
            f"{segment.path}: holds {records:,} readable results where {segment.records:,} were written; "
            "the disk changed them. Check the disk, then run the same command again: it asks for the missing ones again"
        )
    if rows:
        yield rows


def _results(segment: Segment) -> Iterator[tuple[dict[str, Any], int]]:
    """Each good result line of what was acknowledged, and its length."""
    offset = 0
    with segment.path.open("rb") as file:
        while offset < segment.length and (line := file.readline(segment.length - offset)):
            offset += len(line)
            record = decode_line(line)
            if record is not None and "start" not in record:
                yield record, len(line)
