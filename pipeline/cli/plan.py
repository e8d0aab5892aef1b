"""evalmill plan: jobs, tokens and cost before a cent is spent, and the rows that a difference needs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import note, say, say_json, say_table
from pipeline.cli.plan_words import (
    as_json,
    jobs_words,
    range_json,
    seconds_json,
    seconds_words,
    sends_nothing,
    tokens_words,
    total_words,
    usd_json,
    usd_words,
)

if TYPE_CHECKING:
    from pipeline.steps.detect import Detection
    from pipeline.steps.plan import PlannedModel
    from pipeline.steps.planning.drafts import Setting
    from pipeline.steps.planning.forecast import Forecast
    from pipeline.steps.prepare import Prepared


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
    count_tokens: Annotated[
        bool,
        typer.Option(
            "--count-tokens", help="Let each provider count some requests, where it can; free, needs the key."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> int:
    """Show what a run would ask, cost and take, before a cent is spent; or how many rows show a difference."""
    from pipeline.config.load import Overrides
    from pipeline.core.errors import UsageError
    from pipeline.steps.choose import Places
    from pipeline.steps.detect import detect as find_rows
    from pipeline.steps.mistakes import require_sound
    from pipeline.steps.plan import plan_judges, plan_models
    from pipeline.steps.prepare import prepare

    if detect is not None and not 0 < detect < float("inf"):
        raise UsageError(f"--detect {detect:g}: name a difference above 0, such as 0.02 for two percentage points")
    overrides = Overrides(limit=limit, models=tuple(model or ()), prompts=tuple(prompt or ()), providers_file=providers)
    prepared = prepare(evaluation, overrides)
    setting = _setting(prepared, reports)
    for warning in require_sound(prepared, today=setting.today):
        note(f"warning: {warning}")
    expected, notes = _expected(setting, count_tokens=count_tokens)
    models, judges = plan_models(prepared, today=setting.today), plan_judges(prepared, today=setting.today)
    rows, name = prepared.survey.rows, prepared.settings.name
    found = None if detect is None else find_rows(Places(reports=reports).home(name), rows, detect)
    if json:
        say_json(_as_json(name, rows, (models, judges), expected, found) | {"notes": notes})
        return 0
    say(_headline(name, rows, models, expected))
    say_table(_models_table(models, judges, expected))
    say(f"in all: {total_words(expected)}")
    for line in (*_basis(expected), *notes):
        note(line)
    if found is not None:
        _say_detection(found)
    return 0


def _setting(prepared: Prepared, reports: Path) -> Setting:
    from random import Random

    from pipeline.core.clock import SystemClock
    from pipeline.steps.choose import Again, Places, choose
    from pipeline.steps.planning.drafts import Setting

    now, places, again = SystemClock().now(), Places(reports=reports), Again()
    choice = choose(prepared, places, again, now=now, rng=Random())
    return Setting(
        prepared=prepared, reports=reports, home=places.home(prepared.settings.name), choice=choice, again=again,
        today=choice.began(now),
    )  # fmt: skip


def _expected(setting: Setting, *, count_tokens: bool) -> tuple[Forecast, list[str]]:
    """The forecast, and what there is to say beside it."""
    import os
    from dataclasses import replace

    import anyio

    from pipeline.steps.planning.counting import count
    from pipeline.steps.planning.forecast import forecast, history_of, survey_jobs

    found, notes = survey_jobs(setting)
    if count_tokens:
        counted, problems, sent = anyio.run(count, setting.prepared, found, os.environ)
        setting = replace(setting, counted=counted)
        notes += [*problems, f"{sent:,} requests were sent to count_tokens, which is free"]
    expected = forecast(setting, found, history_of(setting))
    notes += expected.notes
    if setting.choice.run is not None:
        notes.append(f"the run in {setting.choice.folder} would be continued: only what is open counts")
    if expected.looked_at < expected.rows:
        notes.append(f"jobs and tokens are those of {expected.looked_at:,} rows drawn at random (seed {expected.seed})")
    return expected, notes


def _headline(name: str, rows: int, models: list[PlannedModel], expected: Forecast) -> str:
    from pipeline.stats.predict import total

    jobs = sum(planned.jobs for planned in models)
    reused = total(one.reused for one in expected.models.values())
    of_them = f", {jobs_words(reused)} of them reused" if reused.high else ""
    return f"{name}: {rows:,} rows make {jobs:,} jobs{of_them}"


def _basis(expected: Forecast) -> list[str]:
    """What each figure rests on, once for all models that share it."""
    by_words: dict[str, list[str]] = {}
    for name, one in expected.models.items():
        for words in one.basis:
            by_words.setdefault(words, []).append(name)
    for (scorer, name), one in expected.judges.items():
        for words in one.basis:
            by_words.setdefault(words, []).append(f"{scorer}: {name}")
    lines = [f"{', '.join(names)}: {words}" for words, names in by_words.items()]
    if expected.simulated and not sends_nothing(expected):
        lines.append("simulated models cost invented money: nothing is paid")
    if any(one.usd is None for one in expected.expected):
        lines.append(
            "a price is unknown, so the cost is; put it into providers.toml (`evalmill models` lists the known)"
        )
    if not sends_nothing(expected):
        lines.append("intervals are made to hold the truth in 95 of 100 runs; without earlier answers they are wide")
    return lines


def _as_json(
    name: str,
    rows: int,
    planned: tuple[list[PlannedModel], list[PlannedModel]],
    expected: Forecast,
    found: Detection | None,
) -> dict[str, Any]:
    from pipeline.stats.accounts import dollars
    from pipeline.stats.predict import total

    every = {**expected.models, **{f"{scorer}: {model}": one for (scorer, model), one in expected.judges.items()}}
    models, judges = (
        [
            {
                **asdict(one),
                "most_usd": dollars(one.most_usd),
                **(as_json(every[one.model]) if one.model in every else {}),
            }
            for one in ones
        ]
        for ones in planned
    )
    whole: dict[str, Any] = {
        "eval": name,
        "rows": rows,
        "jobs": sum(model.jobs for model in planned[0]),
        "to_send": range_json(total(one.jobs for one in expected.models.values())),
        "reused": range_json(total(one.reused for one in expected.models.values())),
        "models": models,
        "judges": judges,
        "usd": usd_json(expected.usd),
        "seconds": seconds_json(expected.seconds),
        "limited_by": expected.seconds.limited_by,
        "looked_at": {"rows": expected.looked_at, "seed": expected.seed},
    }
    if found is not None:
        whole["detect"] = {**asdict(found), "run": None if found.run is None else str(found.run)}
    return whole


def _models_table(models: list[PlannedModel], judges: list[PlannedModel], expected: Forecast) -> Any:
    from rich.table import Table

    from pipeline.report.terminal import plain_text

    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("model")
    for head in ("jobs", "input tokens", "output tokens", "cost", "time"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("limited by")
    every = {**expected.models, **{f"{scorer}: {model}": one for (scorer, model), one in expected.judges.items()}}
    for planned in (*models, *judges):
        one = every.get(planned.model)
        if one is None:
            table.add_row(plain_text(planned.model), f"{planned.jobs:,}", "–", "–", "nothing: recorded", "–", "")
            continue
        reused = f"\n{jobs_words(one.reused)} reused" if one.reused.high else ""
        table.add_row(
            plain_text(planned.model),
            f"{jobs_words(one.jobs)}{reused}",
            *(_two_lines(words) for words in (
                tokens_words(one.input), tokens_words(one.output), usd_words(one.usd), seconds_words(one.seconds)
            )),
            one.seconds.limited_by or "",
        )  # fmt: skip
    return table


def _two_lines(words: str) -> str:
    """The likely value, and its interval below."""
    return words.replace(" (", "\n", 1).removesuffix(")")


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
