"""A run's jobs as columns: what pairing needs of each, read part by part and without the run's lock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.records import ANSWERED, Metric
from pipeline.stats.cells import CellKey
from pipeline.stats.columns import score_columns
from pipeline.stats.job_columns import JobColumns, floats
from pipeline.stats.outcomes import read_outcomes
from pipeline.steps.judging.bench import read_note
from pipeline.steps.score import Judged, read_judged
from pipeline.store.folder import listed_parts, read_run
from pipeline.store.parts import read_part

_COLUMNS = [
    *("job_id", "row_id", "model", "prompt", "params", "repeat", "status", "stop_reason"),
    *("source", "cost_usd", "reused_cost_usd", "latency_ms"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """A run's own words: run.json, summary.json and scores/judged.json."""

    folder: Path
    run: Mapping[str, Any]
    summary: Mapping[str, Any]
    judged: Judged
    """By what its scores were made."""
    parts: tuple[Path, ...]
    judges: Mapping[str, Any] = field(default_factory=dict)
    """judges/judged.json: whom its verdicts came from, and what they were asked; empty without judges."""

    @property
    def metrics(self) -> dict[str, Metric]:
        """What the stored scores are, by name."""
        return {metric.name: metric for metric in self.judged.scorers}

    @property
    def cells(self) -> list[CellKey]:
        """Model, prompt and params of each cell, in the summary's order."""
        return [(cell["model"], cell["prompt"], cell["params"]) for cell in self.summary["cells"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """The jobs of one run, column by column, in the order of its parts."""

    starts: tuple[int, ...]
    """Number of each part's first job."""
    row_ids: pa.ChunkedArray
    cell: NDArray[np.int32]
    """Place in the cells of the head."""
    repeat: NDArray[np.int32]
    ending: NDArray[np.int32]
    """Place in `endings`."""
    endings: tuple[str, ...]
    """Why answers ended, with the status of those that are not whole; the status alone of jobs without an answer."""
    cost_usd: NDArray[np.float64]
    """What the answer cost when it was called for; NaN when unknown."""
    latency_ms: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
    """By metric; NaN where there is no score."""
    sums: Mapping[str, NDArray[np.float64]]
    """The statistics of each answer, by metric, for corpus figures alone."""


def read_head(folder: Path) -> RunHead:
    """Read what a run says of itself; OutputError for a folder that is no run, DataError without a summary."""
    run = read_run(folder)
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder} has no summary.json yet; run `evalmill report {folder}`") from None
    except ValueError as error:
        raise DataError(f"{folder / 'summary.json'}: is damaged: {error}; run `evalmill report {folder}`") from None
    parts = tuple(listed_parts(folder))
    missing = [part.name for part in parts if not (folder / "scores" / part.name).exists()]
    if missing:
        raise DataError(f"{folder}: scores/{missing[0]} is not there; run `evalmill score {folder}`")
    judged, judges = read_judged(folder), read_note(folder)
    return RunHead(folder=folder, run=run, summary=summary, judged=judged, parts=parts, judges=judges)


def read_jobs(head: RunHead, metrics: Sequence[str]) -> Jobs:
    """Read the columns of all jobs; memory holds one part beside them."""
    reader = _Reader(head, metrics)
    for part in head.parts:
        reader.add(read_part(part, columns=_COLUMNS), head.folder / "scores" / part.name)
    return reader.jobs()


class _Reader:
    def __init__(self, head: RunHead, metrics: Sequence[str]) -> None:
        self._head = head
        self._wanted = [head.metrics[name] for name in metrics]
        self._cells = pa.array(["\x00".join(cell) for cell in head.cells], pa.string())
        self._starts = [0]
        self._row_ids: list[pa.Array] = []
        self._endings: dict[str, int] = {}
        self._columns = JobColumns()

    def add(self, results: pa.Table, scores_path: Path) -> None:
        scores = read_part(scores_path, columns=score_columns(self._head.judged.scorers, repeated=False))
        try:
            outcomes = read_outcomes(results, scores, self._head.judged.scorers)
        except ValueError as error:
            raise DataError(f"{scores_path}: {error}; run `evalmill report {self._head.folder}`") from error
        self._starts.append(self._starts[-1] + results.num_rows)
        self._row_ids += pc.cast(results["row_id"], pa.large_string()).chunks
        answered = np.asarray(pc.is_in(results["status"], pa.array(ANSWERED)), dtype=np.bool_)
        keep = self._columns.keep
        keep("cell", self._cell_places(results))
        keep("repeat", np.asarray(results["repeat"], dtype=np.int32))
        keep("ending", self._ending_places(results, answered))
        keep("cost_usd", np.where(answered, _own_cost(results), np.nan))
        keep("latency_ms", np.where(answered, floats(results["latency_ms"]), np.nan))
        for metric in self._wanted:
            outcome = outcomes[metric.name]
            keep(f"value {metric.name}", outcome.value)
            if outcome.sums is not None:
                keep(f"sums {metric.name}", outcome.sums)

    def jobs(self) -> Jobs:
        column = self._columns.column
        names = [metric.name for metric in self._wanted]
        return Jobs(
            starts=tuple(self._starts),
            row_ids=pa.chunked_array(self._row_ids, pa.large_string()),
            cell=column("cell"),
            repeat=column("repeat"),
            ending=column("ending"),
            endings=tuple(self._endings),
            cost_usd=column("cost_usd"),
            latency_ms=column("latency_ms"),
            values={name: column(f"value {name}") for name in names},
            sums={metric.name: column(f"sums {metric.name}") for metric in self._wanted if metric.corpus},
        )

    def _cell_places(self, results: pa.Table) -> NDArray[np.int32]:
        names = [results[name].cast(pa.string()) for name in ("model", "prompt", "params")]
        places = pc.index_in(pc.binary_join_element_wise(*names, "\x00"), value_set=self._cells)
        if places.null_count:
            folder = self._head.folder
            raise DataError(f"{folder}: its results are newer than summary.json; run `evalmill report {folder}`")
        return np.asarray(places, dtype=np.int32)

    def _ending_places(self, results: pa.Table, answered: NDArray[np.bool_]) -> NDArray[np.int32]:
        status, reason = (results[name].cast(pa.string()).combine_chunks() for name in ("status", "stop_reason"))
        told = pc.binary_join_element_wise(status, pc.fill_null(reason, "unknown"), " ")
        encoded = pc.if_else(pa.array(answered), told, status).dictionary_encode()
        words = [_ending(text) for text in encoded.dictionary.to_pylist()]
        places = [self._endings.setdefault(word, len(self._endings)) for word in words]
        found: NDArray[np.int32] = np.asarray(places, dtype=np.int32)[np.asarray(encoded.indices)]
        return found


def _ending(told: str) -> str:
    """Name how a job ended: the stop reason of whole answers, and with their status of others."""
    status, _, reason = told.partition(" ")
    return f"{status} ({reason})" if status != "ok" and reason else reason or status


def _own_cost(results: pa.Table) -> NDArray[np.float64]:
    """A reused answer costs nothing in its run; what it cost when it was called for is compared."""
    reused = pc.fill_null(pc.equal(results["source"], "reused"), False)
    return floats(pc.if_else(reused, results["reused_cost_usd"], results["cost_usd"]))
