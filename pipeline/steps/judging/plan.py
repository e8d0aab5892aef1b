"""The jobs of judges: one lane for each, one shard for some rows, over the answers that a run has stored."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from pipeline.core.errors import EvalmillError
from pipeline.core.fingerprint import canonical_json, digest, request_fingerprint
from pipeline.core.names import slug
from pipeline.core.records import Failure, Job
from pipeline.core.settings import ProviderSettings
from pipeline.plan.expand import SHARD_JOBS, GridCell, Lane, RecordedAnswer, Shard
from pipeline.steps.judging.candidates import Candidates
from pipeline.steps.judging.panel import Panelist
from pipeline.steps.judging.prompt import JudgePrompt, Shown
from pipeline.steps.judging.reading import NONCE
from pipeline.steps.judging.units import Rules, Unit
from pipeline.steps.rows import RowLookup
from pipeline.store.run_store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The run whose answers are judged."""

    store: RunStore
    run: Mapping[str, Any]
    candidates: Candidates
    seed: int

    @property
    def rows_per_shard(self) -> int:
        """The same in every session of the run, so that a later one finds what an earlier one did."""
        planned: int = self.run["planned_jobs"]
        per_row = max(1, planned // max(1, self.candidates.rows))
        return max(1, SHARD_JOBS // per_row)


class JudgePlan:
    """What one scorer's judges have to do; nothing is rendered before it is asked for.

    Jobs are known by what they ask, so an answer that changed is judged again and nothing else is.
    """

    def __init__(
        self,
        rules: Rules,
        panel: Sequence[Panelist],
        judged: Judged,
        stored: RunStore,
        providers: Mapping[str, ProviderSettings],
    ) -> None:
        """`stored` is the judges' own folder."""
        self._rules = rules
        self._judged = judged
        self._stored = stored
        self._panel = {one.model.name: one for one in panel}
        self.lanes = tuple(_lane(one, providers[one.model.provider]) for one in panel)
        self._shards: dict[str, list[Shard]] = {}
        self._by_name = {lane.model.name: lane for lane in self.lanes}

    def total_jobs(self, lane: Lane) -> int:
        """How many jobs a lane has, those included that are stored and ask what is asked no more."""
        return sum(shard.jobs for shard in self.shards(lane))

    def open_jobs(self) -> dict[str, int]:
        """Jobs without a result, by judge, as the folder stands now."""
        return {
            lane.model.name: sum(len(self._open_units(shard, self._stored.job_ids(shard.name))) for shard in shards)
            for lane in self.lanes
            for shards in [list(self.shards(lane))]
        }

    def shards(self, lane: Lane) -> Iterator[Shard]:
        """A lane's shards in the order of the rows. What is stored counts, so one is complete when nothing is open."""
        name = lane.model.name
        if name not in self._shards:
            self._shards[name] = [shard for shard in self._all_shards(lane) if shard.jobs]
        return iter(self._shards[name])

    def jobs(self, shard: Shard, done: Container[str] = ()) -> Iterator[Job]:
        """The jobs of `shard` whose ids are not in `done`, by row."""
        units = self._open_units(shard, done)
        if not units:
            return
        lane, panelist = self._by_name[shard.lane], self._panel[shard.lane]
        maker = _JobMaker(self._rules, panelist, lane, self._judged)
        texts = self._judged.candidates.texts({target for unit in units for target in unit.targets})
        rows = RowLookup(self._judged.store.folder)
        records = rows.records(pa.array([unit.targets[0].row_id for unit in units], pa.string()))
        for unit, row in zip(units, records, strict=True):
            yield maker.job(shard, unit, row, tuple(texts[target.job_id] for target in unit.targets))

    def _all_shards(self, lane: Lane) -> Iterator[Shard]:
        step = self._judged.rows_per_shard
        for start in range(0, self._judged.candidates.rows, step):
            stop = min(start + step, self._judged.candidates.rows)
            shard = Shard(
                lane=lane.model.name,
                name=f"{slug(lane.model.name)}/{start:09d}",
                start_row=start,
                stop_row=stop,
                jobs=0,
            )
            done = self._stored.job_ids(shard.name)
            yield replace(shard, jobs=len(done) + len(self._open_units(shard, done)))

    def _open_units(self, shard: Shard, done: Container[str]) -> list[Unit]:
        asked = self._panel[shard.lane].asked
        units = self._rules.units(self._judged.candidates.between(shard.start_row, shard.stop_row))
        return [unit for unit in units if unit.job_id(asked) not in done]


class _JobMaker:
    """Renders one judge's jobs."""

    def __init__(self, rules: Rules, panelist: Panelist, lane: Lane, judged: Judged) -> None:
        self._judge = rules.judge
        self._ranks = {name: rank for rank, name in enumerate(rules.models)}
        self._panelist = panelist
        self._identity = lane.identity
        self._prompt = JudgePrompt(rules.judge, judged.run, judged.seed)
        recorded = panelist.model.recorded
        self._recorded = None if recorded is None else RecordedAnswer(recorded)

    def job(self, shard: Shard, unit: Unit, row: Mapping[str, Any], texts: tuple[str, ...]) -> Job:
        target = unit.targets[0]
        job = Job(
            job_id=unit.job_id(self._panelist.asked),
            fingerprint="",
            row_id=target.row_id,
            prompt=target.prompt,
            model=self._panelist.model.name,
            params=canonical_json(unit.place).decode(),
            repeat=target.repeat,
            shard=shard.name,
            request=None,
        )
        try:
            return self._filled(job, unit, row, texts)
        except EvalmillError as error:
            fingerprint = digest(["unrendered", self._identity, job.job_id])
            return replace(job, fingerprint=fingerprint, failure=Failure(kind="local", message=str(error)))

    def _filled(self, job: Job, unit: Unit, row: Mapping[str, Any], texts: tuple[str, ...]) -> Job:
        if self._recorded is not None:
            recorded = self._recorded.read({**row, **self._shown_models(unit)})
            fingerprint = digest(["recorded", self._identity, recorded.text])
            return replace(job, fingerprint=fingerprint, recorded=recorded)
        ids = tuple(target.job_id for target in unit.targets)
        shown = Shown(row=row, prompt=job.prompt, targets=ids, texts=texts)
        request, nonce = self._prompt.render(shown, self._panelist.params)
        place = canonical_json({**unit.place, NONCE: nonce}).decode()
        return replace(job, request=request, params=place, fingerprint=request_fingerprint(request, self._identity))

    def _shown_models(self, unit: Unit) -> dict[str, str]:
        """What a recorded judge's template is told: whose answers are shown, and in which order."""
        models = [target.model for target in unit.targets]
        if len(models) == 1:
            return {"candidate_model": models[0]}
        is_swapped = self._ranks.get(models[0], 0) > self._ranks.get(models[1], 0)
        return {"model_a": models[0], "model_b": models[1], "order": "swapped" if is_swapped else "given"}


def _lane(panelist: Panelist, provider: ProviderSettings) -> Lane:
    return Lane(
        model=panelist.model,
        provider=provider,
        identity=panelist.identity,
        cells=(GridCell(params=panelist.params, text="{}"),),
        repeats=1,
    )
