"""What a run folder holds at this moment, read beside its writer: no lock is taken, and no byte is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import DiskError
from pipeline.store import manifest as manifests
from pipeline.store.disk import reported
from pipeline.store.follow import JournalFollower, Row
from pipeline.store.journal import FOLDER as JOURNAL
from pipeline.store.manifest import Manifest, State
from pipeline.store.objects import LocalObjects
from pipeline.store.parts import RESULTS, job_ids, read_part
from pipeline.store.schema import results_columns
from pipeline.store.segments import Start, known_usd

FAILED = ("error", "skipped")
_TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens")
_COLUMNS = ("model", "status", "source", "provider", "cost_usd", "finished_at", *_TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Sums over results of one model."""

    results: int = 0
    failed: int = 0
    tokens: int = 0
    """Of what this run asked for; reused answers used none."""
    cost_usd: Decimal | None = None
    """The sum of the known costs; None where none is known."""
    unpriced: int = 0
    """Answers that were called for and whose cost is not known."""
    by_second: Mapping[int, int] = field(default_factory=dict)
    """Results by the second (since 1970) in which they finished, as far back as was asked for."""

    def __add__(self, other: Tally) -> Tally:
        """Sum with another tally of the same model."""
        known = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Tally(
            results=self.results + other.results,
            failed=self.failed + other.failed,
            tokens=self.tokens + other.tokens,
            cost_usd=sum(known, Decimal(0)) if known else None,
            unpriced=self.unpriced + other.unpriced,
            by_second=Counter(self.by_second) + Counter(other.by_second),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A run folder at one moment."""

    state: State
    tallies: Mapping[str, Tally]
    """By model."""
    open_starts: Mapping[str, Start]
    """Requests of the last session without a result, by job id: in flight, or lost with their process."""
    unanswered: int
    """Requests of sessions before that, left without a result."""
    at_stake_usd: Decimal
    """What may have been paid for all of these, as far as known."""
    last_change: datetime | None
    """When journal or manifest last changed."""


class LiveReader:
    """Reads a run folder again and again; what cannot have changed since is not read twice."""

    def __init__(self, folder: Path) -> None:
        """Read `folder`, which exists and holds a run."""
        self._folder = folder
        self._objects = LocalObjects(folder)
        self._journal = JournalFollower(folder, ("job_id", "shard", *_COLUMNS))
        self._parts: dict[str, dict[str, Tally]] = {}

    def read(self, since_second: int) -> Holding:
        """What the folder holds; results since `since_second` are told by second.

        Where a compaction moves results while they are read, they are read again. Raises DiskError (exit 74) when a
        part is damaged or missing.
        """
        while True:
            manifest = self._manifest()
            try:
                with reported(self._folder):
                    holding = self._read(manifest, since_second)
            except DiskError:
                if self._manifest().number == manifest.number:
                    raise
                continue
            if self._manifest().number == manifest.number:
                return holding

    def _manifest(self) -> Manifest:
        return manifests.newest(self._objects)[0]

    def _read(self, manifest: Manifest, since_second: int) -> Holding:
        self._journal.read(manifest)
        listed = [part.file for part in manifest.parts]
        self._parts = {file: self._parts.get(file) or self._part(file, since_second) for file in listed}
        tallies: dict[str, Tally] = {}
        for found in (*self._parts.values(), self._pending(manifest, since_second)):
            for model, tally in found.items():
                tallies[model] = tallies.get(model, Tally()) + tally
        open_starts = self._journal.open_starts(manifest.unanswered.through)
        return Holding(
            state=manifest.state,
            tallies=tallies,
            open_starts=open_starts,
            unanswered=manifest.unanswered.requests,
            at_stake_usd=manifest.unanswered.usd + known_usd(open_starts),
            last_change=_last_change(self._folder),
        )

    def _part(self, file: str, since_second: int) -> dict[str, Tally]:
        return _tally(read_part(self._folder / RESULTS / file, columns=_COLUMNS), since_second)

    def _pending(self, manifest: Manifest, since_second: int) -> dict[str, Tally]:
        """The tallies of the journal's results that no part holds."""
        rows = self._journal.rows()
        shards = {row["shard"] for row in rows.values()}
        for part in manifest.parts:
            shared = shards & part.shards.keys()
            if shared:
                rows = _without(rows, job_ids(self._folder / RESULTS / part.file, shared))
        return _tally(results_columns(list(rows.values()), _COLUMNS), since_second)


def _without(rows: dict[str, Row], held: set[str]) -> dict[str, Row]:
    return {job_id: row for job_id, row in rows.items() if job_id not in held}


def _tally(table: pa.Table, since_second: int) -> dict[str, Tally]:
    """Sums by model."""
    reused = pc.fill_null(pc.equal(table["source"], "reused"), False)
    failed = pc.is_in(table["status"], value_set=pa.array(FAILED))
    cost = pc.if_else(reused, None, table["cost_usd"])
    called = pc.invert(pc.or_(reused, pc.fill_null(pc.equal(table["provider"], "recorded"), False)))
    unpriced = pc.and_(pc.and_(called, pc.is_null(cost)), pc.invert(failed))
    columns = {
        "model": table["model"],
        "failed": pc.cast(failed, pa.int64()),
        "tokens": pc.if_else(reused, 0, _sum(table, _TOKENS)),
        "cost": cost,
        "unpriced": pc.cast(unpriced, pa.int64()),
    }
    sums = pa.table(columns).group_by("model", use_threads=False)
    total = sums.aggregate([("failed", "count"), *((name, "sum") for name in ("failed", "tokens", "cost", "unpriced"))])
    seconds = _by_second(table, since_second)
    return {
        row["model"]: Tally(
            results=row["failed_count"],
            failed=row["failed_sum"],
            tokens=row["tokens_sum"],
            cost_usd=row["cost_sum"],
            unpriced=row["unpriced_sum"],
            by_second=seconds.get(row["model"], {}),
        )
        for row in total.to_pylist()
    }


def _sum(table: pa.Table, names: tuple[str, ...]) -> pa.ChunkedArray:
    first, *others = (pc.fill_null(table[name], 0) for name in names)
    for other in others:
        first = pc.add(first, other)
    return first


def _by_second(table: pa.Table, since_second: int) -> dict[str, dict[int, int]]:
    """Results by model and second, from `since_second` on."""
    second = pc.divide(pc.cast(table["finished_at"], pa.int64()), 1_000_000)
    recent = pa.table({"model": table["model"], "second": second}).filter(pc.greater_equal(second, since_second))
    counted = recent.group_by(["model", "second"], use_threads=False).aggregate([([], "count_all")])
    found: dict[str, dict[int, int]] = {}
    for row in counted.to_pylist():
        found.setdefault(row["model"], {})[row["second"]] = row["count_all"]
    return found


def _last_change(folder: Path) -> datetime | None:
    paths = [path for name in (JOURNAL, manifests.FOLDER) for path in (folder / name).glob("*.json*")]
    stamps = [path.stat().st_mtime for path in paths]
    return datetime.fromtimestamp(max(stamps), UTC) if stamps else None
