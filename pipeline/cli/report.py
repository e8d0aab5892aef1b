"""evalmill report: pages again from stored tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.flow import Format


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME,...",
            help="html (the pages), md (report.md), junit (junit.xml: gates and cells), json (summary.json).",
        ),
    ] = "html",
    json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
) -> int:
    """Make summary and pages again from the stored tables; nothing is sent. Exits with 1 where a gate failed."""
    from pipeline.cli.output import say_error
    from pipeline.cli.run import show
    from pipeline.core.errors import EXIT_GATE_FAILED, EvalmillError
    from pipeline.flow import report_again
    from pipeline.run.memory import calm_collector

    wanted, code = _formats(formats), 0
    calm_collector()
    for run in runs:
        try:
            outcome = report_again(run, wanted)
        except EvalmillError as error:
            say_error(str(error))
            code = max(code, error.exit_code)
            continue
        show(outcome, as_json=json)
        if outcome.summary is not None and not all(gate["passed"] for gate in outcome.summary["gates"]):
            code = max(code, EXIT_GATE_FAILED)
    return code


def _formats(text: str) -> tuple[Format, ...]:
    from typing import get_args

    from pipeline.core.errors import UsageError
    from pipeline.flow import Format

    known: dict[str, Format] = {name: name for name in get_args(Format)}
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in known:
            raise UsageError(f"--format {text}: {word!r} is no format; the formats are {', '.join(known)}")
    return tuple(dict.fromkeys(known[word] for word in words))
