"""evalmill score: new scores from stored answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    evaluation: Annotated[
        Path | None, typer.Option(help="The eval.toml whose scorers are used; by default the run's own, as it is now.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Score the stored answers again and render the pages; nothing is sent."""
    from pipeline.cli.run import show
    from pipeline.flow import score_again

    outcome = score_again(run, evaluation)
    show(outcome, as_json=json)
    return outcome.exit_code
