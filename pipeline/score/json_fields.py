"""The kind `json_fields`: which fields of a JSON answer are right, each by its own rule, with partial credit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.records import Answer, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.field_rules import FieldRule, build_rule, exact_rule
from pipeline.score.figures import GradedShare
from pipeline.score.json_paths import ABSENT, Path, leaves, look_up, read_path, written
from pipeline.score.json_values import NOT_JSON, compact, read_answer, read_json
from pipeline.score.options import Options
from pipeline.score.verdicts import NO_MATCH, last_match, unusable_reference

_SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Field:
    """One place in the answer and how it is compared."""

    path: Path
    rule: FieldRule


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFields(GradedShare):
    """The value is the weighted share of fields that are right; the explanation names those that are not."""

    name: str
    fields: tuple[Field, ...]
    """Empty: every leaf of the reference is a field."""
    rule: FieldRule
    """Of fields that have none of their own."""
    extra_is_wrong: bool = False
    """Leaves of the answer that belong to no field count as wrong fields of weight 1."""
    fenced: bool = True
    pattern: re.Pattern[str] | None = None

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Compare the JSON that the answer is, narrowed by the pattern, with that of `expected`."""
        try:
            reference = read_json(expected or "")
        except ValueError as error:
            return unusable_reference(expected, f"it is not JSON ({error}); render a column with | tojson")
        fields = self.fields or tuple(Field(path, self.rule) for path, _ in leaves(reference))
        shown = compact(reference)
        if not any(look_up(reference, field.path) is not ABSENT for field in fields):
            return unusable_reference(expected, "it has none of the fields")
        narrowed = answer.text if self.pattern is None else last_match(self.pattern, answer.text)
        if narrowed is None:
            return _nothing(NO_MATCH, shown, "the pattern matches nothing in the answer")
        try:
            found = read_answer(narrowed, fenced=self.fenced)
        except ValueError as error:
            return _nothing(NOT_JSON, shown, f"the answer is not JSON: {error}")
        return self._compared(fields, reference, found)

    def _compared(self, fields: tuple[Field, ...], reference: Any, found: Any) -> Verdict:
        credit = weight = 0.0
        problems: list[str] = []
        for field in fields:
            earned, problem = _credit(field, look_up(reference, field.path), look_up(found, field.path))
            credit += field.rule.weight * earned
            weight += field.rule.weight
            problems += [] if problem is None else [f"{written(field.path)}: {problem}"]
        extra = self._extra(fields, found) if self.extra_is_wrong else []
        problems += [f"{written(path)}: expected nothing" for path in extra]
        return Verdict(
            value=credit / (weight + len(extra)),
            label=None if credit else NO_MATCH,
            extracted=compact(found),
            expected=compact(reference),
            explanation=_told(problems),
        )

    def _extra(self, fields: tuple[Field, ...], found: Any) -> list[Path]:
        known = {field.path for field in fields}
        return [
            path
            for path, _ in leaves(found)
            if not any(path[:length] in known for length in range(len(path) + 1))
            and not any(one[: len(path)] == path for one in known)
        ]


def _credit(field: Field, expected: Any, found: Any) -> tuple[float, str | None]:
    if expected is ABSENT:
        return (1.0, None) if found is ABSENT else (0.0, f"expected nothing, found {_short(found)}")
    if found is ABSENT:
        return 0.0, f"expected {_short(expected)}, found nothing"
    earned = field.rule.credit(expected, found)
    return earned, None if earned == 1.0 else f"expected {_short(expected)}, found {_short(found)}"


def _short(value: Any) -> str:
    text = compact(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _told(problems: list[str]) -> str | None:
    if not problems:
        return None
    more = len(problems) - _SHOWN_PROBLEMS
    return "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")


def _nothing(label: str, expected: str, explanation: str) -> Verdict:
    return Verdict(value=0.0, label=label, expected=expected, explanation=explanation)


def build_json_fields(settings: ScorerSettings) -> JsonFields:
    """Read the settings of kind `json_fields`.

    Options: fields, extra (ignore, wrong), fenced, tolerance, relative_tolerance, pattern, flags and those of
    normalisation. `fields` is a table of paths (`total`, `buyer.name`, `lines[0].sku`), each with a kind (exact,
    number, text) or a table of kind, weight and the options of that kind.
    """
    options = Options(settings)
    options.no_function()
    options.need_expected()
    given = options.take_table("fields")
    scorer = JsonFields(
        name=settings.name,
        rule=exact_rule(options),
        fields=tuple(_field(options, path, rule) for path, rule in given.items()),
        extra_is_wrong=options.take_choice("extra", ("ignore", "wrong")) == "wrong",
        fenced=options.take_bool("fenced", True),
        pattern=options.take_pattern(),
    )
    options.finish()
    return scorer


def _field(options: Options, path: str, given: Any) -> Field:
    try:
        steps = read_path(path)
    except ValueError as error:
        options.refuse(f"fields: {error}")
    return Field(steps, build_rule(options.settings, path, given))
