"""evalmill models: providers, models, prices, capabilities."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import note, say, say_json, say_table
from pipeline.core.names import number_of

if TYPE_CHECKING:
    from pipeline.core.settings import Price, ProviderSettings
    from pipeline.cost.freshness import Sourced


def command(
    provider: Annotated[str | None, typer.Argument(help="Only this provider.")] = None,
    providers: Annotated[Path | None, typer.Option(help="A providers.toml.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> int:
    """List the models with a known price: USD per million tokens, with date, source and when it was checked."""
    from pipeline.config.providers import find_providers_file, load_providers
    from pipeline.config.read import nearest
    from pipeline.core.clock import SystemClock
    from pipeline.core.errors import UsageError
    from pipeline.cost.freshness import sources, stale_words

    known = load_providers(providers or find_providers_file(Path.cwd()))
    if provider is not None and provider not in known:
        raise UsageError(
            f"there is no provider {provider!r}{nearest(provider, known) or '; there are: ' + ', '.join(known)}"
        )
    today = SystemClock().now().date()
    shown = [settings for name, settings in known.items() if provider in (None, name)]
    entries = [_entry(settings, price, today) for settings in shown for price in _in_order(settings.prices)]
    if json:
        say_json(entries)
        return 0
    say_table(_table(entries))
    for sourced in sources(price for settings in shown for price in settings.prices):
        say(_source_line(sourced, today))
        if sourced.is_stale(today):
            note(f"warning: {stale_words(sourced, today)}")
    return 0


def _in_order(prices: Iterable[Price]) -> list[Price]:
    return sorted(prices, key=lambda price: (price.model, price.above_input_tokens or 0, price.effective))


def _source_line(sourced: Sourced, today: date) -> str:
    models = number_of(sourced.models, "model")
    age = sourced.age_days(today)
    days = f"{number_of(age, 'day')} ago" if age else "today"
    checked = "when they were checked is not known" if age is None else f"checked {sourced.checked}, {days}"
    return f"{sourced.provider}, {models}: {sourced.source}; {checked}"


def _entry(settings: ProviderSettings, price: Price, today: date) -> dict[str, Any]:
    from pipeline.cost.freshness import sources
    from pipeline.providers.capabilities import capabilities

    name = settings.name
    known = capabilities(name, price.model)
    return {
        "provider": name,
        "model": price.model,
        "base_url": settings.base_url,
        "key_env": settings.key_env,
        "above_input_tokens": price.above_input_tokens,
        "input": price.input,
        "output": price.output,
        "cache_read": price.cache_read,
        "cache_write_5m": price.cache_write_5m,
        "cache_write_1h": price.cache_write_1h,
        "effective": price.effective,
        "source": price.source,
        "checked": price.checked,
        "stale": sources([price])[0].is_stale(today),
        "max_output": None if known is None else known.max_output_tokens,
        "prefill": None if known is None else known.prefill,
        "retires": None if known is None else known.retires,
    }


def _table(entries: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    from pipeline.cost.prices import RATES
    from pipeline.report.terminal import plain_text

    table = Table(box=None, pad_edge=False, header_style="bold", caption="USD per million tokens; – is unknown")
    table.add_column("provider/model", no_wrap=True)
    for name in ("input", "output", "cache read", "write 5m", "write 1h", "max output"):
        table.add_column(name, justify="right")
    for name in ("prefill", "since", "checked", "retires"):
        table.add_column(name)
    for entry in entries:
        above = "" if entry["above_input_tokens"] is None else f" (input > {entry['above_input_tokens']:,})"
        table.add_row(
            plain_text(f"{entry['provider']}/{entry['model']}{above}"),
            *(_amount(entry[key]) for key in RATES),
            "–" if entry["max_output"] is None else f"{entry['max_output']:,}",
            {True: "yes", False: "no", None: "–"}[entry["prefill"]],
            str(entry["effective"]),
            str(entry["checked"] or "–"),
            str(entry["retires"] or "–"),
        )
    return table


def _amount(value: Decimal | None) -> str:
    return "–" if value is None else f"{value.normalize():f}"
