"""The rows that changed, as a reader wants them: what was asked, both answers, both scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.steps.comparing.jobs import Jobs, RunHead
from pipeline.steps.present import Prompts, answer_text, turns_of
from pipeline.steps.rows import RowLookup
from pipeline.store.parts import group_sizes, read_group, read_part

_RESULTS = [
    *("job_id", "row_id", "prompt", "repeat", "status", "stop_reason", "text", "tool_calls"),
    *("error_kind", "error_message"),
]
_SCORES = ["job_id", "scorer", "value", "passed", "label", "extracted", "expected", "explanation", "status"]
TEXT_LIMIT = 4_000
"""Characters of a question or an answer that are kept."""


def extreme_jobs(jobs: NDArray[np.int64], rows: NDArray[np.int32], values: NDArray[np.float64], *, highest: bool) -> (
    dict[int, int]
):  # fmt: skip
    """For each row, the job with the highest (or lowest) value; of equal ones the first."""
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.lexsort((jobs[known], -values[known] if highest else values[known], rows[known]))]
    found, firsts = np.unique(rows[order], return_index=True)
    return dict(zip(found.tolist(), jobs[order[firsts]].tolist(), strict=True))


def read_answers(head: RunHead, jobs: Jobs, wanted: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The answers of some jobs with all their scores, by number; only the row groups that hold them are read."""
    numbers = np.unique(np.asarray(wanted, dtype=np.int64))
    found: dict[int, dict[str, Any]] = {}
    for part, start, stop in zip(head.parts, jobs.starts, jobs.starts[1:], strict=False):
        inside = numbers[(numbers >= start) & (numbers < stop)]
        if not inside.size:
            continue
        table = _rows_at(part, inside - start)
        scores = _scores(head, part.name, table["job_id"])
        for number, record in zip(inside.tolist(), table.to_pylist(), strict=True):
            found[number] = _answer(record, scores.get(record["job_id"], {}))
    _ask(head, list(found.values()))
    return found


def _rows_at(part: Any, places: NDArray[np.int64]) -> pa.Table:
    ends = np.cumsum([rows for rows, _ in group_sizes(part)])
    groups = np.searchsorted(ends, places, side="right")
    pieces = []
    for group in np.unique(groups):
        first = int(ends[group - 1]) if group else 0
        pieces.append(read_group(part, int(group), columns=_RESULTS).take(pa.array(places[groups == group] - first)))
    return pa.concat_tables(pieces)


def _scores(head: RunHead, name: str, job_ids: pa.ChunkedArray) -> dict[str, dict[str, Any]]:
    scores = read_part(head.folder / "scores" / name, columns=_SCORES)
    ids = scores["job_id"]
    found: dict[str, dict[str, Any]] = {}
    for score in scores.filter(pc.is_in(ids, value_set=job_ids.combine_chunks().cast(ids.type))).to_pylist():
        found.setdefault(score.pop("job_id"), {})[score["scorer"]] = score
    return found


def _answer(record: Mapping[str, Any], scores: Mapping[str, Any]) -> dict[str, Any]:
    error = record["error_message"]
    return {
        "row_id": record["row_id"],
        "prompt": record["prompt"],
        "repeat": record["repeat"],
        "status": record["status"],
        "stop_reason": record["stop_reason"],
        "answer": answer_text(record)[:TEXT_LIMIT],
        "error": None if error is None else f"{record['error_kind']}: {error}"[:TEXT_LIMIT],
        "scores": scores,
    }


def _ask(head: RunHead, answers: Sequence[dict[str, Any]]) -> None:
    """Render again what was asked; the reader sees the last turn of the user."""
    if not answers:
        return
    prompts = Prompts(head.run, RowLookup(head.folder))
    try:
        requests = prompts.requests([(answer["row_id"], answer["prompt"]) for answer in answers])
    except DataError as error:
        requests = [str(error)] * len(answers)
    for answer, request in zip(answers, requests, strict=True):
        turns = turns_of(request)
        users = [turn.text for turn in turns if turn.role == "user"]
        answer["asked"] = (users or [turns[-1].text])[-1][:TEXT_LIMIT]
