"""evalmill run: an evaluation to its pages."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.output import note, say, say_error, say_json, say_table
from pipeline.core.errors import UsageError

if TYPE_CHECKING:
    from pipeline.flow import Outcome
    from pipeline.steps.choose import Choice
    from pipeline.steps.prepare import Prepared


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
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Run an evaluation, or continue where an earlier run of the same settings stopped."""
    import os

    from pipeline.cli.progress import Progress
    from pipeline.config.load import Overrides
    from pipeline.flow import Places, Surroundings, run_evaluation
    from pipeline.run.memory import calm_collector

    around = Surroundings(environment=os.environ)
    progress = Progress(around.clock)

    def observe(prepared: Prepared, choice: Choice, warnings: list[str]) -> Progress:
        for warning in warnings:
            note(f"warning: {warning}")
        _announce(prepared, choice)
        calm_collector()
        return progress

    overrides = Overrides(
        limit=limit,
        models=tuple(model or ()),
        prompts=tuple(prompt or ()),
        budget_usd=_money(budget),
        max_wait_seconds=max_wait,
        providers_file=providers,
    )
    with progress.shown():
        outcome = run_evaluation(
            evaluation, overrides, Places(reports=reports, out=out), around=around, observe=observe
        )
    show(outcome, as_json=json)
    return outcome.exit_code


def show(outcome: Outcome, *, as_json: bool) -> None:
    """Print what a run left behind."""
    from pipeline.report.terminal import summary_table

    if as_json:
        say_json({"folder": str(outcome.folder), "exit_code": outcome.exit_code, "summary": outcome.summary})
    elif outcome.summary["jobs"]["total"]:
        say_table(summary_table(outcome.summary))
    for line in outcome.notes:
        note(line)
    for gate in outcome.summary["gates"] if outcome.stopped is None else ():
        if not gate["passed"]:
            note(f"gate failed: {_gate(gate)}")
    if not as_json and outcome.summary["jobs"]["total"]:
        for page in outcome.pages:
            say(str(page))
    if outcome.stopped is not None:
        say_error(str(outcome.stopped))


def _announce(prepared: Prepared, choice: Choice) -> None:
    plan = prepared.plan
    jobs = sum(plan.total_jobs(lane) for lane in plan.lanes)
    how = "finished before, nothing is sent" if choice.finished else "continuing" if choice.run else "new run"
    note(
        f"{prepared.settings.name}: {_count(prepared.survey.rows, 'row')} × {_count(len(plan.templates), 'prompt')} × "
        f"{_count(len(plan.lanes), 'model')}, {_count(jobs, 'job')}; {how} in {choice.folder}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _gate(gate: dict[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in gate.items() if value is not None and key != "passed")


def _money(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"--budget {text}: not an amount in dollars; write it as 5 or 0.50")
    return amount
