"""evalmill models: providers, models, prices, capabilities."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import say_json, say_table

if TYPE_CHECKING:
    from pipeline.core.settings import Price, ProviderSettings


def command(
    provider: Annotated[str | None, typer.Argument(help="Only this provider.")] = None,
    providers: Annotated[Path | None, typer.Option(help="A providers.toml.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> int:
    """List the models with a known price: USD per million tokens, with date and source."""
    from pipeline.config.providers import find_providers_file, load_providers
    from pipeline.config.read import nearest
    from pipeline.core.errors import UsageError

    known = load_providers(providers or find_providers_file(Path.cwd()))
    if provider is not None and provider not in known:
        raise UsageError(
            f"there is no provider {provider!r}{nearest(provider, known) or '; there are: ' + ', '.join(known)}"
        )
    entries = [
        _entry(name, settings, price)
        for name, settings in known.items()
        if provider in (None, name)
        for price in sorted(settings.prices, key=lambda price: (price.model, price.above_input_tokens or 0))
    ]
    if json:
        say_json(entries)
    else:
        say_table(_table(entries))
    return 0


def _entry(name: str, settings: ProviderSettings, price: Price) -> dict[str, Any]:
    from pipeline.providers.capabilities import capabilities

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
        "max_output": None if known is None else known.max_output_tokens,
        "prefill": None if known is None else known.prefill,
        "retires": None if known is None else known.retires,
    }


def _table(entries: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", caption="USD per million tokens; – is unknown")
    table.add_column("provider/model", no_wrap=True)
    for name in ("input", "output", "cache read", "write 5m", "write 1h", "max output"):
        table.add_column(name, justify="right")
    for name in ("prefill", "since", "retires"):
        table.add_column(name)
    for entry in entries:
        above = "" if entry["above_input_tokens"] is None else f" (input > {entry['above_input_tokens']:,})"
        table.add_row(
            f"{entry['provider']}/{entry['model']}{above}",
            *(_amount(entry[key]) for key in ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")),
            "–" if entry["max_output"] is None else f"{entry['max_output']:,}",
            {True: "yes", False: "no", None: "–"}[entry["prefill"]],
            str(entry["effective"]),
            str(entry["retires"] or "–"),
        )
    return table


def _amount(value: Decimal | None) -> str:
    return "–" if value is None else f"{value.normalize():f}"
