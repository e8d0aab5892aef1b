"""The kind `json_schema`: whether an answer is JSON that follows a schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from pipeline.core.records import Answer, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.figures import PassFail
from pipeline.score.json_values import NOT_JSON, compact, read_answer, read_json
from pipeline.score.options import Options
from pipeline.score.verdicts import last_match, no_match, pass_or_fail

VALID = "valid"
INVALID = "invalid"

_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSchema(PassFail):
    """Passes when the answer's text is JSON that the schema accepts; labels: valid, not_json, invalid."""

    name: str
    validator: jsonschema_rs.Validator
    fenced: bool = True
    """A ```json block counts instead of the text around it."""
    pattern: re.Pattern[str] | None = None

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Validate the answer, narrowed by the pattern."""
        narrowed = answer.text if self.pattern is None else last_match(self.pattern, answer.text)
        if narrowed is None:
            return no_match(None, "the pattern matches nothing in the answer")
        try:
            value = read_answer(narrowed, fenced=self.fenced)
        except ValueError as error:
            return Verdict(value=0.0, passed=False, label=NOT_JSON, explanation=f"the answer is not JSON: {error}")
        problem = self._first_problem(value)
        label = VALID if problem is None else INVALID
        return pass_or_fail(problem is None, extracted=compact(value), expected=None, label=label, explanation=problem)

    def _first_problem(self, value: Any) -> str | None:
        """The first error with its place in the answer and the rule of the schema that it breaks."""
        error = next(iter(self.validator.iter_errors(value)), None)
        if error is None:
            return None
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
        rule = "/".join(str(step) for step in error.schema_path)
        return f"${place}: {error.message[:_SHOWN_CHARACTERS]} (rule {rule})"


def build_json_schema(settings: ScorerSettings) -> JsonSchema:
    """Read the settings of kind `json_schema`; options: schema, fenced, pattern, flags.

    `schema` is a table, or the path of a JSON file from the evaluation's folder.
    """
    options = Options(settings)
    options.no_function()
    if settings.expected is not None:
        options.refuse("compares with a schema, not with a reference; remove expected")
    schema = options.take_table_or_text("schema")
    if isinstance(schema, str):
        schema = _read_schema(options, Path(settings.folder, schema))
    scorer = JsonSchema(
        name=settings.name,
        validator=_compile(options, schema),
        fenced=options.take_bool("fenced", True),
        pattern=options.take_pattern(),
    )
    options.finish()
    return scorer


def _read_schema(options: Options, path: Path) -> Mapping[str, Any]:
    try:
        schema = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        options.refuse(f"schema names {path}, which is not a readable JSON file: {error}")
    if not isinstance(schema, dict):
        options.refuse(f"schema names {path}, which holds no JSON object")
    return schema


def _compile(options: Options, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """Make the validator. Nothing is fetched: a $ref may only lead into the schema itself."""
    try:
        return jsonschema_rs.validator_for(dict(schema), validate_formats=True, offline=True)
    except ValueError as error:
        options.refuse(f"schema is not a JSON schema that can be used: {str(error).splitlines()[0]}")
