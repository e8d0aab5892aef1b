"""Judge: the open questions to a run's judges, sent through the same engine, under the same budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import anyio

from pipeline.core.clock import Clock
from pipeline.core.errors import SettingsError
from pipeline.core.records import ANSWERED, Result
from pipeline.core.settings import EvalSettings, ScorerSettings
from pipeline.plan.expand import Lane
from pipeline.run.control import RunControl
from pipeline.run.loop import has_uvloop
from pipeline.score.judge import JUDGE_KINDS
from pipeline.steps.access import find_keys
from pipeline.steps.answer import RunObserver, Session, answer_all
from pipeline.steps.choose import Again
from pipeline.steps.judging.candidates import Candidates
from pipeline.steps.judging.panel import judge_models, panel
from pipeline.steps.judging.plan import Judged, JudgePlan
from pipeline.steps.judging.reading import VerdictCheck
from pipeline.steps.judging.units import judge_folder, model_names, rules_of
from pipeline.steps.notes import recovery_notes, unanswered_notes
from pipeline.steps.reuse import Reuse
from pipeline.steps.unbounded import budget_mistakes
from pipeline.store.folder import (
    JUDGES,
    PLANNED,
    RUN_SCHEMA,
    create_run,
    holds_run,
    judge_folders,
    read_run,
    write_json_atomic,
)
from pipeline.store.reuse import find_earlier, no_earlier
from pipeline.store.run_store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Court:
    """What judging works with."""

    settings: EvalSettings
    store: RunStore
    """The run whose answers are judged."""
    run: Mapping[str, Any]
    home: Path
    """The folder of the evaluation's runs, whose verdicts are reused."""
    again: Again
    environment: Mapping[str, str]
    observer: RunObserver
    clock: Clock
    rng: Random


@dataclass(slots=True)
class Judging:
    """How judging went."""

    control: RunControl = field(default_factory=RunControl)
    notes: list[str] = field(default_factory=list)


def judge_scorers(settings: EvalSettings) -> list[ScorerSettings]:
    """The scorers whose verdicts come from models."""
    return [scorer for scorer in settings.scorers if scorer.kind in JUDGE_KINDS]


def judge_all(court: Court) -> Judging:
    """Ask every judge what it was not asked yet, scorer by scorer, until one of them stops the run.

    Raises EvalmillError for what stops a judge before its first request.
    """
    judging = Judging()
    scorers = judge_scorers(court.settings)
    if not scorers:
        return judging
    candidates = Candidates(court.store)
    judged = Judged(store=court.store, run=court.run, candidates=candidates, seed=court.settings.dataset.seed)
    for scorer in scorers:
        control, notes = _judge(court, scorer, judged)
        judging.control = control
        judging.notes += [f"judges of {scorer.name!r}: {note}" for note in notes]
        if control.is_incomplete:
            break
    return judging


def spent_by_judges(folder: Path, *, but: Path | None = None) -> Decimal:
    """What the judges of a run have spent, those of former scorers included; `but` is left out."""
    spent = Decimal(0)
    for path in judge_folders(folder):
        if path != but:
            with RunStore.open(path) as store:
                spent += store.spent_usd()
    return spent


def _judge(court: Court, scorer: ScorerSettings, judged: Judged) -> tuple[RunControl, list[str]]:
    """Ask the judges of one scorer; what is stored already costs nothing."""
    settings = court.settings
    rules = rules_of(scorer, model_names(court.run))
    members = panel(rules.judge, judge_models(settings))
    folder = judge_folder(court.store.folder, scorer.name)
    if not holds_run(folder):
        create_run(folder, _run_json(court, scorer))
    run = {**read_run(folder), "run_id": court.run["run_id"], "eval": settings.name}
    with RunStore.open(folder) as stored:
        notes = recovery_notes(stored.recovered)
        if court.again.retry:
            stored.redo(court.again.retry)
        plan = JudgePlan(rules, members, judged, stored, settings.providers)
        open_jobs = plan.open_jobs()
        if not any(open_jobs.values()):
            anyio.run(stored.finish, "complete")
            return RunControl(), notes
        _require_bounds(court, [lane for lane in plan.lanes if open_jobs[lane.model.name]])
        stored.reopen()
        by_judge = {lane.model.name: plan.total_jobs(lane) for lane in plan.lanes}
        noted = {"planned_jobs": sum(by_judge.values()), "planned_jobs_by_model": by_judge}
        write_json_atomic(folder / PLANNED, noted)
        lost_before = stored.unanswered()
        models = tuple(member.model for member in members)
        providers = {model.provider: settings.providers[model.provider] for model in models}
        with _reuse(court, folder) as reuse:
            session = Session(
                settings=replace(settings, models=models, providers=providers),
                plan=plan,
                store=stored,
                run=run,
                keys=find_keys(replace(settings, providers=providers), court.environment),
                observer=_JudgeObserver(court.observer, scorer.name),
                reuse=reuse,
                clock=court.clock,
                rng=court.rng,
                spent_elsewhere_usd=court.store.spent_usd() + spent_by_judges(court.store.folder, but=folder),
                check=VerdictCheck(rules.judge, {member.model.name: member.means for member in members}),
            )
            control = anyio.run(partial(answer_all, session), backend_options={"use_uvloop": has_uvloop()})
            notes += reuse.notes
        notes += unanswered_notes(lost_before, stored.unanswered(), stored.kept_rows)
        left = sum(plan.open_jobs().values()) if control.is_incomplete else 0
        if left:
            notes.append(f"{left:,} verdicts are left; run again to continue")
        return control, notes


def _require_bounds(court: Court, lanes: Sequence[Lane]) -> None:
    """Refuse what a budget could not hold for, before the first request; a run was checked for it when it began."""
    started = datetime.fromisoformat(court.run["created_at"]).date()
    mistakes = list(budget_mistakes(court.settings, lanes, started))
    if mistakes:
        raise SettingsError("\n".join(mistakes))


def _reuse(court: Court, own: Path) -> Reuse:
    """Verdicts of other runs of the evaluation, and of other scorers of this one, on just these questions."""
    if court.run.get("fresh"):
        return Reuse(no_earlier(), {})
    statuses = set(ANSWERED) - set(court.again.retry)
    return Reuse(find_earlier(court.home, own, statuses, folders=f"*/{JUDGES}/*"), {})


def _run_json(court: Court, scorer: ScorerSettings) -> dict[str, Any]:
    """What a judges' folder says of itself. Who judges and how may change; the run's settings and results say that."""
    return {
        "schema": RUN_SCHEMA,
        "run_id": court.run["run_id"],
        "eval": court.run["eval"],
        "created_at": court.clock.now().isoformat(timespec="seconds"),
        "judges": {"scorer": scorer.name, "kind": scorer.kind},
        "settings": {},
        "dataset": {"rows": 0},
    }


@dataclass(frozen=True, slots=True)
class _JudgeObserver:
    """Shows judges under their scorer's name, so that none is taken for a model of the same name."""

    observer: RunObserver
    scorer: str

    def _named(self, judge: str) -> str:
        return f"{self.scorer}: {judge}"

    def lane(self, model: str, *, total: int, done: int) -> None:
        self.observer.lane(self._named(model), total=total, done=done)

    def in_flight(self, model: str, change: int) -> None:
        self.observer.in_flight(self._named(model), change)

    def event(self, model: str, said: str) -> None:
        self.observer.event(self._named(model), said)

    def acknowledged(self, results: Sequence[Result], /) -> None:
        self.observer.acknowledged([replace(result, model=self._named(result.model)) for result in results])

    def kept(self, result: Result, /) -> None:
        self.observer.kept(replace(result, model=self._named(result.model)))
