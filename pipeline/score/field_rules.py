"""How one field of a JSON answer is compared: exactly, as a number, or as text with partial credit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, Protocol

from pipeline.core.settings import ScorerSettings
from pipeline.score.f1 import F1_DEFAULTS, f1_tokens, shared_counts
from pipeline.score.json_values import Comparison
from pipeline.score.normalise import Normalisation
from pipeline.score.numerals import Exact, fold, read_number, within
from pipeline.score.options import Options

KINDS = ("exact", "number", "text")
FieldKind = Literal["exact", "number", "text"]


class FieldRule(Protocol):
    """Compares the values of one field."""

    @property
    def weight(self) -> float:
        """How much the field counts beside the others."""
        ...

    def credit(self, expected: Any, found: Any) -> float:
        """From 0, wrong, to 1, right."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactRule:
    """Right when both are the same JSON value; texts under normalisation, numbers within the tolerance."""

    comparison: Comparison
    weight: float = 1.0

    def credit(self, expected: Any, found: Any) -> float:
        """All or nothing."""
        return float(self.comparison.first_difference(expected, found, "") is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """Right when both are the same number within the tolerances, be it written as a number or as text ("1,200")."""

    tolerance: Decimal
    relative_tolerance: Decimal
    weight: float = 1.0

    def credit(self, expected: Any, found: Any) -> float:
        """All or nothing; what is no number is right only where the reference says the same."""
        wanted, said = _number(expected), _number(found)
        if wanted is None or said is None:
            return float(type(expected) is type(found) and expected == found)
        return float(within(said, wanted, self.tolerance, self.relative_tolerance))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """As right as the tokens say that both texts share: the f1 of kind `f1`."""

    rules: Normalisation
    weight: float = 1.0

    def credit(self, expected: Any, found: Any) -> float:
        """Anything from 0 to 1; values other than texts are right when they are equal."""
        if not isinstance(expected, str) or not isinstance(found, str):
            return float(type(expected) is type(found) and expected == found)
        said, wanted = f1_tokens(found, self.rules), f1_tokens(expected, self.rules)
        return shared_counts([said], [wanted]).f1 if wanted else float(said == wanted)


def _number(value: Any) -> Exact | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return read_number(fold(str(value).strip()))


def exact_rule(options: Options) -> ExactRule:
    """The rule of fields without one of their own, by the scorer's options."""
    return ExactRule(
        comparison=Comparison(strings=Normalisation.from_options(options), tolerance=options.take_amount("tolerance"))
    )


def build_rule(settings: ScorerSettings, path: str, given: Any) -> FieldRule:
    """Read what `fields` says of one path: a kind, or a table of kind, weight and the kind's options."""
    table: Mapping[str, Any] = given if isinstance(given, Mapping) else {"kind": given}
    options = Options(replace(settings, options=table), within=f"fields, {path}: ")
    kind = options.take_choice("kind", KINDS)
    weight = float(options.take_amount("weight")) if "weight" in table else 1.0
    if not weight:
        options.refuse("weight must be more than 0; leave the field out instead")
    rule: FieldRule
    if kind == "number":
        tolerances = (options.take_amount("tolerance"), options.take_amount("relative_tolerance"))
        rule = NumberRule(tolerance=tolerances[0], relative_tolerance=tolerances[1], weight=weight)
    elif kind == "text":
        rule = TextRule(rules=Normalisation.from_options(options, F1_DEFAULTS), weight=weight)
    else:
        rule = replace(exact_rule(options), weight=weight)
    options.finish()
    return rule
