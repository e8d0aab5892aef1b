"""evalmill doctor: a gateway's dialect, learned with a few cheap calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import note, say_json, say_table

if TYPE_CHECKING:
    from pipeline.doctor.records import Diagnosis


def command(
    provider: Annotated[str, typer.Argument(help="A provider of the catalog or of providers.toml.")],
    model: Annotated[str | None, typer.Option(help="The model to ask; by default the cheapest with a price.")] = None,
    providers: Annotated[Path | None, typer.Option(help="A providers.toml.")] = None,
    cache: Annotated[
        bool, typer.Option("--cache", help="Also send a long prompt twice, to see the cache counters.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Put what differs from the catalog into providers.toml.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Ask a provider a few cheap questions and print its dialect beside what the catalog says."""
    import os

    import anyio

    from pipeline.config.providers import FILE_NAME, find_providers_file
    from pipeline.core.clock import SystemClock
    from pipeline.core.errors import EXIT_JOBS_FAILED, EXIT_OK, EvalmillError
    from pipeline.doctor.prescribe import write_changes
    from pipeline.doctor.subject import find_subject
    from pipeline.doctor.visit import examine, find_key

    now = SystemClock().now()
    file = providers or find_providers_file(Path.cwd())
    subject = find_subject(provider, model, file, now=now)
    key = find_key(subject.provider, os.environ)

    async def visit() -> Diagnosis:
        return await examine(subject, key, today=now.date(), with_cache=cache)

    diagnosis = anyio.run(visit)
    written, refusal = None, None
    if write and diagnosis.changes:
        written = file or Path.cwd() / FILE_NAME
        try:
            write_changes(written, diagnosis.changes, f"evalmill doctor, {now.date()}, asked {diagnosis.model}")
        except EvalmillError as error:
            written, refusal = None, error
    if json:
        say_json({**_as_json(diagnosis), "written": written})
    else:
        _show(diagnosis)
    if refusal is not None:
        raise refusal
    _tell_changes(diagnosis, written, wanted=write)
    return EXIT_OK if diagnosis.answered else EXIT_JOBS_FAILED


def _show(diagnosis: Diagnosis) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.core.names import printable

    title = f"{diagnosis.provider} at {diagnosis.base_url} ({diagnosis.protocol}), asked {diagnosis.model}"
    table = Table(box=None, pad_edge=False, header_style="bold", title=Text(printable(title)), title_justify="left")
    for name, share in (("aspect", None), ("found", 2), ("catalog", 1), ("note", 3)):
        table.add_column(name, overflow="fold", ratio=share)
    for finding in diagnosis.findings:
        found = f"≠ {finding.found}" if finding.differs else finding.found
        cells = (finding.aspect, found, finding.catalog or "–", finding.note)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    say_table(table)
    note(_cost(diagnosis))


def _cost(diagnosis: Diagnosis) -> str:
    calls = f"{diagnosis.calls} calls"
    cost = f"USD {diagnosis.cost_usd.normalize():f}"
    if not diagnosis.unpriced_calls:
        return f"{calls} cost {cost}"
    unknown = f"of {diagnosis.unpriced_calls} the cost is unknown (no token counts, or no price)"
    return f"{calls}; {unknown}; the others cost {cost}"


def _tell_changes(diagnosis: Diagnosis, written: Path | None, *, wanted: bool) -> None:
    from pipeline.doctor.prescribe import toml_lines

    if not diagnosis.changes:
        if wanted:
            note("nothing to write: settings say what was found")
        return
    note(f"written into {written}:" if written else "for providers.toml (--write puts it there):")
    for change in diagnosis.changes:
        for line in toml_lines(change):
            note(f"    {line}")


def _as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    from dataclasses import asdict

    plain = asdict(diagnosis)
    plain["cost_usd"] = None if diagnosis.unpriced_calls else diagnosis.cost_usd
    plain["known_cost_usd"] = diagnosis.cost_usd
    return plain
