"""Whether an answer that was asked to be JSON is what its schema takes (reliability P6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.core.fingerprint import canonical_json
from pipeline.core.output_format import output_schema
from pipeline.core.records import Job, Response
from pipeline.score.json_values import read_json

if TYPE_CHECKING:
    import jsonschema_rs

_SHOWN_CHARACTERS = 200


class OutputCheck:
    """Checks answers against the schemas that their requests name; each schema is compiled once."""

    def __init__(self) -> None:
        """Know no schema yet."""
        self._validators: dict[bytes, jsonschema_rs.Validator | None] = {}

    def problem(self, job: Job, response: Response) -> str | None:
        """What is wrong with a whole answer; None where no schema was named, or it is followed."""
        request = job.request
        schema = None if request is None else output_schema(request.params)
        if request is None or schema is None or response.status != "ok" or response.tool_calls:
            return None
        try:
            value = read_json((request.prefill + response.text).strip())
        except ValueError as error:
            return f"the answer is not JSON: {error}"[:_SHOWN_CHARACTERS]
        validator = self._validator(schema)
        broken = None if validator is None else next(iter(validator.iter_errors(value)), None)
        return None if broken is None else f"the answer breaks its schema: {broken.message}"[:_SHOWN_CHARACTERS]

    def _validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Validator | None:
        """The compiled schema; None for one that cannot be used, which is for the provider to say."""
        key = canonical_json(schema)
        if key not in self._validators:
            import jsonschema_rs

            try:
                self._validators[key] = jsonschema_rs.validator_for(dict(schema), offline=True)
            except ValueError:
                self._validators[key] = None
        return self._validators[key]
