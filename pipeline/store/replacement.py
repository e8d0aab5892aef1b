"""Jobs that are asked again: which rows may be replaced, by what, and how their parts do without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.core.records import ANSWERED, Result
from pipeline.store.disk import Disk, publish, temporary
from pipeline.store.manifest import Manifest, Part
from pipeline.store.parts import RESULTS, check_group, part_name, spent_in, write_parquet
from pipeline.store.schema import RESULTS_SCHEMA
from pipeline.store.segments import Segment

Row = dict[str, Any]


class Standing(NamedTuple):
    """The stored row of a job that is asked again."""

    is_answered: bool
    finished_us: int | None


class Replaced(NamedTuple):
    """A stored row that a newer result may take the place of."""

    file: str
    """The part that holds it."""
    finished_us: int | None
    attempts: list[Row]
    """As the journal writes them."""


def standing_rows(folder: Path, manifest: Manifest, statuses: Collection[str]) -> dict[str, dict[str, Standing]]:
    """The stored rows with one of these statuses, by shard and job id."""
    wanted = pa.array(sorted(statuses), pa.string())
    found: dict[str, dict[str, Standing]] = {}
    for part in manifest.parts:
        for table in _groups(folder / RESULTS / part.file, ("job_id", "shard", "status", "finished_at")):
            for row in _plain_instants(table.filter(pc.is_in(table["status"], value_set=wanted))).to_pylist():
                standing = Standing(row["status"] in ANSWERED, row["finished_at"])
                found.setdefault(row["shard"], {})[row["job_id"]] = standing
    return found


def is_better(result: Result, standing: Standing) -> bool:
    """Whether a result may take a row's place: an answer always, a new failure only that of an old one."""
    return result.status in ANSWERED or (bool(result.attempts) and not standing.is_answered)


def replaced_rows(folder: Path, segment: Segment, manifest: Manifest) -> dict[str, Replaced]:
    """The stored rows of the jobs that have a replacement in the segment, by job id."""
    found: dict[str, Replaced] = {}
    for part in manifest.parts:
        shared = segment.replacing.keys() & part.shards.keys()
        if not shared:
            continue
        wanted = pa.array([job_id for shard in shared for job_id in segment.replacing[shard]], pa.string())
        for table in _groups(folder / RESULTS / part.file, ("job_id", "finished_at", "attempts")):
            found |= stored_replaced(part.file, table.filter(pc.is_in(table["job_id"], value_set=wanted)))
    return found


def stored_replaced(file: str, table: pa.Table) -> dict[str, Replaced]:
    """The rows of a table of `job_id`, `finished_at` and `attempts`, by job id, as what may be replaced in `file`."""
    return {
        row["job_id"]: Replaced(
            file, row["finished_at"], [_plain_attempt(attempt) for attempt in row["attempts"] or ()]
        )
        for row in _plain_instants(table).to_pylist()
    }


def with_earlier_attempts(record: Row, replaced: Replaced) -> Row:
    """A journal record that carries on the attempts of the row that it replaces, and what they cost."""
    attempts = [*replaced.attempts, *(record.get("attempts") or ())]
    known = [Decimal(attempt["cost_usd"]) for attempt in replaced.attempts if attempt["cost_usd"] is not None]
    return {**record, "attempts": attempts, "cost_usd": _total(record, known)}


def write_without(folder: Path, part: Part, job_ids: Collection[str], number: int, disk: Disk) -> Part | None:
    """Write what is left of a part without these jobs, named after segment `number`; None if nothing is left.

    As long as no manifest lists it and the segment is there, recovery removes it.
    """
    counts: Counter[str] = Counter()
    spent = Decimal(0)
    gone = pa.array(sorted(job_ids), pa.string())

    def tables() -> Iterator[pa.Table]:
        nonlocal spent
        for table in _groups(folder / RESULTS / part.file, RESULTS_SCHEMA.names):
            kept = table.filter(pc.invert(pc.is_in(table["job_id"], value_set=gone)))
            counts.update(kept["shard"].to_pylist())
            spent += spent_in(kept)
            yield kept.cast(RESULTS_SCHEMA)

    aside = temporary(folder / RESULTS / f"part-{number:08d}-rest")
    written = write_parquet(aside, RESULTS_SCHEMA, tables(), disk)
    if not written.rows:
        disk.unlink(aside)
        return None
    file = part_name(number, written.sha256)
    publish(disk, aside, folder / RESULTS / file)
    return Part(
        file=file,
        rows=written.rows,
        bytes=written.bytes,
        sha256=written.sha256,
        spent_usd=spent,
        shards=dict(counts),
    )


def _groups(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            check_group(file, group)
            yield file.read_row_group(group, columns=list(columns), use_threads=False).select(list(columns))


def _plain_instants(table: pa.Table) -> pa.Table:
    """Instants as microseconds."""
    position = table.schema.get_field_index("finished_at")
    return table.set_column(position, "finished_at", table["finished_at"].cast(pa.int64()))


def _plain_attempt(attempt: Mapping[str, Any]) -> Row:
    return {name: _plain(value) for name, value in attempt.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _total(record: Row, earlier: Sequence[Decimal]) -> str | None:
    """The job's cost with its earlier attempts; an answer of unknown cost leaves it unknown."""
    own = record.get("cost_usd")
    if own is None and (record["status"] in ANSWERED or not earlier):
        return None
    return str(sum(earlier, Decimal(own or 0)))
