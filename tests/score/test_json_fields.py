"""Fields of a JSON answer: which are right, how much each counts, and what is told of the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import SettingsError
from pipeline.core.records import Verdict
from pipeline.score.json_paths import leaves, look_up, read_path, written
from tests.support.score import said, scorer

INVOICE = {
    "number": "A-17",
    "total": 120.5,
    "buyer": {"name": "Kim Minsu", "city": "서울"},
    "lines": [{"sku": "x1", "count": 2}, {"sku": "y2", "count": 1}],
}


def judged(answer: Any, reference: Any = INVOICE, **options: Any) -> Verdict:
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return scorer("json_fields", **options).score(said(text), json.dumps(reference), {})


def test_every_leaf_of_the_reference_is_a_field() -> None:
    answer = {**INVOICE, "total": 121, "buyer": {"name": "Kim Minsu"}}
    verdict = judged(answer)
    assert verdict.value == pytest.approx(6 / 8)
    assert verdict.explanation == 'total: expected 120.5, found 121; buyer.city: expected "서울", found nothing'


def test_a_right_answer_has_the_value_one_whatever_the_order_of_its_keys() -> None:
    verdict = judged(dict(reversed(INVOICE.items())))
    assert (verdict.value, verdict.label, verdict.explanation) == (1.0, None, None)


def test_numbers_within_the_tolerance_are_right() -> None:
    assert judged({"a": 1.004}, {"a": 1}, tolerance=0.01).value == 1.0
    assert judged({"a": 1.02}, {"a": 1}, tolerance=0.01).value == 0.0


@pytest.mark.parametrize(
    ("rule", "found", "value"),
    [
        ("exact", "Kim  Minsu", 1.0),
        ("exact", "kim minsu", 0.0),
        ({"kind": "exact", "ignore_case": True}, "kim minsu", 1.0),
        ("text", "Minsu Kim.", 1.0),
        ("text", "Mr Kim Minsu", 0.8),
        ("text", None, 0.0),
        ("text", 7, 0.0),
    ],
)
def test_a_text_is_compared_as_its_rule_says(rule: Any, found: Any, value: float) -> None:
    verdict = judged({"buyer": {"name": found}}, fields={"buyer.name": rule})
    assert verdict.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("rule", "found", "value"),
    [
        ("number", "120.50", 1.0),
        ("number", "$120.50", 1.0),
        ("number", "１２０．５", 1.0),
        ("number", 121, 0.0),
        ({"kind": "number", "tolerance": 0.5}, 121, 1.0),
        ({"kind": "number", "relative_tolerance": 0.01}, "121", 1.0),
        ("number", "about a hundred", 0.0),
        ("number", True, 0.0),
    ],
)
def test_a_number_may_be_written_as_text(rule: Any, found: Any, value: float) -> None:
    assert judged({"total": found}, fields={"total": rule}).value == value


def test_named_fields_alone_count_by_their_weights() -> None:
    fields = {"number": {"kind": "exact", "weight": 3}, "lines[1].sku": "exact"}
    verdict = judged({"number": "A-17", "lines": [{"sku": "x1"}]}, fields=fields)
    assert (verdict.value, verdict.explanation) == (0.75, 'lines[1].sku: expected "y2", found nothing')


def test_a_whole_part_may_be_one_field() -> None:
    fields = {"lines": "exact", "number": "exact"}
    assert judged({**INVOICE, "lines": INVOICE["lines"][:1]}, fields=fields).value == 0.5  # type: ignore[index]


def test_extra_fields_count_where_asked() -> None:
    answer = {"a": 1, "b": {"c": 2, "d": 3}}
    assert judged(answer, {"a": 1}).value == 1.0
    verdict = judged(answer, {"a": 1}, extra="wrong")
    assert (verdict.value, verdict.explanation) == (1 / 3, "b.c: expected nothing; b.d: expected nothing")
    assert judged(answer, {"a": 1, "b": {}}, extra="wrong", fields={"a": "exact", "b.c": "exact"}).value == 1 / 3


def test_a_field_that_the_reference_lacks_must_be_missing() -> None:
    fields = {"a": "exact", "b": "exact"}
    assert judged({"a": 1}, {"a": 1}, fields=fields).value == 1.0
    assert judged({"a": 1, "b": None}, {"a": 1}, fields=fields).value == 0.5


def test_null_is_a_value_and_true_is_no_number() -> None:
    assert judged({"a": None}, {"a": None}).value == 1.0
    assert judged({}, {"a": None}).value == 0.0
    assert judged({"a": True}, {"a": 1}).value == 0.0


def test_an_answer_in_a_fenced_block_is_read() -> None:
    assert judged('Here it is:\n```json\n{"a": 1}\n```', {"a": 1}).value == 1.0
    assert judged('Here it is:\n```json\n{"a": 1}\n```', {"a": 1}, fenced=False).label == "not_json"


def test_labels_say_why_nothing_is_right() -> None:
    assert judged("no idea", {"a": 1}).label == "not_json"
    assert judged({"a": 2}, {"a": 1}).label == "no_match"
    assert scorer("json_fields", pattern="<(.*)>").score(said("{}"), '{"a": 1}', {}).label == "no_match"


@pytest.mark.parametrize(("reference", "fields"), [("{", {}), ("", {}), ('{"b": 1}', {"a": "exact"})])
def test_a_reference_without_the_fields_is_unusable(reference: str, fields: Any) -> None:
    assert scorer("json_fields", fields=fields).score(said("{}"), reference, {}).label == "unusable_reference"


def test_many_problems_are_told_in_short() -> None:
    verdict = judged({}, {str(number): number for number in range(9)})
    assert verdict.explanation is not None
    assert verdict.explanation.endswith("; and 4 more")


@pytest.mark.parametrize(
    ("fields", "said_there"),
    [
        ("total", "must be a table"),
        ({"a..b": "exact"}, "is no path"),
        ({"": "exact"}, "names no field"),
        ({"a": "fuzzy"}, "fields, a: kind must be one of exact, number, text"),
        ({"a": {"kind": "exact", "weight": 0}}, "weight must be more than 0"),
        ({"a": {"kind": "number", "ignore_case": True}}, 'fields, a: unknown option "ignore_case"'),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields: Any, said_there: str) -> None:
    with pytest.raises(SettingsError, match=said_there):
        scorer("json_fields", fields=fields)


KEYS = st.text(min_size=1, max_size=5).filter(lambda key: key.isprintable())
VALUES = st.recursive(
    st.none() | st.integers(0, 9) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_the_place_of_a_leaf_leads_back_to_it(value: Any) -> None:
    for path, leaf in leaves(value):
        assert look_up(value, path) == leaf
        if path:
            assert read_path(written(path)) == path


@given(VALUES, VALUES)
def test_values_are_shares_and_a_text_equal_to_the_reference_is_right(reference: Any, answer: Any) -> None:
    assert judged([reference], [reference]).value == 1.0
    value = judged([answer], [reference], extra="wrong").value
    assert value is not None
    assert 0.0 <= value <= 1.0
