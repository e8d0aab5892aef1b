"""The JSON schema that a request wants its answer to follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def output_schema(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of `output_config.format`, or of `output_format` as it was called before (protocol section 1.9)."""
    config = params.get("output_config")
    wanted = config.get("format") if isinstance(config, Mapping) else None
    if wanted is None:
        wanted = params.get("output_format")
    schema = wanted.get("schema") if isinstance(wanted, Mapping) else None
    return schema if isinstance(schema, Mapping) else None
