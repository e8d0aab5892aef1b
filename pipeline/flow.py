"""The product on one screen: dataset -> jobs -> results -> scores -> summary -> pages.

Each step reads what the step before left on disk, so each also runs alone and costs no tokens after the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import anyio

from pipeline.config.load import Overrides, load_eval
from pipeline.core.clock import Clock, SystemClock
from pipeline.core.errors import EXIT_GATE_FAILED, EXIT_JOBS_FAILED, EXIT_OK, EvalmillError
from pipeline.core.settings import EvalSettings
from pipeline.report.pages import render_pages
from pipeline.run.control import RunControl
from pipeline.steps.answer import RunObserver, Session, answer_all, load_keys
from pipeline.steps.choose import Choice, begin, choose
from pipeline.steps.notes import recovery_notes
from pipeline.steps.prepare import Prepared, prepare, require_sound
from pipeline.steps.present import run_view
from pipeline.steps.rows import keep_rows
from pipeline.steps.score import bind, score_run
from pipeline.steps.summarize import summarize
from pipeline.store.folder import read_run, write_json_atomic
from pipeline.store.run_store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The world around a run: environment, time, chance."""

    environment: Mapping[str, str]
    clock: Clock = field(default_factory=SystemClock)
    rng: Random = field(default_factory=Random)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where runs are written."""

    reports: Path
    """The folder below which new run folders are made."""
    out: Path | None = None
    """The run folder itself, when it is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    folder: Path
    summary: Mapping[str, Any]
    pages: tuple[Path, ...]
    exit_code: int
    stopped: EvalmillError | None = None
    notes: tuple[str, ...] = ()


Observe = Callable[[Prepared, Choice, list[str]], RunObserver]
"""Is told what is about to run, and the warnings; gives the observer."""


def run_evaluation(
    evaluation: Path, overrides: Overrides, places: Places, *, around: Surroundings, observe: Observe
) -> Outcome:
    """Run an evaluation to its pages, or continue where an earlier session stopped.

    Raises EvalmillError for what stops a run before its first request; what stops it later is in the outcome,
    beside everything answered until then.
    """
    now = around.clock.now()
    prepared = prepare(evaluation, overrides)
    warnings = require_sound(prepared, today=now.date())
    keys = load_keys(prepared.settings, around.environment)
    choice = choose(prepared, places.reports, places.out, now=now, rng=around.rng)
    observer = observe(prepared, choice, warnings)
    run = choice.run or begin(prepared, choice.folder, now=now)
    with RunStore.open(choice.folder) as store:
        keep_rows(store, prepared.dataset, prepared.survey)
        control = RunControl()
        if not choice.finished:
            session = Session(
                settings=prepared.settings, plan=prepared.plan, store=store, run=run, keys=keys, observer=observer,
                clock=around.clock, rng=around.rng,
            )  # fmt: skip
            control = anyio.run(answer_all, session)
        score_run(store, bind(prepared.settings.scorers), prepared.settings)
        summary, pages = _present(store, run)
        notes = recovery_notes(store.recovered)
    return Outcome(
        folder=choice.folder,
        summary=summary,
        pages=pages,
        exit_code=_exit_code(summary, control),
        stopped=control.reason,
        notes=tuple(notes),
    )


def score_again(folder: Path, evaluation: Path | None) -> Outcome:
    """Score stored answers with the scorers of `evaluation` (by default the one that the run came from)."""
    run = read_run(folder)
    settings = load_eval(evaluation or Path(run["evaluation"]), Overrides())
    return _again(folder, run, settings)


def report_again(folder: Path) -> Outcome:
    """Summary and pages again, from the stored tables."""
    return _again(folder, read_run(folder), None)


def _again(folder: Path, run: Mapping[str, Any], settings: EvalSettings | None) -> Outcome:
    with RunStore.open(folder) as store:
        if settings is not None:
            score_run(store, bind(settings.scorers), settings)
        summary, pages = _present(store, run)
    return Outcome(folder=folder, summary=summary, pages=pages, exit_code=_exit_code(summary, RunControl()))


def _present(store: RunStore, run: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Path, ...]]:
    summary = summarize(store, run)
    write_json_atomic(store.folder / "summary.json", summary)
    return summary, tuple(render_pages(run_view(store, run, summary), store.folder))


def _exit_code(summary: Mapping[str, Any], control: RunControl) -> int:
    """Signals, then what stopped the run, then failed jobs, then failed gates."""
    if control.signal is not None:
        return 128 + control.signal
    if control.reason is not None:
        return control.reason.exit_code
    if summary["jobs"]["error"] or summary["jobs"]["skipped"]:
        return EXIT_JOBS_FAILED
    if not all(gate["passed"] for gate in summary["gates"]):
        return EXIT_GATE_FAILED
    return EXIT_OK
