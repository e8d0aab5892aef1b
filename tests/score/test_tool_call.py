"""The kind `tool_call`: which calls fit a reference, and what is said of those that do not."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import SettingsError
from pipeline.core.records import Answer
from tests.support.score import called, said, scorer

Calls = list[tuple[str, Any]]
RAIN: Calls = [("get_weather", {"city": "Oslo", "days": 2})]
TWO: Calls = [("get_weather", {"city": "Oslo"}), ("get_time", {"city": "Lima"})]


def text_of(calls: Calls) -> str:
    return json.dumps([{"name": name, "input": given} for name, given in calls])


CASES: list[tuple[dict[str, Any], str, Calls, bool]] = [
    # exact arguments
    ({}, text_of(RAIN), RAIN, True),
    ({}, text_of(RAIN), [("get_weather", {"days": 2.0, "city": "Oslo"})], True),
    ({}, text_of(RAIN), [("get_weather", {"city": "Oslo", "days": True})], False),
    ({}, text_of(RAIN), [("get_weather", {"city": "Oslo", "days": "2"})], False),
    ({}, text_of(RAIN), [("get_weather", {"city": "Oslo"})], False),
    ({}, text_of(RAIN), [("get_weather", {"city": "Oslo", "days": 2, "unit": "C"})], False),
    ({}, text_of(RAIN), [("get_weather", {"city": "Oslo", "days": 2, "unit": None})], False),
    ({}, text_of(RAIN), [("get_forecast", {"city": "Oslo", "days": 2})], False),
    ({}, '{"name": "f", "input": {}}', [("f", {})], True),
    ({}, '{"name": "f", "input": {"a": [1, {"b": null}]}}', [("f", {"a": [1.0, {"b": None}]})], True),
    ({}, '{"name": "f", "input": {"a": [1, 2]}}', [("f", {"a": [2, 1]})], False),
    ({}, '{"name": "f", "input": {"a": [1, 2]}}', [("f", {"a": [1, 2, 3]})], False),
    ({}, '{"name": "f", "input": {"a": 12345678901234567891}}', [("f", {"a": 12345678901234567892})], False),
    ({}, '{"name": "f", "input": {"a": {}}}', [("f", {"a": []})], False),
    ({}, '{"name": "f", "input": {}}', [("f", "{broken")], False),
    ({}, '{"type": "tool_use", "id": "toolu_9", "name": "f", "input": {"a": 1}}', [("f", {"a": 1})], True),
    # a name alone
    ({}, "get_weather", RAIN, True),
    ({}, " get_weather\n", RAIN, True),
    ({}, '"get_weather"', RAIN, True),
    ({}, '{"name": "get_weather"}', RAIN, True),
    ({}, '["get_weather", "get_time"]', TWO, True),
    ({}, "get_time", RAIN, False),
    # subset and ignore
    ({"arguments": "subset"}, text_of(RAIN), [("get_weather", {"city": "Oslo", "days": 2, "unit": "C"})], True),
    ({"arguments": "subset"}, text_of(RAIN), [("get_weather", {"city": "Oslo"})], False),
    ({"arguments": "subset"}, '{"name": "f", "input": {"a": {"b": 1}}}', [("f", {"a": {"b": 1, "c": 2}})], True),
    ({"arguments": "subset"}, '{"name": "f", "input": {"a": [1]}}', [("f", {"a": [1, 2]})], False),
    ({"arguments": "ignore"}, text_of(RAIN), [("get_weather", {})], True),
    ({"arguments": "ignore"}, text_of(RAIN), [("get_time", {})], False),
    # order and number
    ({}, text_of(TWO), TWO[::-1], True),
    ({"order": True}, text_of(TWO), TWO[::-1], False),
    ({"order": True}, text_of(TWO), TWO, True),
    ({}, text_of(TWO), TWO[:1], False),
    ({}, text_of(RAIN), RAIN * 2, False),
    ({"extra_calls": "allow"}, text_of(RAIN), [*TWO, *RAIN], True),
    ({"extra_calls": "allow"}, text_of(RAIN * 2), [*TWO, *RAIN], False),
    ({"extra_calls": "allow", "order": True}, text_of(TWO), [TWO[0], ("f", {}), TWO[1]], True),
    ({"extra_calls": "allow", "order": True}, text_of(TWO), [TWO[1], TWO[0], ("f", {})], False),
    ({}, "[]", [], True),
    ({}, "[]", RAIN, False),
    ({"extra_calls": "allow"}, "[]", RAIN, True),
    # numbers and texts
    ({"tolerance": 0.1}, '{"name": "f", "input": {"x": 0.2}}', [("f", {"x": 0.30000000000000004})], False),
    ({"tolerance": 0.1}, '{"name": "f", "input": {"x": 0.2}}', [("f", {"x": 0.3})], True),
    ({"tolerance": 1}, '{"name": "f", "input": {"x": true}}', [("f", {"x": 2})], False),
    ({}, text_of(RAIN), [("get_weather", {"city": " Oslo ", "days": 2})], True),
    ({"strip": False}, text_of(RAIN), [("get_weather", {"city": " Oslo ", "days": 2})], False),
    ({}, text_of(RAIN), [("get_weather", {"city": "OSLO", "days": 2})], False),
    ({"ignore_case": True}, text_of(RAIN), [("get_weather", {"city": "OSLO", "days": 2})], True),
    ({"ignore_case": True}, text_of(RAIN), [("get_weather", {"CITY": "Oslo", "days": 2})], False),
]


@pytest.mark.parametrize(("options", "expected", "calls", "passed"), CASES)
def test_calls_fit_a_reference_or_not(options: dict[str, Any], expected: str, calls: Calls, passed: bool) -> None:
    verdict = scorer("tool_call", **options).score(called(*calls), expected, {})
    assert (verdict.passed, verdict.value, verdict.status) == (passed, float(passed), "scored")
    assert (verdict.explanation is None) is passed


def test_a_verdict_shows_the_calls_without_their_ids() -> None:
    verdict = scorer("tool_call").score(called(("f", {"x": "한"})), '{"name": "f", "input": {"x": "한"}}', {})
    assert verdict.extracted == verdict.expected == '[{"name":"f","input":{"x":"한"}}]'


def test_an_answer_without_calls_matches_nothing() -> None:
    verdict = scorer("tool_call").score(said("get_weather"), "get_weather", {})
    assert (verdict.label, verdict.value, verdict.passed, verdict.extracted) == ("no_match", 0.0, False, None)
    assert verdict.explanation == "the answer calls no tool"


DIFFERENCES: list[tuple[dict[str, Any], Any, Calls, str]] = [
    ({}, {"city": "Oslo"}, [("f", {"city": "Rome"})], 'calls[0].input.city: expected "Oslo", found "Rome"'),
    ({}, {"a": {"b": [1, 2]}}, [("f", {"a": {"b": [1, 3]}})], "calls[0].input.a.b[1]: expected 2, found 3"),
    ({}, {"a": [1, 2]}, [("f", {"a": [1]})], "calls[0].input.a: expected 2 items, found 1"),
    ({}, {"a": 1}, [("f", {})], "calls[0].input.a: expected 1, found nothing"),
    ({}, {}, [("f", {"my key": None})], 'calls[0].input["my key"]: expected nothing, found null'),
    ({}, {"a": 1}, [("f", {"a": "1"})], 'calls[0].input.a: expected 1, found "1"'),
    ({}, {}, [("f", "{broken")], 'calls[0].input: expected {}, found "{broken"'),
    ({}, {}, [("g", {})], 'calls[0].name: expected "f", found "g"'),
    ({}, {}, [("f", {}), ("g", {})], 'calls[1]: expected no further call, found "g"'),
    ({}, {"a": 1}, [("g", {}), ("f", {"a": 2})], "calls[1].input.a: expected 1, found 2"),
    ({"order": True}, {"a": 1}, [("g", {}), ("f", {"a": 1})], 'calls[0].name: expected "f", found "g"'),
]


@pytest.mark.parametrize(("options", "arguments", "calls", "said_of_it"), DIFFERENCES)
def test_the_first_difference_is_named(options: dict[str, Any], arguments: Any, calls: Calls, said_of_it: str) -> None:
    expected = json.dumps({"name": "f", "input": arguments})
    assert scorer("tool_call", **options).score(called(*calls), expected, {}).explanation == said_of_it


def test_a_missing_call_is_named() -> None:
    verdict = scorer("tool_call").score(called(TWO[0]), text_of(TWO), {})
    assert verdict.explanation == 'calls[1]: expected {"name":"get_time","input":{"city":"Lima"}}, found no such call'


def test_a_long_value_is_cut_in_the_explanation() -> None:
    verdict = scorer("tool_call").score(called(("f", {"x": "y" * 5000})), '{"name": "f", "input": {"x": "z"}}', {})
    assert verdict.explanation is not None
    assert len(verdict.explanation) < 250


UNUSABLE = [
    (None, "it is empty"),
    ("  ", "it is empty"),
    ("{'name': 'f'}", "| tojson"),
    ("call f please", "| tojson"),
    ('{"name": "f", "arguments": {}}', 'not "arguments"'),
    ('{"input": {}}', "is no call"),
    ('{"name": "f", "input": [1]}', "must be an object"),
    ("[1]", "is no call"),
    ('{"name": "f", "input": {"x": NaN}}', "not JSON"),
]


@pytest.mark.parametrize(("expected", "problem"), UNUSABLE)
def test_a_reference_that_names_no_call_leaves_the_answer_unscored(expected: str | None, problem: str) -> None:
    verdict = scorer("tool_call").score(called(*RAIN), expected, {})
    assert (verdict.status, verdict.value, verdict.label) == ("unscored", None, "unusable_reference")
    assert verdict.explanation is not None
    assert problem in verdict.explanation


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"arguments": "some"}, "arguments must be one of exact, subset, ignore, not 'some'"),
    ({"extra_calls": True}, "extra_calls must be one of refuse, allow"),
    ({"order": "yes"}, "order must be true or false"),
    ({"tolerance": -1}, "tolerance must be a finite number"),
    ({"argument": "exact"}, 'did you mean "arguments"'),
    ({"expected": None}, "needs a reference"),
    ({"expected": '{"name": "f", "arguments": {}}'}, 'not "arguments"'),
    ({"pattern": "x"}, "pattern belongs to"),
    ({"function": "m:f"}, "function belongs to"),
]


@pytest.mark.parametrize(("given", "message"), MISTAKES)
def test_wrong_settings_are_refused_when_the_scorer_is_built(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        scorer("tool_call", **given)
    assert message in str(raised.value)
    assert "my tool_call" in str(raised.value)


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3) | st.floats(-9, 9)
keys = st.text("xy", min_size=1, max_size=2)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
inputs = st.dictionaries(st.text("kl", min_size=1, max_size=2), values, max_size=3)


def normal(value: Any) -> Any:
    """An independent notion of equality: tagged, numbers as floats, keys sorted."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, int | float):
        return ("number", float(value))
    if isinstance(value, list):
        return ("list", [normal(item) for item in value])
    return ("object", sorted((key, normal(item)) for key, item in value.items()))


@given(inputs, inputs)
def test_exact_arguments_are_equality_of_json_values(one: dict[str, Any], other: dict[str, Any]) -> None:
    exact = scorer("tool_call", strip=False, collapse_whitespace=False)
    for given_input in (one, other):
        verdict = exact.score(called(("f", given_input)), json.dumps({"name": "f", "input": one}), {})
        assert verdict.passed is (normal(one) == normal(given_input))


@given(st.lists(st.integers(0, 4), max_size=4), st.lists(st.integers(0, 4), max_size=4))
def test_without_order_any_assignment_of_calls_counts(wanted: list[int], made: list[int]) -> None:
    """With a tolerance one call may fit several references, so the first fit is not always the right one."""
    near = scorer("tool_call", tolerance=1)
    answer = called(*[("f", {"x": number}) for number in made])
    expected = json.dumps([{"name": "f", "input": {"x": number}} for number in wanted])
    fits = len(wanted) == len(made) and any(
        all(abs(one - other) <= 1 for one, other in zip(wanted, order, strict=True)) for order in permutations(made)
    )
    assert near.score(answer, expected, {}).passed is fits


def test_calls_beside_text_are_judged_too() -> None:
    answer = Answer(text="I'll look that up.", tool_calls=called(*RAIN).tool_calls)
    assert scorer("tool_call").score(answer, "get_weather", {}).passed is True
