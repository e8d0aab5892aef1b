"""Writing the journal: append a batch, wait for the disk, only then count it; errors never damage what counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Lock, RLock
from typing import Any, NamedTuple

from pipeline.core.records import Result
from pipeline.store.disk import Disk, is_full, reported
from pipeline.store.journal import FOLDER, encode_start, segment_name

_START_SECONDS = 0.002
"""What a start may wait for a batch that is being written, before it joins the next."""


class Entry(NamedTuple):
    """A line on its way to the journal: of a result, or of a start (then `result` is None)."""

    line: bytes
    job_id: str
    result: Result | None
    at_stake_usd: Decimal | None = None
    """Of a start: what may be paid for the job so far; 0 takes an earlier start back, None is unknown."""
    shard: str | None = None
    """Of a start: where its job stands in the plan, if that is known."""
    replaces: bool = False
    """Of a result: it takes the place of a stored row."""


class Start(NamedTuple):
    """A request that left."""

    usd: Decimal | None
    """What may be paid for its job so far; None is unknown."""
    shard: str | None = None


@dataclass(slots=True, kw_only=True)
class Segment:
    """One journal file and an index of what it holds durably."""

    number: int
    path: Path
    length: int = 0
    """Bytes that count; what lies behind them was never acknowledged."""
    records: int = 0
    """Result lines, redundant ones included."""
    jobs: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    """By shard and job id: what was booked for its attempts. Without the redundant ones."""
    replacing: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    """The same of results that take the place of rows in parts; a part counts these jobs."""
    redundant: set[str] = field(default_factory=set)
    """Job ids whose result an older segment or part holds already."""

    @property
    def results(self) -> int:
        """Jobs that no part and no other segment holds."""
        return sum(map(len, self.jobs.values()))

    @property
    def replacements(self) -> int:
        """Results that take the place of rows in parts."""
        return sum(map(len, self.replacing.values()))

    @property
    def spent_usd(self) -> Decimal:
        """What was booked for the attempts of its results, as far as known."""
        held = (*self.jobs.values(), *self.replacing.values())
        return sum((cost for costs in held for cost in costs.values()), Decimal(0))

    def add(self, job_id: str, shard: str, spent_usd: Decimal, *, replaces: bool) -> None:
        """Count one result line."""
        self.records += 1
        if job_id not in self.redundant:
            held = self.replacing if replaces else self.jobs
            held.setdefault(shard, {}).setdefault(job_id, spent_usd)

    def drop(self, job_ids: Iterable[str]) -> None:
        """Mark results as redundant; their cost is counted where they are held."""
        for job_id in job_ids:
            self.redundant.add(job_id)
            for costs in self.jobs.values():
                costs.pop(job_id, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLimits:
    """When a segment is sealed."""

    rows: int
    bytes: int


class Journal:
    """The segments that no part holds yet: sealed ones, and one that takes appends.

    For one thread at a time, but `append_start` may be called beside `append`.
    """

    def __init__(self, folder: Path, disk: Disk, limits: SegmentLimits, found: Sequence[Segment], number: int) -> None:
        """Continue after the segments `found`, the last of them if it has room; new ones are numbered from `number`."""
        self.lock = Lock()
        """Guards the lists and indexes below against readers in other threads."""
        self.sealed: list[Segment] = list(found)
        self.current: Segment | None = None
        self._folder = folder
        self._directory = folder / FOLDER
        self._disk = disk
        self._limits = limits
        self._number = number
        self._writing = RLock()
        """Guards the descriptor and what follows; not held while a batch waits for the disk."""
        self._fd: int | None = None
        self._end = 0
        """Bytes written to the current segment, those included that do not count yet."""
        self._is_unsettled = False
        """A batch was written whose bytes do not count yet."""
        self._is_torn = False
        """A start failed half way: the segment takes nothing more."""
        self.open_starts: dict[str, Start] = {}
        """Jobs of this session with a request that has no result yet."""
        if self.sealed and not self._is_full(self.sealed[-1]):
            self.current = self.sealed.pop()

    @property
    def rows_left(self) -> int:
        """Rows that the current segment takes before it is sealed."""
        return self._limits.rows - (self.current.records if self.current else 0)

    def append(self, entries: Sequence[Entry]) -> None:
        """Store entries durably, or raise DiskError; then none of them counts, and all that counted before still does.

        A batch of starts alone is written but not waited for.
        """
        data = b"".join([entry.line for entry in entries])
        durable = any(entry.result is not None for entry in entries)
        with reported(self._folder, bytes_needed=len(data)):
            self._write_somewhere(data, durable)
        with self.lock:
            self._count(entries)
        if self.current is not None and self._is_full(self.current):
            self.seal()

    def append_start(self, entry: Entry) -> bool:
        """Write a start at once, so that it stands there before its request leaves.

        False when the journal is busy or failing: then it has to be appended.
        """
        if not self._writing.acquire(timeout=_START_SECONDS):
            return False
        try:
            if self._is_torn:
                return False
            self._write(entry.line, durable=False)
            with self.lock:
                note_start(self.open_starts, entry.job_id, Start(entry.at_stake_usd, entry.shard))
        except OSError:
            self._is_torn = True
            return False
        finally:
            self._writing.release()
        return True

    def seal(self) -> None:
        """Close the current segment for good; `compactable` says when it may go."""
        with self._writing:
            self.close()
            if self.current is None:
                return
            with self.lock:
                self.sealed.append(self.current)
                self.current = None

    def compactable(self) -> Segment | None:
        """The oldest sealed segment, once its open starts stand in a newer one too."""
        with self.lock:
            if not self.sealed:
                return None
            oldest, *newer = self.pending()
            is_restated = any(segment.length for segment in newer)
            return oldest if is_restated or not self.open_starts else None

    def forget_starts(self) -> None:
        """Drop the open starts; the caller has counted them for good."""
        with self.lock:
            self.open_starts.clear()

    def forget(self, segment: Segment) -> None:
        """Drop a segment from the index; the caller holds `lock` and has a part for it."""
        self.sealed.remove(segment)

    def pending(self) -> list[Segment]:
        """Every segment that no part holds yet; the caller holds `lock`."""
        return [*self.sealed, self.current] if self.current else list(self.sealed)

    def close(self) -> None:
        """Give the descriptor back."""
        with self._writing:
            fd, self._fd = self._fd, None
            if fd is not None:
                self._disk.close(fd)

    def _write_somewhere(self, data: bytes, durable: bool) -> None:
        """Write to the current segment, and on an error once more to a new one: a failed sync is never repeated."""
        if self._is_torn:
            self._abandon()
        for is_last_try in (False, True):
            try:
                self._write(data, durable)
                break
            except OSError as error:
                self._abandon()
                if is_last_try or is_full(error):
                    raise

    def _write(self, data: bytes, durable: bool) -> None:
        with self._writing:
            segment = self.current or self._new_segment()
            if self._fd is None:
                self._fd = self._disk.open_append(segment.path)
                self._disk.fsync_dir(self._directory)
                self._end = segment.length
            header = b"" if self._end else self._restated_starts()
            is_first = not self._is_unsettled
            self._is_unsettled = True
            self._disk.write_all(self._fd, header + data)
            self._end += len(header) + len(data)
            if header:  # the segment that held these starts may go as soon as they stand here
                self._disk.fdatasync(self._fd)
            fd = self._fd
            if not durable:
                self._settle(segment, is_first)
                return
        self._disk.fdatasync(fd)
        with self._writing:
            self._settle(segment, is_first)

    def _settle(self, segment: Segment, is_first: bool) -> None:
        """Let what was written count, unless a batch that was written before still waits for the disk."""
        if is_first:
            segment.length = self._end
            self._is_unsettled = False

    def _restated_starts(self) -> bytes:
        with self.lock:
            return b"".join([encode_start(job_id, *start) for job_id, start in self.open_starts.items()])

    def _new_segment(self) -> Segment:
        path = self._directory / segment_name(self._number)
        self.current = Segment(number=self._number, path=path)
        self._number += 1
        return self.current

    def _abandon(self) -> None:
        """Cut what did not count and leave the file for good; it is never synced again."""
        with self._writing:
            segment, fd = self.current, self._fd
            if segment is not None and fd is not None:
                with suppress(OSError):
                    self._disk.truncate(fd, segment.length)
            with suppress(OSError):
                self.close()
            self.seal()
            self._is_unsettled = self._is_torn = False

    def _count(self, entries: Sequence[Entry]) -> None:
        segment = self.current
        assert segment is not None
        for entry in entries:
            at_stake_usd = entry.at_stake_usd if entry.result is None else Decimal(0)
            note_start(self.open_starts, entry.job_id, Start(at_stake_usd, entry.shard))
            if entry.result is None:
                continue
            segment.add(entry.job_id, entry.result.shard, spent_on(entry.result), replaces=entry.replaces)

    def _is_full(self, segment: Segment) -> bool:
        return segment.records >= self._limits.rows or segment.length >= self._limits.bytes


def note_start(open_starts: dict[str, Start], job_id: str, start: Start) -> None:
    """Set what is at stake for a job; with nothing at stake it is not open any more."""
    if start.usd == 0:
        open_starts.pop(job_id, None)
    else:
        open_starts[job_id] = start


def known_usd(open_starts: Mapping[str, Start]) -> Decimal:
    """What is at stake in all, as far as known."""
    return sum((start.usd for start in open_starts.values() if start.usd is not None), Decimal(0))


def spent_on_row(row: Mapping[str, Any]) -> Decimal:
    """What was booked for a decoded result's attempts, or their known costs; nothing for a reused answer."""
    if row.get("source") == "reused":
        return Decimal(0)
    booked = (
        attempt.get("cost_usd") if attempt.get("booked_usd") is None else attempt["booked_usd"]
        for attempt in row.get("attempts") or ()
    )
    return sum((Decimal(usd) for usd in booked if usd is not None), Decimal(0))


def spent_on(result: Result) -> Decimal:
    """What was booked for a result's attempts, or their known costs; nothing for a reused answer."""
    if result.source == "reused":
        return Decimal(0)
    booked = (attempt.cost_usd if attempt.booked_usd is None else attempt.booked_usd for attempt in result.attempts)
    return sum((usd for usd in booked if usd is not None), Decimal(0))
