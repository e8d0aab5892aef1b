"""evalmill check: every mistake in an evaluation, before a request is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import note, say, say_error, say_json


def command(
    evaluation: Annotated[Path, typer.Argument(metavar="EVAL", help="An eval.toml, or the folder that holds one.")],
    providers: Annotated[Path | None, typer.Option(help="A providers.toml.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Check settings, templates against columns, and model capabilities; no network."""
    from pipeline.config.load import Overrides
    from pipeline.core.clock import SystemClock
    from pipeline.steps.mistakes import find_mistakes, find_warnings
    from pipeline.steps.prepare import prepare

    prepared = prepare(evaluation, Overrides(providers_file=providers))
    today = SystemClock().now().date()
    mistakes = find_mistakes(prepared, today=today)
    warnings = find_warnings(prepared, today=today)
    plan = prepared.plan
    jobs = sum(plan.total_jobs(lane) for lane in plan.lanes)
    if json:
        say_json({"jobs": jobs, "mistakes": [str(mistake) for mistake in mistakes], "warnings": warnings})
    for warning in () if json else warnings:
        note(f"warning: {warning}")
    for mistake in () if json else mistakes:
        say_error(str(mistake))
    if not mistakes and not json:
        say(f"{prepared.settings.name}: no mistakes; {prepared.survey.rows:,} rows make {jobs:,} jobs")
    return mistakes[0].exit_code if mistakes else 0
