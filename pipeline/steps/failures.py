"""Failures: why jobs ended without an answer, counted by reason, from what is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow.compute as pc

from pipeline.core.errors import RequestRejected
from pipeline.core.names import printable_line
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore

_COLUMNS = ["status", "model", "error_kind", "error_message"]


@dataclass(frozen=True, slots=True)
class Failures:
    """Jobs without an answer, by reason; the most frequent first."""

    jobs: int = 0
    """All jobs that are stored, answered or not."""
    reasons: tuple[tuple[str, str, str, int], ...] = ()
    """Model, kind, message, count."""

    def rejected_alike(self) -> RequestRejected | None:
        """The error to stop with when every job there is was refused in the same way."""
        if len({(kind, message) for _, kind, message, _ in self.reasons}) != 1:
            return None
        _, kind, message, _ = self.reasons[0]
        if kind != "request" or sum(count for *_, count in self.reasons) != self.jobs:
            return None
        return RequestRejected(
            f"all {self.jobs:,} requests were refused alike, so the template or the parameters are wrong: {message}"
        )


def count_failures(store: RunStore) -> Failures:
    """Count the failed and skipped jobs of a run by model and reason."""
    reasons: Counter[tuple[str, str, str]] = Counter()
    jobs = 0
    for part in store.parts():
        table = read_part(part, columns=_COLUMNS)
        jobs += table.num_rows
        failed = table.filter(pc.is_valid(table.column("error_kind")))
        reasons.update(
            (row["model"], row["error_kind"], printable_line(row["error_message"] or "")) for row in failed.to_pylist()
        )
    return Failures(jobs=jobs, reasons=tuple((*reason, count) for reason, count in reasons.most_common()))
