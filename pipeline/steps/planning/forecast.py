"""What a run would ask, use, cost and take, by its own requests and by earlier runs; nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from pipeline.core.unpaid import SIMULATOR
from pipeline.plan.expand import Lane
from pipeline.run.permits import max_output_tokens
from pipeline.stats.predict import NOTHING, Range, predict_sum, total
from pipeline.steps.planning.drafts import Draft, Expected, Setting, timed
from pipeline.steps.planning.evidence import Evidence, of_model
from pipeline.steps.planning.history import History, asked_of, read_history
from pipeline.steps.planning.judges import expect_judges
from pipeline.steps.planning.look import Look, Part, done_jobs, look
from pipeline.steps.planning.money import NO_DOLLARS, Dollars, Use, predict_usd
from pipeline.steps.planning.pace import Duration, Load, one_after_another, together
from pipeline.steps.planning.usage import InputTokens, asked_by, predict_output, row_count
from pipeline.steps.prepare import Prepared
from pipeline.steps.reuse import find_reuse

_MILLISECONDS = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Of a whole run."""

    models: Mapping[str, Expected]
    """By name; recorded models, which nothing is sent to, are left out."""
    judges: Mapping[tuple[str, str], Expected]
    """By scorer and judge."""
    seconds: Duration
    looked_at: int
    """Rows that were rendered."""
    rows: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def expected(self) -> list[Expected]:
        """Of models and judges."""
        return [*self.models.values(), *self.judges.values()]

    @property
    def paid(self) -> list[Expected]:
        """Those that are paid with real money; where there are none, the simulated ones, whose money is invented."""
        real = [one for one in self.expected if one.provider != SIMULATOR]
        return real or self.expected

    @property
    def simulated(self) -> bool:
        """Whether all money is invented."""
        return all(one.provider == SIMULATOR for one in self.expected)

    @property
    def usd(self) -> Dollars | None:
        """Of all that is paid with real money, or of the simulated models where all are; None without a price."""
        found = NO_DOLLARS
        for one in self.paid:
            if one.usd is None:
                return None
            found = found + one.usd
        return found


def survey_jobs(setting: Setting, *, most_jobs: int | None = None) -> tuple[Look, list[str]]:
    """The jobs that the run would send, and what could not be read on the way."""
    choice, again, prepared = setting.choice, setting.again, setting.prepared
    run = choice.run or {"fresh": again.fresh, "retry": list(again.retry)}
    done = set() if choice.run is None else done_jobs(choice.folder, again.retry)
    more = {} if most_jobs is None else {"most_jobs": most_jobs}
    with find_reuse(setting.home, choice.folder, prepared, run, again) as reuse:
        found = look(prepared, done, reuse if len(reuse.earlier) else None, **more)
        return found, list(reuse.notes)


def history_of(setting: Setting) -> History:
    """What earlier runs saw of the models that would be asked."""
    prepared, prompts = setting.prepared, _prompts(setting.prepared)
    wanted = {
        asked_of(lane.model.provider, lane.model.model, prompts[prompt], cell.params)
        for lane in prepared.plan.lanes
        if lane.model.recorded is None
        for prompt in prepared.plan.templates
        for cell in lane.cells
    }
    return read_history(setting.home, setting.reports, wanted)


def _prompts(prepared: Prepared) -> dict[str, str]:
    """Each prompt's sha256, as run.json names it."""
    return {prompt.name: sha256(prompt.source.encode()).hexdigest() for prompt in prepared.settings.prompts}


def forecast(setting: Setting, found: Look, history: History) -> Forecast:
    """Predict every model, then the judges, and the time of all together."""
    prompts = _prompts(setting.prepared)
    inputs = InputTokens(history, dict(setting.counted))
    drafts = {
        lane.model.name: _draft(setting, lane, found, history, inputs, prompts)
        for lane in setting.prepared.plan.lanes
        if lane.model.recorded is None
    }
    models = timed(setting.prepared, drafts)
    judges = expect_judges(setting, list(models.values()))
    steps = [together([one.seconds for one in models.values()])]
    steps += [
        together([one.seconds for (of, _), one in judges.items() if of == scorer])
        for scorer in dict.fromkeys(scorer for scorer, _ in judges)
    ]
    return Forecast(
        models=models,
        judges=judges,
        seconds=one_after_another(steps),
        looked_at=found.looked_at if found.is_sample else found.rows,
        rows=found.rows,
        seed=found.seed,
        notes=tuple(history.notes),
    )


def _draft(
    setting: Setting, lane: Lane, found: Look, history: History, inputs: InputTokens, prompts: Mapping[str, str]
) -> Draft:
    parts = [part for part in found.parts if part.lane is lane]
    sent = [_part(setting, part, found, history, inputs, prompts[part.prompt]) for part in parts]
    jobs = total(one.jobs for one in sent)
    pace = history.refused_pace.get((lane.model.provider, lane.model.model))
    output = _all([one.output for one in sent])
    most = sum((max_output_tokens(one.part.cell.params) or 0) * (one.jobs.likely or 0.0) for one in sent)
    promised = Range(most, most, most) if lane.provider.accounting == "openai" else output
    usd: Dollars | None = NO_DOLLARS
    for one in sent:
        usd = None if usd is None or one.usd is None else usd + one.usd
    spans = [one.evidence.of_jobs(lambda seen: seen.span_seconds) for one in sent if one.evidence is not None]
    basis = [words for one in sent for words in one.basis if words]
    if pace is not None:
        basis.append(f"time: the pace of run {pace[1]}, in which requests were refused with 429")
    return Draft(
        lane=lane,
        jobs=jobs,
        reused=total(found.reused_jobs(part) for part in parts),
        input=total(one.input for one in sent),
        output=output,
        usd=usd,
        basis=tuple(dict.fromkeys(basis)),
        load=Load(
            jobs=round(jobs.likely or 0.0),
            requests=sum(one.requests for one in sent),
            input=total(one.counted_input for one in sent),
            output=promised,
            busy_seconds=_all([one.busy_seconds for one in sent]),
            spans=np.concatenate(spans) if spans else np.zeros(0),
            refused_pace=None if pace is None else pace[0],
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """What is expected of the open jobs of one part."""

    part: Part
    jobs: Range
    input: Range
    counted_input: Range
    output: Range | None
    usd: Dollars | None
    busy_seconds: Range | None
    requests: float
    evidence: Evidence | None
    basis: tuple[str, ...]


def _part(setting: Setting, part: Part, found: Look, history: History, inputs: InputTokens, prompt: str) -> _Sent:
    asked, open_jobs, tokens = asked_by(part, prompt), found.open_jobs(part), found.open_tokens(part)
    jobs = round(open_jobs.likely or 0.0)
    evidence = of_model(history, asked)
    fresh, out = inputs.predict(part, asked, tokens, jobs), predict_output(history, part, asked, jobs)
    output = None if out is None else out.amount.as_open_as(open_jobs)
    usd = NO_DOLLARS if not jobs else None
    if output is not None and jobs:
        ratio = (fresh.amount.likely or 0.0) / (tokens.likely or 1.0)
        use = Use(jobs=jobs, input=fresh.amount, output=output, per_estimated=ratio)
        usd = predict_usd(part, setting.today, use, evidence)
    busy = _busy(evidence, part, jobs)
    basis = () if out is None or not jobs else (f"input tokens: {fresh.basis}", f"output length: {out.basis}")
    return _Sent(
        part=part, jobs=open_jobs, input=fresh.amount, counted_input=_counted(fresh.amount, evidence), output=output,
        usd=usd, busy_seconds=None if busy is None else busy.as_open_as(open_jobs),
        requests=jobs * _mean(evidence), evidence=evidence, basis=basis,
    )  # fmt: skip


def _busy(evidence: Evidence | None, part: Part, jobs: int) -> Range | None:
    if not jobs:
        return NOTHING
    if evidence is None:
        return None
    values = evidence.by_row(lambda seen: seen.busy_seconds * _MILLISECONDS)
    found = predict_sum(values, row_count(jobs, part.per_row), units=part.per_row / _MILLISECONDS)
    return None if found is None else found.widened(evidence.factor).within(0.0, float("inf"))


def _mean(evidence: Evidence | None) -> float:
    """Requests for each job."""
    return 1.0 if evidence is None else max(1.0, float(evidence.of_jobs(lambda seen: seen.requests).mean()))


def _counted(tokens: Range, evidence: Evidence | None) -> Range:
    """The part of the input that limits count: not what is read from a cache."""
    if evidence is None or evidence.factor != 1.0:
        return tokens
    whole = float(evidence.of_jobs(lambda seen: seen.input).sum())
    read = float(evidence.of_jobs(lambda seen: seen.classes["cache_read_tokens"]).sum())
    return tokens.times(1 - read / whole) if whole else tokens


def _all(ranges: Sequence[Range | None]) -> Range | None:
    """The sum, where each is known."""
    known = [one for one in ranges if one is not None]
    return total(known) if len(known) == len(ranges) else None
