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
    budget: Annotated[
        str | None, typer.Option(metavar="USD", help="Stop, resumable, before run and judges could cost more together.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Score the stored answers again and render the pages; only new questions to judges are sent."""
    import os

    from pipeline.cli.progress import Progress
    from pipeline.cli.run import money, show
    from pipeline.config.load import Overrides
    from pipeline.flow import Surroundings, score_again

    around = Surroundings(environment=os.environ)
    progress = Progress(around.clock)
    overrides = Overrides(budget_usd=money(budget))
    with progress.shown():
        outcome = score_again(run, evaluation, overrides, around=around, observer=progress)
    show(outcome, as_json=json)
    return outcome.exit_code
