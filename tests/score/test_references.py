"""Several references: a JSON list, any text of which will do."""

from __future__ import annotations

import pytest

from tests.support.score import said, scorer


@pytest.mark.parametrize("answer", ["Seoul", "서울"])
def test_any_reference_of_a_list_will_do(answer: str) -> None:
    verdict = scorer("exact", references="list").score(said(answer), '["Seoul", "서울"]', {})
    assert (verdict.passed, verdict.expected) == (True, "Seoul | 서울")


def test_no_reference_of_the_list_is_wrong() -> None:
    assert scorer("exact", references="list").score(said("Busan"), '["Seoul", "서울"]', {}).passed is False


def test_a_text_contains_any_of_them() -> None:
    by = scorer("contains", references="list", ignore_case=True)
    assert by.score(said("It is SEOUL."), '["seoul", "서울"]', {}).extracted == "seoul"
    assert by.score(said("It is Busan."), '["seoul", "서울"]', {}).label == "no_match"


@pytest.mark.parametrize(
    ("expected", "said_there"),
    [
        ("Seoul", "is no JSON list"),
        ("", "it is empty"),
        ("[]", "holds no text"),
        ("[null]", "holds no text"),
        ("[1]", "holds 1, which is no text"),
        ('["  "]', "leaves nothing"),
    ],
)
def test_a_list_without_references_is_unusable(expected: str, said_there: str) -> None:
    verdict = scorer("exact", references="list").score(said("Seoul"), expected, {})
    assert verdict.label == "unusable_reference"
    assert said_there in (verdict.explanation or "")


def test_nulls_are_left_out_and_one_text_is_a_list_of_one() -> None:
    by = scorer("exact", references="list")
    assert by.score(said("a"), '[null, "a"]', {}).passed is True
    assert by.score(said("a"), '"a"', {}).passed is True
