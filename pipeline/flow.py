"""The product on one screen: dataset -> jobs -> results -> scores -> summary -> pages.

Each step reads what the step before left on disk, so each also runs alone and costs no tokens after the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Literal

import anyio

from pipeline.config.load import Overrides, load_eval
from pipeline.core.clock import Clock, SystemClock
from pipeline.core.errors import (
    EXIT_GATE_FAILED,
    EXIT_JOBS_FAILED,
    EXIT_OK,
    EvalmillError,
    OutputError,
    StoppedResumable,
)
from pipeline.core.names import slug
from pipeline.core.settings import EvalSettings
from pipeline.report.pages import render_comparison, render_documents, render_pages
from pipeline.run.control import RunControl
from pipeline.run.loop import has_uvloop
from pipeline.steps.access import find_keys
from pipeline.steps.answer import RunObserver, Session, answer_all
from pipeline.steps.choose import Again, Choice, Places, begin, choose
from pipeline.steps.compare import Wishes, compare
from pipeline.steps.failures import Failures, count_failures
from pipeline.steps.judge import Court, judge_all, spent_by_judges
from pipeline.steps.mistakes import require_sound
from pipeline.steps.notes import finish_note, recovery_notes, retry_notes, unanswered_notes
from pipeline.steps.prepare import Prepared, prepare
from pipeline.steps.present import run_view
from pipeline.steps.reuse import find_reuse, may_reuse
from pipeline.steps.rows import keep_rows
from pipeline.steps.score import Demands, is_scored, score_run
from pipeline.steps.summarize import summarize
from pipeline.store.folder import is_finished, read_run, write_json_atomic
from pipeline.store.lock import refuse_held
from pipeline.store.run_store import RunStore

Format = Literal["html", "md", "junit", "json"]
QUICK_RESULTS = 20_000
"""After an interruption, no more results than this are scored and rendered before the process ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The world around a run: environment, time, chance."""

    environment: Mapping[str, str]
    clock: Clock = field(default_factory=SystemClock)
    rng: Random = field(default_factory=Random)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    folder: Path
    exit_code: int
    summary: Mapping[str, Any] | None
    """None when an interruption left no time for it."""
    pages: tuple[Path, ...] = ()
    failures: Failures = field(default_factory=Failures)
    stopped: EvalmillError | None = None
    notes: tuple[str, ...] = ()


Observe = Callable[[Prepared, Choice, list[str]], RunObserver]
"""Is told what is about to run, and the warnings; gives the observer."""


def run_evaluation(
    evaluation: Path, overrides: Overrides, places: Places, again: Again, *, around: Surroundings, observe: Observe
) -> Outcome:
    """Run an evaluation to its pages, or continue where an earlier session stopped.

    Raises EvalmillError for what stops a run before its first request; what stops it later is in the outcome,
    beside everything answered until then.
    """
    now = around.clock.now()
    if places.out is not None:
        refuse_held(places.out)
    prepared = prepare(evaluation, overrides)
    choice = choose(prepared, places, again, now=now, rng=around.rng)
    warnings = require_sound(prepared, today=choice.began(now))
    keys = find_keys(prepared.settings, around.environment)
    if keys.missing and choice.run is None and not may_reuse(places.home(prepared.settings.name), again):
        raise next(iter(keys.missing.values()))
    observer = observe(prepared, choice, warnings)
    run = choice.run or begin(prepared, choice.folder, again, now=now)
    with RunStore.open(choice.folder) as store:
        keep_rows(store, prepared.dataset, prepared.survey)
        notes = recovery_notes(store.recovered)
        redone = store.redo(again.retry) if again.retry and choice.run is not None else None
        control = RunControl()
        if redone or not is_finished(choice.folder):
            lost_before = store.unanswered()
            with find_reuse(places.home(prepared.settings.name), choice.folder, prepared, run, again) as reuse:
                control = _answer(Session(
                    settings=_without_judges(prepared.settings), plan=prepared.plan, store=store, run=run, keys=keys,
                    observer=observer, reuse=reuse, clock=around.clock, rng=around.rng,
                    spent_elsewhere_usd=spent_by_judges(store.folder),
                ))  # fmt: skip
                notes += reuse.notes
            notes += unanswered_notes(lost_before, store.unanswered(), store.kept_rows)
        notes += retry_notes(again, store, redone)
        is_answered = not control.is_incomplete
        if is_answered:
            judging = judge_all(Court(
                settings=prepared.settings, store=store, run=run, home=places.home(prepared.settings.name),
                again=again, environment=around.environment, observer=observer, clock=around.clock, rng=around.rng,
            ))  # fmt: skip
            control = judging.control
            notes += judging.notes
        if control.signal is not None and sum(store.shard_rows().values()) > QUICK_RESULTS:
            notes.append(f"not scored, so as to end at once; `evalmill score {choice.folder}` does it")
            return Outcome(folder=choice.folder, exit_code=128 + control.signal, summary=None, notes=tuple(notes))
        notes += score_run(store, Demands.of(prepared.settings))
        outcome = _present(store, run, control, notes)
        if is_answered or not isinstance(control.reason, StoppedResumable):
            return outcome
        return replace(outcome, notes=(*outcome.notes, finish_note(outcome.summary or {}, _open_jobs(prepared, store))))


def _answer(session: Session) -> RunControl:
    return anyio.run(answer_all, session, backend_options={"use_uvloop": has_uvloop()})


def _without_judges(settings: EvalSettings) -> EvalSettings:
    """The settings with only those providers that the models need."""
    names = {model.provider for model in settings.models}
    return replace(settings, providers={name: settings.providers[name] for name in names})


def _open_jobs(prepared: Prepared, store: RunStore) -> dict[str, int]:
    """Jobs without a result, by model."""
    plan, rows = prepared.plan, store.shard_rows()
    return {
        lane.model.name: sum(shard.jobs - rows.get(shard.name, 0) for shard in plan.shards(lane)) for lane in plan.lanes
    }


def score_again(
    folder: Path, evaluation: Path | None, overrides: Overrides, *, around: Surroundings, observer: RunObserver
) -> Outcome:
    """Score stored answers with the scorers of `evaluation`: by default the run's own eval.toml, as it is now.

    Judges are asked what they were not asked yet; nothing else is sent.
    """
    run = read_run(folder)
    providers_file = run["providers_file"]
    overrides = replace(overrides, providers_file=None if providers_file is None else Path(providers_file))
    settings = load_eval(evaluation or Path(run["evaluation"]), overrides)
    with RunStore.open(folder) as store:
        store.compact()
        judging = judge_all(Court(
            settings=settings, store=store, run=run, home=folder.resolve().parent, again=Again(),
            environment=around.environment, observer=observer, clock=around.clock, rng=around.rng,
        ))  # fmt: skip
        notes = judging.notes + score_run(store, Demands.of(settings))
        return _present(store, run, judging.control, notes)


def report_again(folder: Path, formats: tuple[Format, ...] = ("html",)) -> Outcome:
    """Summary and pages again, from the stored tables; what was never scored is scored as the run was meant to be."""
    run = read_run(folder)
    with RunStore.open(folder) as store:
        store.compact()
        notes = [] if is_scored(store) else score_run(store, Demands.recorded(run))
        return _present(store, run, RunControl(), notes, formats)


def compare_runs(folders: Sequence[Path], wishes: Wishes, out: Path | None) -> tuple[dict[str, Any], Path]:
    """Pair each run with the first, and write the page: by default into the last run's folder; nothing is sent.

    `out` is a file that ends in `.html`, or a folder for `compare.html`.
    """
    found = compare(folders, wishes)
    page = folders[-1] / f"compare-{slug(found['runs'][0]['run_id'])}.html" if out is None else out
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        page = out / "compare.html"
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{page.parent}: cannot be made: {error.strerror}; choose another place with --out"
        ) from error
    return found, render_comparison(found, page)


def _present(
    store: RunStore,
    run: Mapping[str, Any],
    control: RunControl,
    notes: list[str],
    formats: tuple[Format, ...] | None = None,
) -> Outcome:
    summary = summarize(store, run)
    write_json_atomic(store.folder / "summary.json", summary)
    wanted = _usual(summary) if formats is None else formats
    pages = render_pages(run_view(store, run, summary), store.folder) if "html" in wanted else []
    pages += render_documents(summary, run, store.folder, wanted)
    pages += [store.folder / "summary.json"] if "json" in wanted else []
    failures = count_failures(store)
    stopped = control.reason or (failures.rejected_alike() if control.signal is None else None)
    return Outcome(
        folder=store.folder,
        exit_code=_exit_code(summary, control.signal, stopped),
        summary=summary,
        pages=tuple(pages),
        failures=failures,
        stopped=stopped,
        notes=tuple(notes),
    )


def _usual(summary: Mapping[str, Any]) -> tuple[Format, ...]:
    """The pages, and for build servers the gates where there are any."""
    return ("html", "junit") if summary["gates"] else ("html",)


def _exit_code(summary: Mapping[str, Any], signal: int | None, stopped: EvalmillError | None) -> int:
    """Signals, then what stopped the run, then failed jobs, then failed gates."""
    if signal is not None:
        return 128 + signal
    if stopped is not None:
        return stopped.exit_code
    if (
        summary["jobs"]["error"]
        or summary["jobs"]["skipped"]
        or any(one["errors"] for one in summary.get("judges", ()))
    ):
        return EXIT_JOBS_FAILED
    if not all(gate["passed"] for gate in summary["gates"]):
        return EXIT_GATE_FAILED
    return EXIT_OK
