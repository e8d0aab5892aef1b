"""evalmill verify: every part against its hash, totals against records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import note, say, say_error, say_json


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Check that a run folder holds exactly what it says, and remove what a crash left over."""
    from pipeline.core.errors import DiskError
    from pipeline.steps.verify import verify_run

    found, removed = verify_run(run)
    findings = [f"{finding.file}: {finding.message}" for finding in found]
    if removed:
        note(f"{removed} files that no manifest lists were removed")
    if json:
        say_json({"folder": str(run), "findings": findings})
    elif findings:
        for finding in findings:
            say_error(finding)
    else:
        say(f"{run}: every part matches its hash, and the totals match the records")
    return DiskError.exit_code if findings else 0
