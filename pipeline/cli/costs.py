"""evalmill costs: spend across runs by day, model, evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import note, say, say_json, say_table
from pipeline.core.errors import UsageError

if TYPE_CHECKING:
    from pipeline.cost.spending import Dimension, Ledger
    from pipeline.steps.costs import Repricing

_WHOLE: tuple[Dimension, ...] = ("day", "evaluation", "run", "judge", "model", "prompt")
"""How --csv and --parquet sum where nothing else is asked."""


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of runs, to any depth; or one run.")] = Path(
        "reports"
    ),
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Sum by day, week, month, provider, model, evaluation, prompt, tag, run or judge; may be repeated.",
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="From this day (UTC) on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Up to this day (UTC), it included.")] = None,
    simulated: Annotated[
        bool,
        typer.Option("--simulated", help="Show the invented money of simulated models, alone."),
    ] = False,
    reprice: Annotated[
        bool, typer.Option("--reprice", help="Beside what was recorded, what it costs under today's price table.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="With --reprice: this day's prices, not those of each run's day.")
    ] = None,
    providers: Annotated[Path | None, typer.Option(help="With --reprice: a providers.toml with prices.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with charts.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the sums as CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the sums as Parquet, exactly.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the sums as JSON.")] = False,
) -> int:
    """Sum what all runs below a folder spent, unfinished ones included; nothing is sent, and no run is changed."""
    from pipeline.report.costs_export import write_csv, write_parquet
    from pipeline.steps.costs import read_costs

    dimensions = _dimensions(by)
    days = _day("--since", since), _day("--until", until)
    if since and until and until < since:
        raise UsageError(f"--until {until} is before --since {since}; no day lies between them")
    if (as_of or providers) and not reprice:
        raise UsageError("--as-of and --providers belong to --reprice; add it")
    repricing = _repricing(providers, _day("--as-of", as_of)) if reprice else None
    found = read_costs(folder, repricing).during(*days)
    if not found.only(simulated=False).runs and found.runs:
        simulated = True
    shown, other = found.only(simulated=simulated), found.only(simulated=not simulated)
    from pipeline.cost.spending import grouped

    groups = grouped(shown.entries, dimensions or _WHOLE)
    if csv is not None:
        write_csv(csv, groups, dimensions or _WHOLE)
    if parquet is not None:
        write_parquet(parquet, groups, dimensions or _WHOLE)
    if html is not None:
        _write_page(html, shown, other, simulated, repricing)
    tables = dimensions or (("run", "model") if reprice else ("model",))
    if json:
        say_json(_as_json(shown, other, tables, simulated=simulated))
    else:
        _show(shown, other, tables, simulated=simulated, repricing=repricing)
        for path in (html, csv, parquet):
            if path is not None:
                say(str(path))
    return 0


def _show(
    ledger: Ledger, other: Ledger, by: Sequence[Dimension], *, simulated: bool, repricing: Repricing | None
) -> None:
    from pipeline.cost.spending import grouped, total
    from pipeline.report import costs_words as words
    from pipeline.report.costs_terminal import costs_table

    if simulated:
        say(words.INVENTED)
    say(words.headline(ledger, simulated))
    spend = total(ledger.entries)
    if ledger.entries:
        say_table(costs_table(grouped(ledger.entries, by), by, spend, repriced=repricing is not None))
    if "tag" in by and any(len(entry.tags) > 1 for entry in ledger.entries):
        note("a run with several tags counts under each of them; the lines add up to more than all")
    if repricing is not None and ledger.entries:
        for text in (*words.repriced(spend, _priced_day(repricing)), *_old_prices(ledger, repricing)):
            note(text)
    for text in (*words.warnings(ledger), *words.parts(ledger), words.apart(other, simulated)):
        if text:
            note(text)
    for text in words.skipped(ledger):
        note(f"not counted: {text}")


def _as_json(ledger: Ledger, other: Ledger, by: Sequence[Dimension], *, simulated: bool) -> dict[str, Any]:
    from dataclasses import asdict

    from pipeline.cost.spending import grouped, total
    from pipeline.report import costs_words as words
    from pipeline.report.costs_export import as_json
    from pipeline.stats.accounts import dollars

    return {
        "folder": ledger.folder,
        "simulated": simulated,
        "headline": words.headline(ledger, simulated),
        "warnings": words.warnings(ledger),
        "by": list(by),
        "groups": [
            {**dict(zip(by, group.key, strict=True)), **as_json(group.spend)} for group in grouped(ledger.entries, by)
        ],
        "total": as_json(total(ledger.entries)),
        "runs": [{**asdict(run), "unanswered_usd": dollars(run.unanswered_usd)} for run in ledger.runs],
        "skipped": [asdict(one) for one in ledger.skipped],
    }


def _write_page(path: Path, shown: Ledger, other: Ledger, simulated: bool, repricing: Repricing | None) -> None:
    from importlib.metadata import version

    from pipeline.core.clock import SystemClock
    from pipeline.report.costs_page import Asked
    from pipeline.report.pages import render_costs

    asked = Asked(
        simulated=simulated,
        made_at=f"{SystemClock().now():%Y-%m-%d %H:%M} UTC",
        version=version("evalmill"),
        repriced_day="" if repricing is None else _priced_day(repricing),
    )
    render_costs(shown, other, asked, path)


def _repricing(providers: Path | None, as_of: date | None) -> Repricing:
    from pipeline.config.providers import find_providers_file, load_providers
    from pipeline.steps.costs import Repricing

    known = load_providers(providers or find_providers_file(Path.cwd()))
    return Repricing({name: provider.prices for name, provider in known.items()}, as_of)


def _old_prices(ledger: Ledger, repricing: Repricing) -> list[str]:
    """Warnings of prices that were used and that nobody has checked for long."""
    from pipeline.core.clock import SystemClock
    from pipeline.cost.freshness import sources, stale_words

    today = SystemClock().now().date()
    used = {(entry.provider, entry.model) for entry in ledger.entries}
    prices = [price for known in repricing.prices.values() for price in known if (price.provider, price.model) in used]
    return [f"warning: {stale_words(one, today)}" for one in sources(prices) if one.is_stale(today)]


def _priced_day(repricing: Repricing) -> str:
    return "each run at its own day's prices" if repricing.as_of is None else f"at the prices of {repricing.as_of}"


def _dimensions(names: list[str] | None) -> tuple[Dimension, ...]:
    from pipeline.config.read import nearest
    from pipeline.cost.spending import DIMENSIONS

    known = {str(name): name for name in DIMENSIONS}
    for name in names or ():
        if name not in known:
            raise UsageError(f"--by {name}: costs are summed by {', '.join(known)}{nearest(name, known)}")
    return tuple(dict.fromkeys(known[name] for name in names or ()))


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: not a day; write it as 2026-11-27") from error
