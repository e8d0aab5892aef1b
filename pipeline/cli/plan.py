"""evalmill plan: jobs, tokens and cost before a cent is spent, and the rows that a difference needs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import note, say, say_json, say_table

if TYPE_CHECKING:
    from pipeline.steps.detect import Detection
    from pipeline.steps.plan import PlannedModel


def command(
    evaluation: Annotated[Path, typer.Argument(metavar="EVAL", help="An eval.toml, or the folder that holds one.")],
    detect: Annotated[
        float | None,
        typer.Option(metavar="D", help="A difference between two models, such as 0.02: how many rows show it?"),
    ] = None,
    reports: Annotated[Path, typer.Option(help="Where earlier runs are looked for.")] = Path("reports"),
    providers: Annotated[Path | None, typer.Option(help="A providers.toml.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first rows.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model; may be repeated.")] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="Only this prompt; may be repeated.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> int:
    """Show what a run would ask and what it could cost, without a request; or how many rows show a difference."""
    from pipeline.config.load import Overrides
    from pipeline.core.clock import SystemClock
    from pipeline.core.errors import UsageError
    from pipeline.steps.choose import Places
    from pipeline.steps.detect import detect as find_rows
    from pipeline.steps.mistakes import require_sound
    from pipeline.steps.plan import SAMPLED_REQUESTS, plan_judges, plan_models
    from pipeline.steps.prepare import prepare

    if detect is not None and not 0 < detect < float("inf"):
        raise UsageError(f"--detect {detect:g}: name a difference above 0, such as 0.02 for two percentage points")
    overrides = Overrides(limit=limit, models=tuple(model or ()), prompts=tuple(prompt or ()), providers_file=providers)
    prepared = prepare(evaluation, overrides)
    today = SystemClock().now().date()
    for warning in require_sound(prepared, today=today):
        note(f"warning: {warning}")
    models, judges = plan_models(prepared, today=today), plan_judges(prepared, today=today)
    rows, name = prepared.survey.rows, prepared.settings.name
    found = None if detect is None else find_rows(Places(reports=reports).home(name), rows, detect)
    if json:
        say_json(_as_json(name, rows, (models, judges), found))
        return 0
    say(f"{name}: {rows:,} rows make {sum(planned.jobs for planned in models):,} jobs")
    say_table(_models_table([*models, *judges]))
    note(
        f"input tokens are estimated from each model's first {SAMPLED_REQUESTS} requests; "
        "the cost is that of answers as long as max_tokens, without caching or reuse"
    )
    if judges:
        questions = sum(planned.jobs for planned in judges)
        note(f"judges are asked {questions:,} times if every answer is for them, about answers as long as max_tokens")
    if found is not None:
        _say_detection(found)
    return 0


def _as_json(
    name: str, rows: int, planned: tuple[list[PlannedModel], list[PlannedModel]], found: Detection | None
) -> dict[str, Any]:
    from pipeline.stats.accounts import dollars

    models, judges = ([{**asdict(one), "most_usd": dollars(one.most_usd)} for one in ones] for ones in planned)
    jobs = sum(model.jobs for model in planned[0])
    whole: dict[str, Any] = {"eval": name, "rows": rows, "jobs": jobs, "models": models, "judges": judges}
    if found is not None:
        whole["detect"] = {**asdict(found), "run": None if found.run is None else str(found.run)}
    return whole


def _models_table(models: list[PlannedModel]) -> Any:
    from rich.table import Table

    from pipeline.report.terminal import plain_text

    table = Table(box=None, pad_edge=False)
    for head, align in (("model", "left"), ("jobs", "right"), ("input tokens", "right"), ("cost at most", "right")):
        table.add_column(head, justify=align)  # type: ignore[arg-type]
    for planned in models:
        table.add_row(plain_text(planned.model), f"{planned.jobs:,}", _tokens(planned), _cost(planned))
    return table


def _tokens(planned: PlannedModel) -> str:
    """An estimate does not pretend to be exact: three digits."""
    tokens = planned.input_tokens
    return "–" if tokens is None else f"about {round(tokens, min(0, 3 - len(str(tokens)))):,}"


def _cost(planned: PlannedModel) -> str:
    from pipeline.report.numbers import usd

    if planned.most_usd is not None:
        return f"about {usd(str(planned.most_usd))}"
    return "nothing: recorded" if planned.provider == "recorded" else "unknown"


def _say_detection(found: Detection) -> None:
    from rich.table import Table

    from pipeline.report.terminal import plain_text

    source = "assuming this about pass/fail rows" if found.run is None else f"as rows differed in {found.run}"
    say("")
    say(f"to see a difference of {found.difference:g} at the 5 % level with 80 % power, {source}:")
    table = Table(box=None, pad_edge=False)
    for head in ("metric", "two models", "rows needed", f"seen with {found.rows:,} rows"):
        table.add_column(head, justify="left" if head in ("metric", "two models") else "right")
    for spread in found.spreads:
        table.add_row(
            plain_text(spread.metric or "pass/fail"),
            plain_text(spread.what),
            "–" if spread.rows_needed is None else f"{spread.rows_needed:,}",
            "–" if spread.detectable is None else f"{spread.detectable:.3g}",
        )
    say_table(table)
    if found.run is None:
        note("no finished run of this evaluation with two cells was found; a small run gives better figures than these")
