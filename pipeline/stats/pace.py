"""What left and what came back, tick by tick and lane by lane, from the attempts of a run's results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.records import ANSWERED
from pipeline.stats.job_columns import floats
from pipeline.stats.pace_sessions import pace_entry
from pipeline.stats.pace_ticks import Ticks

_TICK_SECONDS = 0.1
_COARSER = (1, 10, 100, 600, 6_000, 36_000)
"""Ticks that are taken as one, where a long run would keep too many."""
_MOST_KEPT = 100_000
_LANES = 4_096
"""Room for lanes in the number of a tick and a lane."""
_TOO_MANY_REQUESTS = 429

_Numbers = NDArray[np.int64]
_Table = NDArray[np.float64]


class PaceBuilder:
    """Adds up requests, refusals and tokens by tick: what it keeps grows with the time of a run, not with its jobs."""

    def __init__(self) -> None:
        """Know of nothing that was sent."""
        self._lanes: dict[str, int] = {}
        self._keys: _Numbers = np.zeros(0, dtype=np.int64)
        self._sums: _Table = np.zeros((0, len(Ticks.COLUMNS)))
        self._coarse = 0
        self._unknown = 0

    def add(self, results: pa.Table) -> None:
        """Add a batch of results. Reused jobs sent nothing in this run, and recorded ones have no attempts."""
        lists = results["attempts"].combine_chunks()
        job = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
        attempts = pc.list_flatten(lists)
        is_last = np.append(job[1:] != job[:-1], True)[: job.size]
        called = ~_mask(pc.equal(results["source"], "reused"))
        started = pc.struct_field(attempts, "started_at").cast(pa.timestamp("us", "UTC"))
        sent = called[job] & np.asarray(pc.is_valid(started), dtype=np.bool_)
        if not sent.any():
            return
        job, is_last, lanes = job[sent], is_last[sent], self._lane_numbers(results["model"])[job[sent]]
        left = np.asarray(pc.fill_null(started.cast(pa.int64()), 0), dtype=np.float64)[sent] / 1e6
        latency = pc.struct_field(attempts, "latency_ms").cast(pa.float64())
        seconds = np.nan_to_num(np.asarray(pc.fill_null(latency, 0.0)))[sent] / 1e3
        refused = _mask(pc.equal(pc.struct_field(attempts, "http_status"), _TOO_MANY_REQUESTS))[sent]
        sent_tokens, written = _counted_input(results), floats(results["output_tokens"])
        answered = _mask(pc.is_in(results["status"], pa.array(ANSWERED)))
        self._unknown += int((answered & np.isnan(sent_tokens + written))[job[is_last]].sum())
        one, none = np.ones(left.size), np.zeros(left.size)
        self._keep(left, lanes, [one, none, none, np.where(is_last, sent_tokens[job], 0), none, seconds])
        self._keep(left + seconds, lanes, [none, one, refused, none, np.where(is_last, written[job], 0), none])

    def finish(
        self,
        limits: Sequence[Mapping[str, Any]] | None,
        *,
        changed_limits: Sequence[Mapping[str, Any]] = (),
        waits: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any] | None:
        """The entry `pace` of summary.json; None where nothing was sent.

        `limits` are those that the run began with, None where nobody noted them; `changed_limits` and `waits` are its
        events.
        """
        if not self._keys.size:
            return None
        ticks = Ticks(
            seconds=(self._keys // _LANES).astype(np.float64) * self._tick_seconds,
            lane=self._keys % _LANES,
            sums=self._sums,
            width=self._tick_seconds,
            models=list(self._lanes),
        )
        return {**pace_entry(ticks, limits, changed_limits, waits), "answers_without_tokens": self._unknown}

    @property
    def _tick_seconds(self) -> float:
        return _TICK_SECONDS * _COARSER[self._coarse]

    def _lane_numbers(self, models: pa.ChunkedArray) -> _Numbers:
        encoded = models.combine_chunks().cast(pa.string()).dictionary_encode()
        numbers = [self._lanes.setdefault(name, len(self._lanes)) for name in encoded.dictionary.to_pylist()]
        return np.array(numbers, dtype=np.int64)[np.asarray(encoded.indices, dtype=np.int64)]

    def _keep(self, at: _Table, lanes: _Numbers, columns: Sequence[NDArray[Any]]) -> None:
        keys = np.floor(at / self._tick_seconds).astype(np.int64) * _LANES + lanes
        sums = np.nan_to_num(np.column_stack(columns).astype(np.float64))
        self._keys, self._sums = _added_up(*_joined((self._keys, self._sums), _added_up(keys, sums)))
        while self._keys.size > _MOST_KEPT and self._coarse + 1 < len(_COARSER):
            factor = _COARSER[self._coarse + 1] // _COARSER[self._coarse]
            self._coarse += 1
            merged = self._keys // _LANES // factor * _LANES + self._keys % _LANES
            self._keys, self._sums = _added_up(merged, self._sums)


def _counted_input(results: pa.Table) -> _Table:
    """Input as limits count it: fresh, and written to a cache; what is read from one is free."""
    tokens = floats(results["input_tokens"])
    for name in ("cache_write_5m_tokens", "cache_write_1h_tokens"):
        tokens = tokens + np.asarray(pc.fill_null(results[name], 0), dtype=np.float64)
    return tokens


def _joined(a: tuple[_Numbers, _Table], b: tuple[_Numbers, _Table]) -> tuple[_Numbers, _Table]:
    return np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])


def _added_up(keys: _Numbers, sums: _Table) -> tuple[_Numbers, _Table]:
    """Each key once, ascending, with the sums of its rows."""
    unique, inverse = np.unique(keys, return_inverse=True)
    columns = [np.bincount(inverse, weights=column, minlength=unique.size) for column in sums.T]
    return unique, np.column_stack(columns)


def _mask(array: Any) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(array, False), dtype=np.bool_)
