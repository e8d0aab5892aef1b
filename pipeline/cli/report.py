"""evalmill report: pages again from stored tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")],
    json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
) -> int:
    """Make summary and pages again from the stored tables; nothing is sent."""
    from pipeline.cli.run import show
    from pipeline.flow import report_again

    for run in runs:
        show(report_again(run), as_json=json)
    return 0
