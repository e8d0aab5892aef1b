"""evalmill verify: every part against its hash, totals against records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import say, say_error, say_json


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Check that a run folder holds exactly what it says; changes nothing."""
    from pipeline.core.errors import DiskError
    from pipeline.store.verify import verify

    findings = [str(finding) for finding in verify(run)]
    if json:
        say_json({"folder": str(run), "findings": findings})
    elif findings:
        for finding in findings:
            say_error(finding)
    else:
        say(f"{run}: every part matches its hash, and the totals match the records")
    return DiskError.exit_code if findings else 0
