"""The kind `tool_call`: which tools an answer calls, and with what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.records import Answer, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.figures import PassFail
from pipeline.score.json_values import Comparison, compact, difference, read_json
from pipeline.score.normalise import Normalisation
from pipeline.score.options import Options
from pipeline.score.verdicts import no_match, pass_or_fail, unusable_reference

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_IGNORED_KEYS = frozenset({"id", "type"})
"""A stored tool_use block may serve as a reference."""

Call = Mapping[str, Any]
"""`{"name", "input"}`, and in answers the `id`."""


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """One call that the answer should make."""

    name: str
    input: Mapping[str, Any] | None
    """None: whatever the arguments are."""

    @property
    def shown(self) -> Any:
        """As it stands in a verdict."""
        return self.name if self.input is None else {"name": self.name, "input": self.input}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(PassFail):
    """Passes when the answer makes the calls that the reference names."""

    name: str
    comparison: Comparison
    compares_arguments: bool = True
    order: bool = False
    """The calls must come in the order of the reference."""
    allows_extra: bool = False
    """More calls than expected may be made."""

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Compare the answer's tool calls with those of `expected`."""
        try:
            wanted = read_calls(expected or "")
        except ValueError as error:
            return unusable_reference(expected, str(error))
        reference = compact([call.shown for call in wanted])
        if wanted and not answer.tool_calls:
            return no_match(reference, "the answer calls no tool")
        problem = self._first_problem(wanted, answer.tool_calls)
        made = compact([{"name": call.get("name"), "input": call.get("input")} for call in answer.tool_calls])
        return pass_or_fail(problem is None, extracted=made, expected=reference, explanation=problem)

    def _first_problem(self, wanted: Sequence[ExpectedCall], made: Sequence[Call]) -> str | None:
        taken = self._in_order(wanted, made) if self.order else self._in_any_order(wanted, made)
        for number, call in enumerate(wanted):
            if number not in taken.values():
                return self._why_missing(call, number, made, taken)
        extra = next((position for position in range(len(made)) if position not in taken), None)
        if extra is None or self.allows_extra:
            return None
        return difference(f"calls[{extra}]", "no further call", compact(made[extra].get("name")))

    def _in_order(self, wanted: Sequence[ExpectedCall], made: Sequence[Call]) -> dict[int, int]:
        """The position of each call that fits, with the number of the expected one; earliest first."""
        taken: dict[int, int] = {}
        for position, call in enumerate(made):
            number = len(taken)
            if number < len(wanted) and self._difference(wanted[number], call, position) is None:
                taken[position] = number
            elif not self.allows_extra:
                break
        return taken

    def _in_any_order(self, wanted: Sequence[ExpectedCall], made: Sequence[Call]) -> dict[int, int]:
        """A largest matching of calls to expected ones: a call may fit several (augmenting paths)."""
        fits = [
            [position for position, call in enumerate(made) if self._difference(one, call, position) is None]
            for one in wanted
        ]
        taken: dict[int, int] = {}

        def find_place(number: int, tried: set[int]) -> bool:
            for position in fits[number]:
                if position in tried:
                    continue
                tried.add(position)
                if position not in taken or find_place(taken[position], tried):
                    taken[position] = number
                    return True
            return False

        for number in range(len(wanted)):
            find_place(number, set())
        return taken

    def _why_missing(self, call: ExpectedCall, number: int, made: Sequence[Call], taken: Mapping[int, int]) -> str:
        """The difference to the call that was most likely meant."""
        free = [position for position in range(len(made)) if position not in taken]
        if self.order and not self.allows_extra:
            free = [position for position in free if position == number]
        named = [position for position in free if made[position].get("name") == call.name]
        for position in (*named, *free):
            if found := self._difference(call, made[position], position):
                return found
        return difference(f"calls[{number}]", compact(call.shown), "no such call")

    def _difference(self, wanted: ExpectedCall, call: Call, position: int) -> str | None:
        place = f"calls[{position}]"
        if call.get("name") != wanted.name:
            return difference(f"{place}.name", compact(wanted.name), compact(call.get("name")))
        if wanted.input is None or not self.compares_arguments:
            return None
        return self.comparison.first_difference(wanted.input, call.get("input"), f"{place}.input")


def read_calls(text: str) -> tuple[ExpectedCall, ...]:
    """Read a reference: a tool's name, a call as JSON, or a JSON list of either; `[]` expects no call.

    Raises ValueError that says what is wrong with it.
    """
    bare = text.strip()
    if not bare:
        raise ValueError("it is empty; [] says that no tool is to be called")
    if _NAME.fullmatch(bare):
        return (ExpectedCall(bare, None),)
    try:
        value = read_json(bare)
    except ValueError as error:
        raise ValueError(
            f"{bare[:80]} is no tool's name and not JSON ({error}); render a column with | tojson"
        ) from None
    return tuple(_read_call(item) for item in (value if isinstance(value, list) else [value]))


def _read_call(item: Any) -> ExpectedCall:
    if isinstance(item, str) and _NAME.fullmatch(item):
        return ExpectedCall(item, None)
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ValueError(f'{compact(item)[:80]} is no call; write {{"name": "...", "input": {{...}}}}')
    if strange := [key for key in item if key not in ("name", "input") and key not in _IGNORED_KEYS]:
        raise ValueError(f'a call has "name" and "input", not "{strange[0]}"')
    arguments = item.get("input")
    if arguments is not None and not isinstance(arguments, dict):
        raise ValueError(f'the "input" of {item["name"]} is {compact(arguments)[:80]}; it must be an object')
    return ExpectedCall(item["name"], arguments)


def build_tool_call(settings: ScorerSettings) -> ToolCall:
    """Read the settings of kind `tool_call`.

    Options: arguments (exact, subset, ignore), order, extra_calls (refuse, allow), tolerance, and those of
    normalisation.
    """
    options = Options(settings)
    options.no_function()
    options.no_pattern()
    options.need_expected()
    arguments = options.take_choice("arguments", ("exact", "subset", "ignore"))
    scorer = ToolCall(
        name=settings.name,
        comparison=Comparison(
            strings=Normalisation.from_options(options),
            tolerance=options.take_amount("tolerance"),
            subset=arguments == "subset",
        ),
        compares_arguments=arguments != "ignore",
        order=options.take_bool("order", False),
        allows_extra=options.take_choice("extra_calls", ("refuse", "allow")) == "allow",
    )
    options.finish()
    _check_constant(options, settings.expected or "")
    return scorer


def _check_constant(options: Options, expected: str) -> None:
    """A reference without template tags is the same for every row: what is wrong with it is wrong in the settings."""
    if "{{" in expected or "{%" in expected:
        return
    try:
        read_calls(expected)
    except ValueError as error:
        options.refuse(f"expected: {error}")
