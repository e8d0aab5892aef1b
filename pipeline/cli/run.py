"""evalmill run: an evaluation to its pages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import note, say, say_error, say_json, say_table
from pipeline.core.errors import UsageError
from pipeline.core.names import number_of

if TYPE_CHECKING:
    from pipeline.flow import Outcome
    from pipeline.steps.choose import Again, Choice, Places
    from pipeline.steps.planning.drafts import Setting
    from pipeline.steps.prepare import Prepared


_INTERRUPTED = (130, 143)
SHOWN_REASONS = 5
"""Reasons of failed jobs that are printed."""


def command(
    evaluation: Annotated[Path, typer.Argument(metavar="EVAL", help="An eval.toml, or the folder that holds one.")],
    out: Annotated[Path | None, typer.Option(help="The run folder; an unfinished run in it continues.")] = None,
    reports: Annotated[Path, typer.Option(help="Where new run folders are made.")] = Path("reports"),
    providers: Annotated[Path | None, typer.Option(help="A providers.toml.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first rows.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model; may be repeated.")] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="Only this prompt; may be repeated.")] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="USD", help="Stop, resumable, before the run could cost more.")
    ] = None,
    max_wait: Annotated[
        float | None, typer.Option(metavar="S", min=0, help="Stop, resumable, when a provider asks to wait longer.")
    ] = None,
    max_outage: Annotated[
        float | None, typer.Option(metavar="S", min=0, help="Stop, resumable, when a provider is down for longer.")
    ] = None,
    max_failure_rate: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", min=0, max=1, help="Stop, resumable, when more than this share of jobs fails (0.1)."
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Pay again for what earlier runs have answered; by default it is reused.")
    ] = False,
    retry: Annotated[
        str | None,
        typer.Option(metavar="STATUS,...", help="Ask again for the jobs that ended so, in the newest such run."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before a run that could cost more than ask_above_usd.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Run an evaluation, or continue where an earlier run of the same settings stopped."""
    import os

    from pipeline.cli.ask import ask
    from pipeline.cli.progress import Progress
    from pipeline.config.load import Overrides
    from pipeline.flow import Surroundings, run_evaluation
    from pipeline.run.memory import calm_collector
    from pipeline.steps.choose import Again, Places

    around = Surroundings(environment=os.environ)
    progress = Progress(around.clock)

    again, places = Again(fresh=fresh, retry=_statuses(retry)), Places(reports=reports, out=out)
    if fresh and again.retry:
        raise UsageError("--fresh asks for everything again, and --retry for some of it; give one of them")

    def observe(prepared: Prepared, choice: Choice, warnings: list[str]) -> Progress:
        for warning in warnings:
            note(f"warning: {warning}")
        _announce(prepared, choice, again)
        ask(prepared.settings, partial(_setting, prepared, places, choice, again), yes=yes, aside=progress.hidden)
        calm_collector()
        return progress

    overrides = Overrides(
        limit=limit,
        models=tuple(model or ()),
        prompts=tuple(prompt or ()),
        budget_usd=money(budget),
        max_wait_seconds=max_wait,
        max_outage_seconds=max_outage,
        max_failure_rate=max_failure_rate,
        providers_file=providers,
    )
    with progress.shown():
        outcome = run_evaluation(
            evaluation,
            overrides,
            places,
            again,
            around=around,
            observe=observe,
        )
    show(outcome, as_json=json)
    return outcome.exit_code


def _setting(prepared: Prepared, places: Places, choice: Choice, again: Again) -> Setting:
    """What the run's cost is estimated from."""
    from pipeline.core.clock import SystemClock
    from pipeline.steps.planning.drafts import Setting

    return Setting(
        prepared=prepared, reports=places.reports, home=places.home(prepared.settings.name), choice=choice, again=again,
        today=choice.began(SystemClock().now()),
    )  # fmt: skip


def show(outcome: Outcome, *, as_json: bool) -> None:
    """Print what a run left behind: the table and the pages, then whatever the user should know of it."""
    summary = outcome.summary
    if as_json:
        say_json({"folder": str(outcome.folder), "exit_code": outcome.exit_code, "summary": summary})
    elif summary is not None and summary["jobs"]["total"]:
        _show_results(outcome, summary)
    if summary is not None and summary["jobs"]["reused"]:
        note(_reused(summary))
    if summary is not None and "judges_usd" in summary["cost"]:
        note(_judged(summary))
    for line in outcome.notes:
        note(line)
    for model, kind, message, count in outcome.failures.reasons[:SHOWN_REASONS]:
        note(f"{number_of(count, 'job')} of {model!r} without an answer: {kind}: {message}")
    if len(outcome.failures.reasons) > SHOWN_REASONS:
        note(f"and {len(outcome.failures.reasons) - SHOWN_REASONS:,} more reasons; they are in the results")
    _show_end(outcome, summary)


def _show_results(outcome: Outcome, summary: Mapping[str, Any]) -> None:
    from pipeline.report.terminal import summary_table

    say_table(summary_table(summary))
    for page in outcome.pages:
        say(str(page))


def _show_end(outcome: Outcome, summary: Mapping[str, Any] | None) -> None:
    """Why a run ended before its end, or which gates failed."""
    if outcome.exit_code in _INTERRUPTED:
        answered = "" if summary is None else f" with {_progress(summary)}"
        note(f"interrupted{answered}; everything answered is kept, and the same command continues")
    elif outcome.stopped is not None:
        say_error(str(outcome.stopped))
    elif summary is not None:
        from pipeline.report.words import gate_sentence

        for gate in summary["gates"]:
            if not gate["passed"]:
                note(f"gate failed: {gate_sentence(gate)}")


def _progress(summary: Mapping[str, Any]) -> str:
    return f"{summary['jobs']['total']:,} of {number_of(summary['jobs']['planned'], 'job')} done"


def _reused(summary: Mapping[str, Any]) -> str:
    from pipeline.report.numbers import usd

    saved = summary["cost"]["reused_saved_usd"]
    saving = "whose cost is not known" if saved is None else f"saving {usd(saved)}"
    return f"{number_of(summary['jobs']['reused'], 'answer')} reused from earlier runs, {saving}"


def _judged(summary: Mapping[str, Any]) -> str:
    from pipeline.report.numbers import usd

    cost = summary["cost"]
    verdicts = sum(judge["jobs"] for entry in summary["judges"] for judge in entry["judges"])
    return f"{number_of(verdicts, 'verdict')} by judges cost {usd(cost['judges_usd'])}; in all {usd(cost['total_usd'])}"


def _announce(prepared: Prepared, choice: Choice, again: Again) -> None:
    plan = prepared.plan
    jobs = sum(plan.total_jobs(lane) for lane in plan.lanes)
    how = _how(choice, again)
    note(
        f"{prepared.settings.name}: {number_of(prepared.survey.rows, 'row')} × "
        f"{number_of(len(plan.templates), 'prompt')} × {number_of(len(plan.lanes), 'model')}, "
        f"{number_of(jobs, 'job')}; {how} in {choice.folder}"
    )


def _how(choice: Choice, again: Again) -> str:
    if choice.run is None:
        return "new run"
    if again.retry:
        return f"asking again for jobs that ended in {' or '.join(again.retry)}"
    return "finished before, nothing is sent" if choice.finished else "continuing"


def _statuses(text: str | None) -> tuple[str, ...]:
    """The statuses of --retry, each once."""
    from typing import get_args

    from pipeline.core.records import Status

    if text is None:
        return ()
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    known = get_args(Status)
    unknown = [word for word in words if word not in known]
    if unknown:
        raise UsageError(f"--retry {text}: {unknown[0]!r} is no status; the statuses are {', '.join(known)}")
    return words


def money(text: str | None) -> Decimal | None:
    """An amount of --budget; raises UsageError."""
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < 10**12:
        raise UsageError(f"--budget {text}: not an amount in dollars; write it as 5 or 0.50")
    return amount
