"""Rows × prompts × models × grid × repeats to jobs, lazily and in shards."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from pipeline.core.errors import DataError, EvalmillError, TemplateError
from pipeline.core.fingerprint import canonical_json, digest, job_id, request_fingerprint
from pipeline.core.names import slug
from pipeline.core.records import Failure, Job, Recorded, Request
from pipeline.core.settings import EvalSettings, ModelSettings, ProviderSettings, RecordedColumns
from pipeline.core.template import Rendered, Template, TextTemplate, compile_template, compile_text
from pipeline.plan.dataset import Dataset, Survey

SHARD_JOBS = 20_000
PREFLIGHT_ROWS = 100

ImageSource = Callable[[Any], dict[str, Any]]
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
        image_source: ImageSource,
    ) -> None:
        """`identities` names who answers, by model name; raises TemplateError for a template with a mistake."""
        self._dataset = dataset
        self._survey = survey
        self._image_source = image_source
        self.templates: dict[str, Template] = {
            prompt.name: compile_template(prompt.source, path=prompt.path) for prompt in settings.prompts
        }
        self.answers = {
            model.name: RecordedAnswer(model.recorded) for model in settings.models if model.recorded is not None
        }
        self.lanes = tuple(_lane(settings, model, identities[model.name]) for model in settings.models)
        self._by_name = {lane.model.name: lane for lane in self.lanes}
        self.rows = survey.rows

    def total_jobs(self, lane: Lane) -> int:
        """How many jobs `lane` has."""
        return self.rows * self._jobs_per_row(lane)

    def shards(self, lane: Lane) -> Iterator[Shard]:
        """The lane's shards in order. A shard's name depends on the plan alone, so a later session finds it again."""
        per_row = self._jobs_per_row(lane)
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
        for row_id, row in self._rows(shard.start_row, shard.stop_row):
            jobs = (
                self._recorded(lane, shard, row_id, row)
                if lane.model.recorded
                else self._called(lane, shard, row_id, row)
            )
            for job in jobs:
                if job.job_id not in done:
                    yield job

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

    def _jobs_per_row(self, lane: Lane) -> int:
        return len(self.templates) * len(lane.cells) * lane.repeats

    def _rows(self, start: int, stop: int) -> Iterator[tuple[str, Row]]:
        for batch in self._dataset.batches(self._survey, start, stop):
            yield from zip(batch.row_ids, batch.records(), strict=True)

    def _render(self, template: Template, row: Row, row_id: str) -> Rendered:
        try:
            return template.render(row, self._image_source)
        except TemplateError as error:
            raise TemplateError(f"row {row_id}: {error.bare_message}", path=error.path, line=error.line) from None
        except DataError as error:
            raise DataError(f"{template.path}: row {row_id}: {error}") from None

    def _called(self, lane: Lane, shard: Shard, row_id: str, row: Row) -> Iterator[Job]:
        for prompt, template in self.templates.items():
            try:
                rendered = self._render(template, row, row_id)
            except EvalmillError as error:
                yield from self._refused(lane, shard, (row_id, prompt), str(error))
                continue
            for cell in lane.cells:
                request = Request(messages=rendered.messages, system=rendered.system, params=cell.params)
                fingerprint = request_fingerprint(request, lane.identity)
                for repeat in range(lane.repeats):
                    yield _job(lane, shard, (row_id, prompt, cell.text, repeat), fingerprint, request)

    def _refused(self, lane: Lane, shard: Shard, place: tuple[str, str], message: str) -> Iterator[Job]:
        """Jobs of a row that cannot be rendered: they end as errors, and the run goes on."""
        row_id, prompt = place
        fingerprint = digest(["unrendered", lane.identity, row_id, prompt])
        failure = Failure(kind="local", message=message)
        for cell, repeat in product(lane.cells, range(lane.repeats)):
            yield _job(lane, shard, (row_id, prompt, cell.text, repeat), fingerprint, failure)

    def _recorded(self, lane: Lane, shard: Shard, row_id: str, row: Row) -> Iterator[Job]:
        answer = self.answers[lane.model.name]
        for prompt in self.templates:
            place = (row_id, prompt, "{}", 0)
            try:
                recorded = answer.read(row)
            except EvalmillError as error:
                failure = Failure(kind="local", message=str(error))
                yield _job(lane, shard, place, digest(["unreadable", lane.identity, row_id]), failure)
                continue
            fingerprint = digest(["recorded", lane.identity, recorded.text])
            yield _job(lane, shard, place, fingerprint, recorded)


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


def _job(
    lane: Lane, shard: Shard, place: tuple[str, str, str, int], fingerprint: str, content: Request | Failure | Recorded
) -> Job:
    row_id, prompt, params, repeat = place
    model = lane.model.name
    return Job(
        job_id=job_id(fingerprint, row_id=row_id, prompt=prompt, model=model, params=params, repeat=repeat),
        fingerprint=fingerprint,
        row_id=row_id,
        prompt=prompt,
        model=model,
        params=params,
        repeat=repeat,
        shard=shard.name,
        request=content if isinstance(content, Request) else None,
        failure=content if isinstance(content, Failure) else None,
        recorded=content if isinstance(content, Recorded) else None,
    )


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
        return float(value)
    except (TypeError, ValueError):
        raise DataError(f"column {name!r} holds {value!r}, which is not a number") from None


def _whole(row: Row, name: str | None) -> int | None:
    value = _number(row, name)
    if value is not None and value != int(value):
        raise DataError(f"column {name!r} holds {value!r}, which is not a whole number")
    return None if value is None else int(value)
