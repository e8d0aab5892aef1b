"""A sealed journal segment becomes one Parquet part, each job once; rows that it replaces leave their parts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.core.errors import DiskError
from pipeline.store.disk import Disk, publish, temporary
from pipeline.store.journal import decode_line
from pipeline.store.manifest import Manifest, Part
from pipeline.store.parts import RESULTS, job_ids, part_name, spent_in, write_parquet
from pipeline.store.replacement import Replaced, replaced_rows, with_earlier_attempts, write_without
from pipeline.store.schema import RESULTS_SCHEMA, results_table
from pipeline.store.segments import Segment

Row = dict[str, Any]
_Sized = tuple[Row, int]
"""A record, and the length of its line."""
_BATCH_ROWS = 250
_GROUP_PIECES = 8
_GROUP_BYTES = 4 * 1024 * 1024
_PAUSE_SECONDS = 0.0005


def compacted(folder: Path, segment: Segment, manifest: Manifest, disk: Disk) -> tuple[Part, ...]:
    """Write what the next manifest lists once the segment is gone: parts under their final names.

    Nothing refers to the new ones until a manifest lists them. Raises DiskError if the segment holds less than was
    acknowledged, and then leaves everything as it is.
    """
    if not segment.records:
        return manifest.parts
    replaced = replaced_rows(folder, segment, manifest)
    part, leaving = _write_part(folder, segment, listed_jobs(folder, segment, manifest), replaced, disk)
    by_file: dict[str, set[str]] = {}
    for job_id in leaving:
        by_file.setdefault(replaced[job_id].file, set()).add(job_id)
    kept = (
        write_without(folder, listed, by_file[listed.file], segment.number, disk) if listed.file in by_file else listed
        for listed in manifest.parts
    )
    return tuple(one for one in (*kept, part) if one is not None)


def _write_part(
    folder: Path, segment: Segment, listed: set[str], replaced: Mapping[str, Replaced], disk: Disk
) -> tuple[Part | None, set[str]]:
    """Write the part of a segment, if there is anything in it that no part holds, and tell whose rows it replaces."""
    leaving: set[str] = set()
    counts: Counter[str] = Counter()
    spent = Decimal(0)

    def tables() -> Iterator[pa.Table]:
        nonlocal spent
        for table in _row_groups(_settled(segment, segment.redundant | listed, replaced, leaving)):
            counts.update(table["shard"].to_pylist())
            spent += spent_in(table)
            yield table

    results = folder / RESULTS
    aside = temporary(results / f"part-{segment.number:08d}")
    written = write_parquet(aside, RESULTS_SCHEMA, tables(), disk)
    if not written.rows:
        disk.unlink(aside)
        return None, leaving
    file = part_name(segment.number, written.sha256)
    publish(disk, aside, results / file)
    part = Part(
        file=file,
        rows=written.rows,
        bytes=written.bytes,
        sha256=written.sha256,
        spent_usd=spent,
        shards=dict(counts),
    )
    return part, leaving


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


def _row_groups(records: Iterator[_Sized]) -> Iterator[pa.Table]:
    """The records in tables small enough to hold."""
    pieces: list[pa.Table] = []
    size = 0
    for rows in _batches(records):
        pieces.append(results_table(rows))
        size += pieces[-1].nbytes
        if size >= _GROUP_BYTES or len(pieces) >= _GROUP_PIECES:
            yield pa.concat_tables(pieces)
            pieces, size = [], 0
        time.sleep(_PAUSE_SECONDS)  # the event loop shares the interpreter and would else wait for its lock
    if pieces:
        yield pa.concat_tables(pieces)


def _batches(records: Iterator[_Sized]) -> Iterator[list[Row]]:
    rows: list[Row] = []
    size = 0
    for record, line_bytes in records:
        rows.append(record)
        size += line_bytes
        if len(rows) >= _BATCH_ROWS or size >= _GROUP_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _settled(segment: Segment, seen: set[str], replaced: Mapping[str, Replaced], leaving: set[str]) -> Iterator[_Sized]:
    """The records that count, each job once; the jobs whose stored row one of them replaces are added to `leaving`."""
    records = 0
    for record, line_bytes in _results(segment):
        records += 1
        job_id = record["job_id"]
        if job_id in seen:
            continue
        seen.add(job_id)
        old = replaced.get(job_id) if "replaces" in record else None
        if old is None:
            yield record, line_bytes
        elif old.finished_us == record["replaces"]:
            leaving.add(job_id)
            yield with_earlier_attempts(record, old), line_bytes
    if records != segment.records:
        raise DiskError(
            f"{segment.path}: holds {records:,} readable results where {segment.records:,} were written; "
            "the disk changed them. Check the disk, then run the same command again: it asks for the missing ones again"
        )


def _results(segment: Segment) -> Iterator[_Sized]:
    """Each good result line of what was acknowledged, and its length."""
    offset = 0
    with segment.path.open("rb") as file:
        while offset < segment.length and (line := file.readline(segment.length - offset)):
            offset += len(line)
            record = decode_line(line)
            if record is not None and "start" not in record:
                yield record, len(line)
