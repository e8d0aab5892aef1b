"""Compare: runs to what differs between them, paired by row; reads the stored tables and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.core.errors import UsageError
from pipeline.core.records import Metric
from pipeline.stats.across_runs import adjust
from pipeline.stats.cells import CellKey
from pipeline.stats.metrics import metric_entry
from pipeline.steps.comparing.jobs import RunHead, read_head, read_jobs
from pipeline.steps.comparing.match import Matching, match_cells, read_renames
from pipeline.steps.comparing.pair import Run, RunPair
from pipeline.steps.comparing.rows import kept_rows, row_ids

LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a comparison is asked to match and to slice by."""

    match: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    """Only these; empty: all that both runs have."""
    slices: tuple[str, ...] | None = None
    """Dataset columns; None: those of the runs' settings."""


def compare(folders: Sequence[Path], wishes: Wishes) -> dict[str, Any]:
    """Pair each run with the first one, ready for JSON.

    Memory holds for each job its row, its cell and one number for each metric, and the texts of the changed rows that
    are shown. Raises UsageError for runs that cannot be paired, OutputError, DataError or DiskError for folders that
    cannot be read.
    """
    heads = _heads(folders)
    others = [cell for head in heads[1:] for cell in head.cells]
    renames = read_renames(wishes.match, heads[0].cells, others)
    matchings = [_matching(heads[0], head, renames) for head in heads[1:]]
    metrics = [_common_metrics(heads[0], head, wishes.metrics) for head in heads[1:]]
    ids, runs = _numbered(heads, metrics)
    how = heads[-1].judged.statistics
    columns = _columns(wishes, runs)
    pairs = [
        RunPair(runs[0], other, matching, ids, how).entry(common, columns)
        for other, matching, common in zip(runs[1:], matchings, metrics, strict=True)
    ]
    adjust([found for pair in pairs for found in pair["comparisons"]], how)
    adjust([found for pair in pairs for found in pair["slices"]], how)
    return {"runs": [_run_entry(run) for run in runs], "metrics": _metric_entries(metrics), "pairs": pairs}


def _heads(folders: Sequence[Path]) -> list[RunHead]:
    if len(folders) < 2:
        raise UsageError("name at least two runs: the first is what the others are compared with")
    if len(folders) > len(LETTERS):
        raise UsageError(f"{len(folders)} runs are too many to show side by side; name at most {len(LETTERS)}")
    resolved = [folder.resolve() for folder in folders]
    twice = next(
        (str(folder) for folder, place in zip(folders, resolved, strict=True) if resolved.count(place) > 1), ""
    )
    if twice:
        raise UsageError(f"{twice} is named twice; a run is compared with other runs")
    return [read_head(folder) for folder in folders]


def _matching(a: RunHead, b: RunHead, renames: dict[str, str]) -> Matching:
    names = {name for cell in b.cells for name in cell[:2]}
    found = match_cells(a.cells, b.cells, {left: right for left, right in renames.items() if right in names})
    if not found.pairs:
        raise UsageError(
            f"no cell of {b.folder} has a counterpart in {a.folder}: there are {_cells(a.cells)}, "
            f"here {_cells(b.cells)}; "
            "say which belong together with --match NAME=NAME"
        )
    return found


def _common_metrics(a: RunHead, b: RunHead, wanted: Sequence[str]) -> list[Metric]:
    common = [metric for name, metric in b.metrics.items() if name in a.metrics]
    if not common:
        raise UsageError(
            f"{a.folder} is scored by {', '.join(a.metrics) or 'nothing'} and {b.folder} by "
            f"{', '.join(b.metrics) or 'nothing'}: "
            "no metric is in both; `evalmill score RUN --evaluation EVAL` scores stored answers again"
        )
    names = [metric.name for metric in common]
    for name in wanted:
        if name not in names:
            raise UsageError(f"--metric {name}: {a.folder} and {b.folder} are both scored by {', '.join(names)}")
    return [metric for metric in common if metric.name in wanted or not wanted]


def _cells(cells: Sequence[CellKey]) -> str:
    shown = [" · ".join(part for part in cell if part != "{}") for cell in cells[:8]]
    return ", ".join(shown) + (f" and {len(cells) - 8} more" if len(cells) > 8 else "")


def _numbered(heads: Sequence[RunHead], metrics: Sequence[Sequence[Metric]]) -> tuple[pa.Array, list[Run]]:
    """Read all runs and number their rows together; returns the row ids by number."""
    wanted = [list(dict.fromkeys(metric.name for found in metrics for metric in found))]
    wanted += [[metric.name for metric in found] for found in metrics]
    jobs = [read_jobs(head, names) for head, names in zip(heads, wanted, strict=True)]
    kept = [kept_rows(head.folder) for head in heads]
    columns = [ids for one, rows in zip(jobs, kept, strict=True) for ids in (row_ids(rows), one.row_ids)]
    lengths = np.cumsum([len(column) for column in columns])[:-1]
    encoded = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.large_string())
    encoded = encoded.combine_chunks().dictionary_encode()
    numbers = np.split(np.asarray(encoded.indices, dtype=np.int32), lengths)
    return encoded.dictionary, [
        Run(letter=letter, head=head, jobs=one, kept=rows, rows=numbers[2 * place], job_rows=numbers[2 * place + 1])
        for place, (letter, head, one, rows) in enumerate(zip(LETTERS, heads, jobs, kept, strict=False))
    ]


def _columns(wishes: Wishes, runs: Sequence[Run]) -> list[str]:
    """The columns to slice by."""
    there = list(dict.fromkeys(name for run in runs for name in run.kept.columns))
    if wishes.slices is None:
        settings = [run.head.judged.statistics.slices for run in runs]
        return [name for name in dict.fromkeys(name for found in settings for name in found) if name in there]
    for name in wishes.slices:
        if name not in there:
            raise UsageError(f"--slice {name}: the datasets have no such column; they have {', '.join(there)}")
    return list(wishes.slices)


def _run_entry(run: Run) -> dict[str, Any]:
    told = run.head.run
    jobs = run.head.summary["jobs"]
    return {
        "letter": run.letter,
        "folder": str(run.head.folder),
        "run_id": told["run_id"],
        "eval": told["eval"],
        "created_at": told["created_at"],
        "version": told["version"],
        "simulated": told["simulated"],
        "rows": int(run.rows.size),
        "jobs": {
            "total": jobs["total"],
            "planned": jobs.get("planned"),
            "error": jobs["error"],
            "reused": jobs["reused"],
        },
    }


def _metric_entries(metrics: Sequence[Sequence[Metric]]) -> dict[str, Any]:
    return {metric.name: metric_entry(metric) for found in metrics for metric in found}
