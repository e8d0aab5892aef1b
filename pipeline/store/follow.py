"""The journal of a run as another process may be writing it: its complete lines, each read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.store.journal import at_stake, decode_line, segment_files
from pipeline.store.manifest import Manifest
from pipeline.store.segments import Start

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Followed:
    """One segment, as far as it was read."""

    offset: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    starts: dict[str, Start] = field(default_factory=dict)
    """The last start of each job, those included that take earlier ones back."""


class JournalFollower:
    """Reads what was written to the journal since the last time."""

    def __init__(self, folder: Path, columns: tuple[str, ...]) -> None:
        """Keep `columns` of each result in memory, and nothing else of it."""
        self._folder = folder
        self._columns = columns
        self._segments: dict[int, _Followed] = {}

    def read(self, manifest: Manifest) -> None:
        """Catch up with the segments that `manifest` does not cover; FileNotFoundError when one goes meanwhile."""
        files = {
            number: path for number, path in segment_files(self._folder).items() if number > manifest.compacted_through
        }
        self._segments = {number: self._segments.get(number, _Followed()) for number in files}
        for number, path in files.items():
            if path.stat().st_size < self._segments[number].offset:  # cut after a failed write
                self._segments[number] = _Followed()
            self._catch_up(self._segments[number], path)

    def rows(self) -> dict[str, Row]:
        """The chosen columns of every result, by job id; the oldest of a job counts."""
        found: dict[str, Row] = {}
        for segment in reversed(self._segments.values()):
            found |= segment.rows
        return found

    def open_starts(self, counted_through: int) -> dict[str, Start]:
        """Requests without a result, by job id; those of segments up to `counted_through` are counted elsewhere."""
        starts: dict[str, Start] = {}
        for number, segment in self._segments.items():
            if number > counted_through:
                starts |= segment.starts
        answered = self.rows()
        return {job_id: start for job_id, start in starts.items() if start.usd != 0 and job_id not in answered}

    def _catch_up(self, segment: _Followed, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(segment.offset)
            for line in _complete_lines(file):
                segment.offset += len(line)
                record = decode_line(line)
                if record is None:
                    continue
                if "start" in record:
                    segment.starts[record["start"]] = Start(at_stake(record), record.get("shard"))
                else:
                    row = {name: record.get(name) for name in self._columns}
                    segment.rows.setdefault(record["job_id"], row)


def _complete_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines up to the first that is still being written."""
    while (line := file.readline()).endswith(b"\n"):
        yield line
