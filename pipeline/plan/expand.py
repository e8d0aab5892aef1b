"""Rows × prompts × models × grid × repeats to jobs, lazily and in shards."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, product
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core.errors import DataError, EvalmillError, TemplateError
from pipeline.core.fingerprint import asked_digest, canonical_json, digest, job_id, request_fingerprint
from pipeline.core.names import slug
from pipeline.core.records import Failure, Job, Recorded, Request
from pipeline.core.settings import EvalSettings, ModelSettings, PromptSettings, ProviderSettings, RecordedColumns
from pipeline.core.template import Media, Rendered, Template, TextTemplate, compile_template, compile_text
from pipeline.plan.check import missing_columns
from pipeline.plan.dataset import Dataset, Survey, records_of

SHARD_JOBS = 20_000
PREFLIGHT_ROWS = 100

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """One combination of the grid's values."""

    params: Mapping[str, Any]
    """All parameters of the request: the model's own and the cell's."""
    text: str
    """The cell alone, as canonical JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One model at one provider account: a stream of jobs of its own."""

    model: ModelSettings
    provider: ProviderSettings
    identity: Mapping[str, Any]
    """Who answers, for fingerprints."""
    cells: tuple[GridCell, ...]
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A contiguous run of one lane's jobs: the rows start_row..stop_row in plan coordinates."""

    lane: str
    name: str
    start_row: int
    stop_row: int
    jobs: int


class Plan:
    """What there is to do; nothing is rendered before it is asked for."""

    def __init__(
        self,
        settings: EvalSettings,
        dataset: Dataset,
        survey: Survey,
        *,
        identities: Mapping[str, Mapping[str, Any]],
        media: Media,
    ) -> None:
        """Compile the templates; raises TemplateError with the mistakes of all of them.

        `identities` names who answers, by model name; `media` reads the pictures and documents of a row.
        """
        self._dataset = dataset
        self._survey = survey
        self._media = media
        self.templates = _compiled(settings.prompts, dataset.columns)
        self.answers = {
            model.name: RecordedAnswer(model.recorded) for model in settings.models if model.recorded is not None
        }
        self.lanes = tuple(_lane(settings, model, identities[model.name]) for model in settings.models)
        self._by_name = {lane.model.name: lane for lane in self.lanes}
        self._asked = {
            (lane.model.name, prompt.name, number): asked_digest(lane.identity, prompt.source, cell.params)
            for lane in self.lanes
            for prompt in settings.prompts
            for number, cell in enumerate(lane.cells)
        }
        self.rows = survey.rows

    def total_jobs(self, lane: Lane) -> int:
        """How many jobs `lane` has."""
        return self.rows * self.jobs_per_row(lane)

    def shards(self, lane: Lane) -> Iterator[Shard]:
        """The lane's shards in order. A shard's name depends on the plan alone, so a later session finds it again."""
        per_row = self.jobs_per_row(lane)
        step = max(1, SHARD_JOBS // per_row)
        for start in range(0, self.rows, step):
            stop = min(start + step, self.rows)
            yield Shard(
                lane=lane.model.name,
                name=f"{slug(lane.model.name)}/{start:09d}",
                start_row=start,
                stop_row=stop,
                jobs=(stop - start) * per_row,
            )

    def jobs(self, shard: Shard, done: Container[str] = ()) -> Iterator[Job]:
        """The jobs of `shard` whose ids are not in `done`, row by row."""
        lane = self._by_name[shard.lane]
        expand = self._recorded if lane.model.recorded else self._called
        for row in self._rows(shard.start_row, shard.stop_row):
            yield from expand(lane, shard, row, done)

    def preflight(self) -> None:
        """Render the first rows under every prompt and model; raises what the first misfit says, with its row."""
        for row_id, row in self._rows(0, min(self.rows, PREFLIGHT_ROWS)):
            for template in self.templates.values():
                self._render(template, row, row_id)
            for name, answer in self.answers.items():
                try:
                    answer.read(row)
                except EvalmillError as error:
                    raise DataError(f"row {row_id}: model {name!r}: {error}") from None

    def sample_requests(self, lane: Lane, count: int) -> list[Request]:
        """The first requests of a lane, for checks before anything is sent."""
        requests: list[Request] = []
        for shard in islice(self.shards(lane), 1):
            requests = [job.request for job in islice(self.jobs(shard), count) if job.request is not None]
        return requests

    def look(self, picked: NDArray[np.int64] | None, lanes: Sequence[Lane]) -> Iterator[list[tuple[Lane, Job]]]:
        """The jobs of `lanes` row by row, for the rows at these places in ascending order (None: all of them)."""
        shards = {lane.model.name: next(self.shards(lane)) for lane in lanes}
        for batch in self._dataset.batches(self._survey):
            stop = batch.start + len(batch.row_ids)
            if picked is None:
                rows = list(zip(batch.row_ids, batch.records(), strict=True))
            else:
                inside = picked[np.searchsorted(picked, batch.start) : np.searchsorted(picked, stop)] - batch.start
                records = records_of(batch.batch.take(pa.array(inside))) if len(inside) else []
                rows = [(batch.row_ids[place], record) for place, record in zip(inside, records, strict=True)]
            for row in rows:
                yield [(lane, job) for lane in lanes for job in self._called(lane, shards[lane.model.name], row, ())]

    def jobs_per_row(self, lane: Lane) -> int:
        """Prompts by grid cells by repeats."""
        return len(self.templates) * len(lane.cells) * lane.repeats

    def _rows(self, start: int, stop: int) -> Iterator[tuple[str, Row]]:
        for batch in self._dataset.batches(self._survey, start, stop):
            yield from zip(batch.row_ids, batch.records(), strict=True)

    def _render(self, template: Template, row: Row, row_id: str) -> Rendered:
        try:
            return template.render(row, self._media)
        except TemplateError as error:
            raise TemplateError(f"row {row_id}: {error.bare_message}", path=error.path, line=error.line) from None
        except DataError as error:
            raise DataError(f"{template.path}: row {row_id}: {error}") from None

    def _called(self, lane: Lane, shard: Shard, row: tuple[str, Row], done: Container[str]) -> Iterator[Job]:
        row_id, columns = row
        for prompt, template in self.templates.items():
            places = [place for place in self._places(lane, row_id, prompt) if place.job_id not in done]
            if not places:
                continue
            try:
                rendered = self._render(template, columns, row_id)
            except EvalmillError as error:
                fingerprint = digest(["unrendered", lane.identity, row_id, prompt])
                failure = Failure(kind="local", message=str(error))
                yield from (place.job(shard, fingerprint, failure) for place in places)
                continue
            for cell, wanted in groupby(places, key=attrgetter("cell")):
                request = Request(messages=rendered.messages, system=rendered.system, params=cell.params)
                fingerprint = request_fingerprint(request, lane.identity)
                yield from (place.job(shard, fingerprint, request) for place in wanted)

    def _recorded(self, lane: Lane, shard: Shard, row: tuple[str, Row], done: Container[str]) -> Iterator[Job]:
        row_id, columns = row
        for prompt in self.templates:
            for place in self._places(lane, row_id, prompt):
                if place.job_id not in done:
                    yield self._recorded_job(lane, shard, place, columns)

    def _recorded_job(self, lane: Lane, shard: Shard, place: _Place, columns: Row) -> Job:
        try:
            recorded = self.answers[lane.model.name].read(columns)
        except EvalmillError as error:
            failure = Failure(kind="local", message=str(error))
            return place.job(shard, digest(["unreadable", lane.identity, place.row_id]), failure)
        return place.job(shard, digest(["recorded", lane.identity, recorded.text]), recorded)

    def _places(self, lane: Lane, row_id: str, prompt: str) -> Iterator[_Place]:
        """The jobs of one row under one prompt, named before anything is rendered."""
        for number, cell in enumerate(lane.cells):
            asked = self._asked[lane.model.name, prompt, number]
            for repeat in range(lane.repeats):
                name = job_id(
                    asked, row_id=row_id, prompt=prompt, model=lane.model.name, params=cell.text, repeat=repeat
                )
                yield _Place(name, row_id, prompt, lane.model.name, cell, repeat)


class _Place(NamedTuple):
    """Where a job stands in the plan."""

    job_id: str
    row_id: str
    prompt: str
    model: str
    cell: GridCell
    repeat: int

    def job(self, shard: Shard, fingerprint: str, content: Request | Failure | Recorded) -> Job:
        return Job(
            job_id=self.job_id,
            fingerprint=fingerprint,
            row_id=self.row_id,
            prompt=self.prompt,
            model=self.model,
            params=self.cell.text,
            repeat=self.repeat,
            shard=shard.name,
            request=content if isinstance(content, Request) else None,
            failure=content if isinstance(content, Failure) else None,
            recorded=content if isinstance(content, Recorded) else None,
        )


class RecordedAnswer:
    """Reads the answer that a row already holds."""

    def __init__(self, columns: RecordedColumns) -> None:
        """Compile the template of the answer."""
        self._columns = columns
        self.text: TextTemplate = compile_text(columns.answer, path=columns.place)

    def read(self, row: Row) -> Recorded:
        """The answer with what the row says of it; raises DataError or TemplateError."""
        columns = self._columns
        stop_reason = _column(row, columns.stop_reason)
        return Recorded(
            text=self.text.render(row),
            stop_reason=None if stop_reason is None else str(stop_reason),
            input_tokens=_whole(row, columns.input_tokens),
            output_tokens=_whole(row, columns.output_tokens),
            latency_ms=_number(row, columns.latency_ms),
        )


def _compiled(prompts: Sequence[PromptSettings], columns: Sequence[str]) -> dict[str, Template]:
    """Each prompt's template by name; where one cannot be compiled, the error names the missing columns of the rest."""
    templates: dict[str, Template] = {}
    broken: list[str] = []
    for prompt in prompts:
        try:
            templates[prompt.name] = compile_template(prompt.source, path=prompt.path)
        except TemplateError as error:
            broken.append(str(error))
    if broken:
        raise TemplateError("\n".join([*broken, *missing_columns(templates.values(), columns)]))
    return templates


def _lane(settings: EvalSettings, model: ModelSettings, identity: Mapping[str, Any]) -> Lane:
    recorded = model.recorded is not None
    return Lane(
        model=model,
        provider=settings.providers[model.provider],
        identity=identity,
        cells=_grid_cells(model, {} if recorded else settings.grid),
        repeats=1 if recorded else settings.run.repeats,
    )


def _grid_cells(model: ModelSettings, grid: Mapping[str, Sequence[Any]]) -> tuple[GridCell, ...]:
    cells = []
    for values in product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        cells.append(GridCell(params={**model.params, **chosen}, text=canonical_json(chosen).decode()))
    return tuple(cells)


def _column(row: Row, name: str | None) -> Any:
    if name is None:
        return None
    if name not in row:
        raise DataError(f"there is no column {name!r}; the row has {', '.join(row)}")
    return row[name]


def _number(row: Row, name: str | None) -> float | None:
    value = _column(row, name)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.inf
    if math.isinf(number):
        raise DataError(f"column {name!r} holds {value!r}, which is not a number")
    return None if math.isnan(number) else number


def _whole(row: Row, name: str | None) -> int | None:
    value = _number(row, name)
    if value is not None and value != int(value):
        raise DataError(f"column {name!r} holds {value!r}, which is not a whole number")
    return None if value is None else int(value)
