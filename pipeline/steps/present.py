"""Present: a run folder to what its pages show; prompts are rendered again from the stored rows and templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import EvalmillError
from pipeline.core.records import Request
from pipeline.core.template import Template, compile_template
from pipeline.report.samples import pick_samples
from pipeline.report.view import RunView, Sample, SampleScore, Turn
from pipeline.steps.candidates import Parts, candidates
from pipeline.steps.conversation import Markers, content_text
from pipeline.steps.rows import RowLookup
from pipeline.steps.score import scored_parts
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore

_RESULT_COLUMNS = [
    "job_id", "row_id", "model", "prompt", "params", "repeat", "status", "stop_reason_raw", "text", "thinking",
    "tool_calls", "error_kind", "error_message", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens",
    "cache_write_1h_tokens", "output_tokens", "cost_usd", "latency_ms", "attempts",
]  # fmt: skip
_INPUT_CLASSES = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


def run_view(store: RunStore, run: Mapping[str, Any], summary: Mapping[str, Any]) -> RunView:
    """Everything the pages need, with the samples that are embedded."""
    parts = scored_parts(store)
    chosen = pick_samples(candidates(parts))
    dataset = run["dataset"]
    return RunView(
        summary=summary,
        description=run["settings"]["description"],
        created_at=run["created_at"],
        dataset={"name": Path(dataset["path"]).name, "rows": dataset["rows"], "sha256": dataset["sha256"]},
        version=run["version"],
        samples=tuple(_samples(chosen, parts, Prompts(run, RowLookup(store.folder)))),
        total_jobs=summary["jobs"]["total"],
        notes=(),
    )


class Prompts:
    """Renders again what was asked; a row that no longer fits its template shows the reason instead."""

    def __init__(self, run: Mapping[str, Any], rows: RowLookup) -> None:
        """Compile the templates as they were when the run began."""
        self._rows = rows
        self._templates: dict[str, Template] = {
            prompt["name"]: compile_template(prompt["source"], path=prompt["path"])
            for prompt in run["settings"]["prompts"]
        }

    def requests(self, asked: Sequence[tuple[str, str]]) -> list[Request | str]:
        """What was asked, for pairs of row id and prompt; the rows are looked up together."""
        rows = self._rows.records(pa.array([row_id for row_id, _ in asked], pa.string()))
        return [self._request(row, prompt) for row, (_, prompt) in zip(rows, asked, strict=True)]

    def _request(self, row: Mapping[str, Any], prompt: str) -> Request | str:
        try:
            rendered = self._templates[prompt].render(row, Markers())
        except EvalmillError as error:
            return str(error)
        return Request(messages=rendered.messages, system=rendered.system)


def _samples(chosen: Sequence[str], parts: Parts, prompts: Prompts) -> Iterator[Sample]:
    wanted = pa.array(chosen, pa.string())
    found: dict[str, dict[str, Any]] = {}
    scores: dict[str, list[SampleScore]] = {}
    for results_path, scores_path in parts:
        for row in _matching(results_path, wanted, _RESULT_COLUMNS):
            found[row["job_id"]] = row
        if scores_path.exists():
            for row in _matching(scores_path, wanted, None):
                scores.setdefault(row["job_id"], []).append(_sample_score(row))
    rows = [found[job_id] for job_id in chosen]
    requests = prompts.requests([(row["row_id"], row["prompt"]) for row in rows])
    for row, request in zip(rows, requests, strict=True):
        yield _sample(row, tuple(scores.get(row["job_id"], ())), request)


def _matching(path: Path, wanted: pa.Array, columns: list[str] | None) -> list[dict[str, Any]]:
    table = read_part(path, columns=columns)
    ids = table.column("job_id")
    rows: list[dict[str, Any]] = table.filter(pc.is_in(ids, value_set=wanted.cast(ids.type))).to_pylist()
    return rows


def _sample_score(row: Mapping[str, Any]) -> SampleScore:
    names = ("scorer", "value", "passed", "label", "extracted", "expected", "explanation", "status")
    return SampleScore(**{name: row[name] for name in names})


def _sample(row: Mapping[str, Any], scores: tuple[SampleScore, ...], request: Request | str) -> Sample:
    known_input = [row[name] for name in _INPUT_CLASSES if row[name] is not None]
    return Sample(
        job_id=row["job_id"],
        row_id=row["row_id"],
        model=row["model"],
        prompt=row["prompt"],
        params=row["params"],
        repeat=row["repeat"],
        status=row["status"],
        stop_reason=row["stop_reason_raw"],
        turns=turns_of(request),
        answer=answer_text(row),
        prefill="" if isinstance(request, str) else request.prefill,
        thinking=row["thinking"],
        error=None if row["error_message"] is None else f"{row['error_kind']}: {row['error_message']}",
        scores=scores,
        input_tokens=sum(known_input) if known_input else None,
        output_tokens=row["output_tokens"],
        cost_usd=None if row["cost_usd"] is None else str(row["cost_usd"]),
        latency_ms=row["latency_ms"],
        attempts=len(row["attempts"] or ()),
    )


def answer_text(row: Mapping[str, Any]) -> str:
    """What a model answered: its text, and its tool calls as JSON."""
    return "\n".join(part for part in (row["text"], row["tool_calls"]) if part)


def turns_of(request: Request | str) -> tuple[Turn, ...]:
    """The conversation that was sent, or the reason why it cannot be shown."""
    if isinstance(request, str):
        return (Turn(role="not rendered", text=request),)
    turns = [] if request.system is None else [Turn(role="system", text=content_text(request.system))]
    turns += [Turn(role=message["role"], text=content_text(message["content"])) for message in request.messages]
    return tuple(turns)
