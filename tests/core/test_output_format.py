"""Where a request names the schema of its answer, under its name of now and of before."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.output_format import output_schema

SCHEMA = {"type": "object"}
FORMAT = {"type": "json_schema", "schema": SCHEMA}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"output_config": {"format": FORMAT}}, SCHEMA),
        ({"output_format": FORMAT}, SCHEMA),
        ({"output_config": {"effort": "low"}, "output_format": FORMAT}, SCHEMA),
        ({"output_config": {"effort": "low"}}, None),
        ({"output_config": {"format": {"type": "text"}}}, None),
        ({"output_config": "json", "output_format": ["json"]}, None),
        ({}, None),
    ],
)
def test_the_schema_of_an_answer(params: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert output_schema(params) == expected
