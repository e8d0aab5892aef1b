"""evalmill schema: the JSON Schema of eval.toml."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.output import say_json


def command(
    providers: Annotated[bool, typer.Option("--providers", help="The schema of providers.toml instead.")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON, as always here.")] = True,
) -> int:
    """Print the JSON Schema of eval.toml, for editors that check TOML."""
    from pipeline.config.tables import EvalTable, ProvidersTable

    shape = ProvidersTable if providers else EvalTable
    say_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **shape.model_json_schema()})
    return 0
