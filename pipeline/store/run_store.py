"""A run folder, open for writing: results in, acknowledged when durable, compacted to Parquet behind the scenes."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import anyio.abc
import pyarrow as pa

from pipeline.core.clock import Clock, SystemClock
from pipeline.core.records import Result
from pipeline.store import manifest as manifests
from pipeline.store.committer import Acknowledge, Committer
from pipeline.store.compaction import compacted
from pipeline.store.disk import SYSTEM_DISK, Disk, reported
from pipeline.store.folder import run_digest
from pipeline.store.journal import encode_record, encode_replacement, encode_start
from pipeline.store.lock import RunLock
from pipeline.store.manifest import Manifest, State, Unanswered
from pipeline.store.objects import LocalObjects
from pipeline.store.parts import RESULTS, digest_note, job_ids, part_segment, table_file, write_table, write_tables
from pipeline.store.recovery import (
    ROWS,
    SCORES,
    Recovery,
    prepare,
    recover_parts,
    recover_segments,
    unlisted_parts,
)
from pipeline.store.replacement import Standing, is_better, standing_rows
from pipeline.store.segments import Entry, Journal, Segment, SegmentLimits, known_usd, spent_on

_CLOCK = SystemClock()


def _ignore(result: Result) -> None:
    """Nobody asked to be told."""


class RunStore:
    """The one writer of a run folder.

    `commit_forever` runs beside the producers; `put` queues; `finish` leaves nothing but parts. A result counts once
    `on_acknowledged` has been called with it: from then on no crash loses it.
    """

    def __init__(self, folder: Path, lock: RunLock, disk: Disk, recovery: Recovery) -> None:
        """Use `open` instead."""
        self.folder = folder
        self.recovered = recovery
        self.kept_rows = 0
        """Jobs that were asked again and keep their old row, since nothing better came."""
        self._on_kept: Callable[[Result], None] = _ignore
        self._redone: dict[str, dict[str, Standing]] = {}
        self._lock = lock
        self._disk = disk
        self._objects = LocalObjects(folder, disk)
        self._compacting = anyio.CapacityLimiter(1)
        self._writer_ended: anyio.Event | None = None
        self._manifest: Manifest
        self._journal: Journal
        self._committer: Committer

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        disk: Disk = SYSTEM_DISK,
        segment_rows: int = 20_000,
        segment_bytes: int = 64 * 1024 * 1024,
        commit_seconds: float = 0.01,
        clock: Clock = _CLOCK,
    ) -> RunStore:
        """Take the lock, put right what a crash left behind, and be ready.

        Raises OutputError (exit 73) if another process holds the folder, DiskError (exit 74) if a listed part is gone.
        """
        lock = RunLock.take(folder, now=clock.now())
        store = cls(folder, lock, disk, Recovery())
        try:
            with reported(folder):
                store._recover(SegmentLimits(rows=segment_rows, bytes=segment_bytes))
        except BaseException:
            lock.release()
            raise
        store._committer = Committer(store._journal, commit_seconds)
        return store

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def shard_rows(self) -> Mapping[str, int]:
        """Finished jobs per shard, acknowledged ones only; reads no file."""
        manifest, segments = self._snapshot()
        rows: Counter[str] = Counter()
        for part in manifest.parts:
            rows.update(part.shards)
        for segment in segments:
            rows.update({shard: len(ids) for shard, ids in segment.jobs.items()})
        rows.subtract({shard: len(ids) for shard, ids in self._redone.items()})
        return rows

    def job_ids(self, shard: str) -> set[str]:
        """Ids of a shard's finished jobs; reads only the parts that hold some of them."""
        manifest, segments = self._snapshot()
        found: set[str] = set()
        for segment in segments:
            found |= segment.jobs.get(shard, {}).keys()
        for part in manifest.parts:
            if shard in part.shards:
                found |= job_ids(self.folder / RESULTS / part.file, [shard])
        return found - self._redone.get(shard, {}).keys()

    def redo(self, statuses: Collection[str]) -> int:
        """Count the jobs that ended with one of these statuses as not finished; returns how many there are.

        The row of such a job stays until a result is put that is better: an answer, or a new failure where the old
        row is one. The new row carries on the attempts of the old. Not while `commit_forever` runs.
        """
        self.compact()
        self._redone = standing_rows(self.folder, self._manifest, statuses)
        count = sum(map(len, self._redone.values()))
        if count:
            self.reopen()
        return count

    def reopen(self) -> None:
        """Count the run as unfinished, before jobs are added to one that was complete."""
        if self._manifest.state == "complete":
            with reported(self.folder):
                self._manifest = self._commit(replace(self._manifest, state="running"))

    def is_redone(self, shard: str, job_id: str) -> bool:
        """Whether a job is asked again, and has no new result yet."""
        return job_id in self._redone.get(shard, ())

    def spent_usd(self) -> Decimal:
        """What was booked for all attempts of everything stored, and for what earlier sessions left unanswered.

        Failed attempts are included, reused answers are not; an attempt without a booking counts with its known cost.
        """
        manifest, segments = self._snapshot()
        listed = sum((part.spent_usd for part in manifest.parts), manifest.unanswered.usd)
        return listed + sum((segment.spent_usd for segment in segments), Decimal(0))

    def unanswered(self) -> tuple[int, Decimal]:
        """Requests of the whole run that left without a result ever being stored, and what was at stake for them.

        Those that this session has in flight are not among them until `finish`.
        """
        counted = self._manifest.unanswered
        return counted.requests, counted.usd

    def parts(self) -> list[Path]:
        """The results that the manifest in force lists, in order."""
        return [self.folder / RESULTS / part.file for part in self._manifest.parts]

    async def commit_forever(
        self,
        *,
        on_acknowledged: Acknowledge,
        on_kept: Callable[[Result], None] = _ignore,
        task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Write what is put, until `finish`; the one writer task, run in the caller's task group.

        `on_kept` is told of results that are not stored, since the rows of their jobs are as good.
        Raises DiskError (exit 74) when the disk fails; `put` and `finish` raise it too from then on.
        """
        self._writer_ended = anyio.Event()
        self._on_kept = on_kept
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._compact_forever)
                await self._committer.run(on_acknowledged, task_status.started)
                tasks.cancel_scope.cancel()
        finally:
            self._writer_ended.set()
        self._committer.check()

    async def put(self, result: Result) -> None:
        """Queue a result, at once; then wait if 64 MiB or 20,000 rows are waiting to be written.

        So whoever is cancelled while it waits has lost nothing. Of a job that is asked again, a result that is no
        better is not stored: what its attempts cost is counted as unanswered.
        """
        standing = self._redone.get(result.shard, {}).pop(result.job_id, None)
        if standing is None:
            self._committer.add(Entry(encode_record(result), result.job_id, result))
        elif is_better(result, standing):
            line = encode_replacement(result, standing.finished_us)
            self._committer.add(Entry(line, result.job_id, result, replaces=True))
        else:
            self.kept_rows += 1
            self.put_start(result.job_id, spent_on(result), result.shard)
            self._on_kept(result)
        if self._committer.is_full:
            await self._committer.room()

    def put_start(self, job_id: str, at_stake_usd: Decimal | None = None, shard: str | None = None) -> None:
        """Write down that a request for `job_id` is about to leave, so that a crash can count what was possibly paid.

        The last amount counts, for all requests of the job together: 0 is nothing any more, None is unknown. The shard
        tells whoever follows the journal which model is asked.
        """
        line = encode_start(job_id, at_stake_usd, shard)
        self._committer.add_start(Entry(line, job_id, None, at_stake_usd, shard))

    async def finish(self, state: State) -> None:
        """Store everything queued, turn the journal into parts, and list them; then nothing more can be put.

        Raises DiskError (exit 74); everything acknowledged is kept then.
        """
        self._committer.close()
        if self._writer_ended is not None:
            await self._writer_ended.wait()
        self._committer.check()
        await self._committer.drain()
        await anyio.to_thread.run_sync(self._finish, state, limiter=self._compacting)

    def compact(self) -> None:
        """Turn what is in the journal into parts and leave the state as it is; for a run that was killed.

        Not while `commit_forever` runs. Raises DiskError (exit 74); everything acknowledged is kept then.
        """
        with reported(self.folder):
            self._journal.seal()
        while self._journal.compactable() is not None:
            self._compact_oldest(self._manifest.state)

    def close(self) -> None:
        """Store what still waits, as far as the disk allows, and release the lock; closing twice is harmless."""
        try:
            self._committer.drain_now()
            self._journal.close()
        finally:
            self._lock.release()

    def put_rows(self, name: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
        """Store dataset columns as `rows/<name>.parquet`; a name that exists is kept, so repeating is harmless."""
        if not self.has_rows(name):
            with reported(self.folder):
                write_tables(self.folder / ROWS / table_file(name), schema, tables, self._disk)

    def has_rows(self, name: str) -> bool:
        """Whether `rows/<name>.parquet` is stored."""
        return (self.folder / ROWS / table_file(name)).exists()

    def put_scores(self, part_name: str, table: pa.Table) -> None:
        """Store the scores of one results part under that part's name, replacing earlier ones as a whole."""
        path = self.folder / SCORES / table_file(part_name)
        with reported(self.folder, bytes_needed=table.nbytes):
            write_table(path, table, self._disk)

    def _snapshot(self) -> tuple[Manifest, list[Segment]]:
        """The manifest and the segments that it does not cover, of one moment; indexes are copied."""
        with self._journal.lock:
            segments = [
                replace(s, jobs={shard: dict(ids) for shard, ids in s.jobs.items()}) for s in self._journal.pending()
            ]
            return self._manifest, segments

    def _recover(self, limits: SegmentLimits) -> None:
        prepare(self.folder, self._disk)
        manifest = recover_parts(self.folder, self._objects, self._disk, self.recovered)
        segments = recover_segments(self.folder, manifest, self._disk, self.recovered)
        found = max((segment.number for segment in segments), default=0)
        last = max([found, manifest.compacted_through, manifest.unanswered.through, *_segments_of(manifest)])
        self._manifest = manifest
        self._journal = Journal(self.folder, self._disk, limits, segments, last + 1)
        if self.recovered.unanswered_starts:
            self._count_unanswered(self.recovered.unanswered_starts, self.recovered.unanswered_usd, found)
        if found <= self._manifest.unanswered.through:
            self._journal.seal()  # its starts are counted: a new one would not be

    async def _compact_forever(self) -> None:
        while True:
            if self._journal.compactable() is not None:
                try:
                    await anyio.to_thread.run_sync(self._compact_oldest, "running", limiter=self._compacting)
                except Exception as error:
                    self._committer.fail(error)
                    return
            else:
                self._committer.sealed = anyio.Event()
                await self._committer.sealed.wait()

    def _compact_oldest(self, state: State) -> None:
        segment = self._journal.sealed[0]
        with reported(self.folder, bytes_needed=segment.length):
            parts = compacted(self.folder, segment, self._manifest, self._disk)
            replaced = {part.file for part in self._manifest.parts} - {part.file for part in parts}
            manifest = self._commit(replace(self._manifest, state=state, compacted_through=segment.number, parts=parts))
            if replaced:
                # Once they are removed no older manifest will do: so two of them know what took their place.
                manifest = self._commit(manifest)
            with self._journal.lock:
                self._manifest = manifest
                self._journal.forget(segment)
            for file in sorted(replaced):
                self._remove_part(file)
            if segment.path.exists():
                self._disk.unlink(segment.path)

    def _remove_part(self, file: str) -> None:
        """Remove a part that is listed no more, its scores first."""
        scores = self.folder / SCORES / file
        for path in (scores, digest_note(scores), self.folder / RESULTS / file):
            if path.exists():
                self._disk.unlink(path)

    def _finish(self, state: State) -> None:
        with reported(self.folder):
            self._journal.seal()
            open_starts = self._journal.open_starts
            if open_starts:
                self._count_unanswered(len(open_starts), known_usd(open_starts), self._journal.sealed[-1].number)
                self._journal.forget_starts()
            while self._journal.sealed:
                self._compact_oldest("running")
            for path in unlisted_parts(self.folder, self._manifest):
                self._disk.unlink(path)
            if self._manifest.state != state or not self._manifest.number:
                self._manifest = self._commit(replace(self._manifest, state=state))

    def _count_unanswered(self, requests: int, usd: Decimal, through: int) -> None:
        """Add starts without a result to the manifest; one commit, so that no crash counts them twice."""
        known = self._manifest.unanswered
        unanswered = Unanswered(requests=known.requests + requests, usd=known.usd + usd, through=through)
        self._manifest = self._commit(replace(self._manifest, unanswered=unanswered))

    def _commit(self, manifest: Manifest) -> Manifest:
        """Commit the next manifest, after a look whether the parts are still there."""
        for part in manifest.parts:
            if (self.folder / RESULTS / part.file).stat().st_size != part.bytes:
                raise OSError(errno.EIO, "was changed while the run wrote", str(self.folder / RESULTS / part.file))
        number = max(manifests.numbered(self._objects), default=0) + 1
        numbered = replace(manifest, number=number, run_sha256=run_digest(self.folder))
        manifests.commit(self._objects, numbered)
        return numbered


def _segments_of(manifest: Manifest) -> list[int]:
    return [part_segment(part.file) or 0 for part in manifest.parts]
