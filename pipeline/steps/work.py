"""Work: what a session is given to do, a run's plan or its judges' questions."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Protocol

from pipeline.core.records import Job
from pipeline.plan.expand import Lane, Shard


class Work(Protocol):
    """What there is to do: lanes of shards of jobs."""

    @property
    def lanes(self) -> Sequence[Lane]:
        """Who is asked."""
        ...

    def total_jobs(self, lane: Lane) -> int:
        """How many jobs a lane has."""
        ...

    def shards(self, lane: Lane) -> Iterator[Shard]:
        """A lane's shards in order, under names that a later session finds again."""
        ...

    def jobs(self, shard: Shard, done: Container[str] = ()) -> Iterator[Job]:
        """The jobs of a shard whose ids are not in `done`."""
        ...
