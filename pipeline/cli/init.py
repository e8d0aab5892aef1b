"""evalmill init: a new evaluation scaffolded from a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import say, say_json


def command(
    name: Annotated[str, typer.Argument(help="The evaluation's name.")],
    data: Annotated[Path, typer.Argument(help="A dataset: .parquet, .csv, .jsonl or .arrow.")],
    folder: Annotated[Path, typer.Option(help="Where evaluations live.")] = Path("prompts"),
    json: Annotated[bool, typer.Option("--json", help="Print the files as JSON.")] = False,
) -> int:
    """Write an eval.toml and a template for a dataset; it runs at once, on the simulator."""
    from pipeline.steps.scaffold import scaffold

    files = scaffold(name, data, folder)
    home = files[0].parent
    if json:
        say_json({"folder": str(home), "files": [str(file) for file in files]})
        return 0
    for file in files:
        say(str(file))
    say(f"look at both files, then: evalmill check {home} && evalmill run {home}")
    return 0
