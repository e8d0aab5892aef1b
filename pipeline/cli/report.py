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
    from pipeline.cli.output import say_error
    from pipeline.cli.run import show
    from pipeline.core.errors import EvalmillError
    from pipeline.flow import report_again

    code = 0
    for run in runs:
        try:
            show(report_again(run), as_json=json)
        except EvalmillError as error:
            say_error(str(error))
            code = max(code, error.exit_code)
    return code
