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
from pipeline.steps.candidates import Parts, candidates, with_their_rows
from pipeline.steps.conversation import Markers, content_text
from pipeline.steps.rows import RowLookup
from pipeline.steps.sample_rows import RESULT_COLUMNS, SCORE_COLUMNS, result_rows, sample_of, score_rows
from pipeline.steps.score import scored_parts
from pipeline.store.parts import group_sizes, read_group, read_part
from pipeline.store.run_store import RunStore

_FIRST_SAMPLES = 1_000
"""As many are read at first: where they are long, there is no room for more."""


def run_view(store: RunStore, run: Mapping[str, Any], summary: Mapping[str, Any]) -> RunView:
    """Everything the pages need, with the samples that are embedded."""
    parts = scored_parts(store)
    chosen = with_their_rows(pick_samples(candidates(parts)), parts)
    dataset = run["dataset"]
    return RunView(
        summary=summary,
        description=run["settings"]["description"],
        created_at=run["created_at"],
        dataset={"name": Path(dataset["path"]).name, "rows": dataset["rows"], "sha256": dataset["sha256"]},
        version=run["version"],
        samples=EmbeddedSamples(chosen, parts, Prompts(run, RowLookup(store.folder))),
        total_jobs=summary["jobs"]["total"],
        folder=str(store.folder),
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
        return list(self.rendered(asked))

    def rendered(self, asked: Sequence[tuple[str, str]]) -> Iterator[Request | str]:
        """The same, made one by one: long prompts are not held together."""
        rows = self._rows.records(pa.array([row_id for row_id, _ in asked], pa.string()))
        for row, (_, prompt) in zip(rows, asked, strict=True):
            yield self._request(row, prompt)

    def _request(self, row: Mapping[str, Any], prompt: str) -> Request | str:
        try:
            rendered = self._templates[prompt].render(row, Markers())
        except EvalmillError as error:
            return str(error)
        return Request(messages=rendered.messages, system=rendered.system)


class EmbeddedSamples:
    """The samples for a page, read from the tables as far as somebody takes them: the first, then all others."""

    def __init__(self, chosen: Sequence[str], parts: Parts, prompts: Prompts) -> None:
        """Read the jobs `chosen`, in their order."""
        self._chosen = chosen
        self._parts = parts
        self._prompts = prompts

    def __iter__(self) -> Iterator[Sample]:
        """Where the first ones fill the page already, no other is read."""
        for jobs in (self._chosen[:_FIRST_SAMPLES], self._chosen[_FIRST_SAMPLES:]):
            if jobs:
                yield from _samples(jobs, self._parts, self._prompts)


def _samples(chosen: Sequence[str], parts: Parts, prompts: Prompts) -> Iterator[Sample]:
    wanted = pa.array(chosen, pa.string())
    found: dict[str, dict[str, Any]] = {}
    scores: dict[str, list[SampleScore]] = {}
    for results_path, scores_path in parts:
        found |= {row["job_id"]: row for row in result_rows(_matching(results_path, wanted, RESULT_COLUMNS))}
        if scores_path.exists():
            scores |= score_rows(_matching(scores_path, wanted, SCORE_COLUMNS))
    rows = [found.pop(job_id) for job_id in chosen]
    requests = prompts.rendered([(row["row_id"], row["prompt"]) for row in rows])
    for row, request in zip(rows, requests, strict=True):
        prefill = "" if isinstance(request, str) else request.prefill
        yield sample_of(row, scores.get(row["job_id"], ()), turns_of(request), prefill)


def _matching(path: Path, wanted: pa.Array, columns: Sequence[str]) -> pa.Table:
    """The jobs `wanted` of one file; memory holds one row group."""
    tables = []
    for group in range(len(group_sizes(path))):
        ids = read_group(path, group, columns=["job_id"])["job_id"]
        kept = pc.is_in(ids, value_set=wanted.cast(ids.type))
        if pc.any(kept).as_py():
            tables.append(read_group(path, group, columns=columns).filter(kept))
    return pa.concat_tables(tables) if tables else read_part(path, columns=columns).slice(0, 0)


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
