"""evalmill compare: what changed between runs, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run folders; the first is the baseline.")],
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NAME", help="A model or prompt of the first run, and its name in the others; may be repeated."
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Only this metric, a scorer's name; may be repeated. By default all that both runs have."),
    ] = None,
    slice_by: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN",
            help="Compare within each value of a dataset column; may be repeated. By default the runs' own slices.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A file ending in .html, or a folder for compare.html; by default the page is written into the last "
            "run's folder."
        ),
    ] = None,
    fail_on_regression: Annotated[
        bool,
        typer.Option(
            "--fail-on-regression", help="Exit with 1 when a metric of a cell is significantly worse than the baseline."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything that was found as JSON.")] = False,
) -> int:
    """Pair runs by row key: differences with intervals, by metric and slice, and the rows that changed.

    Only the stored tables are read; nothing is sent.
    """
    from pipeline.cli.output import note, say, say_json, say_table
    from pipeline.core.errors import EXIT_GATE_FAILED, EXIT_OK
    from pipeline.flow import compare_runs
    from pipeline.report.compare_terminal import changed_lines, comparison_table, opening_lines
    from pipeline.report.compare_words import comparison_name, regressions, untested
    from pipeline.steps.compare import Wishes

    wishes = Wishes(match=tuple(match or ()), metrics=tuple(metric or ()), slices=tuple(slice_by) if slice_by else None)
    found, page = compare_runs(runs, wishes, out)
    if json:
        say_json({**found, "page": str(page)})
    else:
        for pair in found["pairs"]:
            for line in opening_lines(found, pair):
                say(line)
            say_table(comparison_table(found, pair))
            for line in changed_lines(found, pair):
                say(line)
        say(str(page))
    if not fail_on_regression:
        return EXIT_OK
    failed = [f"regression: {comparison_name(entry)}" for entry in regressions(found)]
    failed += [f"nothing to test: no row has {comparison_name(entry)} in both runs" for entry in untested(found)]
    for line in failed:
        note(line)
    return EXIT_GATE_FAILED if failed else EXIT_OK
