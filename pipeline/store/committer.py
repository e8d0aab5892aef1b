"""The queue in front of the journal: gathers results, commits them in groups, and says which are safe."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import anyio

from pipeline.core.errors import DiskError
from pipeline.core.records import Result
from pipeline.store.segments import Entry, Journal

_BATCH_BYTES = 1024 * 1024
_QUEUE_BYTES = 64 * 1024 * 1024
_QUEUE_ROWS = 20_000

Acknowledge = Callable[[Sequence[Result]], None]


class Committer:
    """Takes entries on the event loop and writes them in a thread, in order, at most every `commit_seconds`."""

    def __init__(self, journal: Journal, commit_seconds: float) -> None:
        """Write to `journal`."""
        self.failure: Exception | None = None
        """Why nothing more can be stored; once set, every call raises it."""
        self.sealed = anyio.Event()
        """Set when a commit leaves a segment to compact behind; replaced by whoever waits for it."""
        self._journal = journal
        self._commit_seconds = commit_seconds
        self._waiting: deque[Entry] = deque()
        self._waiting_bytes = 0
        self._waiting_starts: Counter[str] = Counter()
        """Starts by job that are queued or being appended: a later one of the job must not overtake them."""
        self._is_closed = False
        self._acknowledge: Acknowledge | None = None
        self._turn = anyio.Lock()
        self._thread = anyio.CapacityLimiter(1)
        self._work = anyio.Event()
        self._enough = anyio.Event()
        self._room = anyio.Event()
        self._is_running = False

    @property
    def is_full(self) -> bool:
        """Whether `put` has to wait."""
        return self._waiting_bytes >= _QUEUE_BYTES or len(self._waiting) >= _QUEUE_ROWS

    def add(self, entry: Entry) -> None:
        """Queue an entry; raises what stopped the store, or RuntimeError after `close`."""
        self._require_open()
        self._waiting.append(entry)
        self._waiting_bytes += len(entry.line)
        self._work.set()
        if self._waiting_bytes >= _BATCH_BYTES:
            self._enough.set()

    def add_start(self, entry: Entry) -> None:
        """Write a start before its request leaves; queue it where the journal is busy. Raises as `add` does."""
        self._require_open()
        if not self._waiting_starts[entry.job_id] and self._journal.append_start(entry):
            return
        self._waiting_starts[entry.job_id] += 1
        self.add(entry)

    async def room(self) -> None:
        """Wait until the queue is no longer full; without a running writer, write it out here."""
        while self.is_full:
            self.check()
            if self._is_running:
                await self._room.wait()
            else:
                await self._commit()

    def check(self) -> None:
        """Raise what stopped the store."""
        if self.failure is not None:
            raise self.failure

    def fail(self, error: Exception) -> None:
        """Stop: nobody waits for a store that cannot write."""
        self.failure = self.failure or error
        self._wake()

    def close(self) -> None:
        """Take nothing more; `run` ends when the queue is empty."""
        self._is_closed = True
        self._wake()

    async def run(self, acknowledge: Acknowledge, started: Callable[[], None]) -> None:
        """Commit until closed and empty, or until a failure, which is kept in `failure` and not raised."""
        self._acknowledge = acknowledge
        self._is_running = True
        started()
        try:
            while self.failure is None and not (self._is_closed and not self._waiting):
                await self._gather()
                await self._commit()
        except Exception as error:
            self.fail(error)
        finally:
            self._is_running = False
            self._wake()

    async def drain(self) -> None:
        """Write out what waits, when no writer runs; raises what stops it."""
        while self._waiting:
            self.check()
            await self._commit()

    def drain_now(self) -> None:
        """Store what waits without acknowledging it, as far as the disk allows; for the last moment."""
        entries = self._take_all()
        with suppress(DiskError):
            while entries:
                count = max(1, self._journal.rows_left)
                self._journal.append(entries[:count])
                del entries[:count]

    async def _gather(self) -> None:
        """Wait for work, then a moment for more of it, so that one sync serves many."""
        if not self._is_closed and self.failure is None:
            await self._work.wait()
        if not self._is_closed and self.failure is None:
            with anyio.move_on_after(self._commit_seconds):
                await self._enough.wait()

    async def _commit(self) -> None:
        async with self._turn:
            entries = self._take()
            if not entries:
                return
            with anyio.CancelScope(shield=True):  # what is on the disk is acknowledged, even while being cancelled
                await self._append(entries)
            results = [entry.result for entry in entries if entry.result is not None]
            if results and self._acknowledge is not None:
                self._acknowledge(results)

    async def _append(self, entries: list[Entry]) -> None:
        try:
            await anyio.to_thread.run_sync(self._journal.append, entries, limiter=self._thread)
        except Exception as error:
            self._waiting.extendleft(reversed(entries))  # `drain_now` tries once more, when the others are gone
            self.fail(error)
            raise
        self._waiting_starts -= Counter(_starts_of(entries))
        if self._journal.compactable() is not None:
            self.sealed.set()

    def _require_open(self) -> None:
        self.check()
        if self._is_closed:
            raise RuntimeError("the store is finished; it takes no more results")

    def _take(self) -> list[Entry]:
        """The oldest entries that make one batch: about a mebibyte, and no more rows than the segment takes."""
        entries: list[Entry] = []
        size = 0
        rows_left = self._journal.rows_left
        while self._waiting and size < _BATCH_BYTES and rows_left > 0:
            entry = self._waiting.popleft()
            entries.append(entry)
            size += len(entry.line)
            rows_left -= entry.result is not None
        self._taken(size)
        return entries

    def _take_all(self) -> list[Entry]:
        entries = list(self._waiting)
        self._waiting.clear()
        self._taken(self._waiting_bytes)
        return entries

    def _taken(self, size: int) -> None:
        self._waiting_bytes -= size
        if not self._waiting:
            self._work = anyio.Event()
        if self._waiting_bytes < _BATCH_BYTES and self._enough.is_set() and not self._is_closed:
            self._enough = anyio.Event()
        self._room.set()
        self._room = anyio.Event()

    def _wake(self) -> None:
        self._work.set()
        self._enough.set()
        self._room.set()
        self.sealed.set()


def _starts_of(entries: Iterable[Entry]) -> list[str]:
    return [entry.job_id for entry in entries if entry.result is None]
