"""Tokens and characters in common, as SQuAD and KorQuAD count them."""

from __future__ import annotations

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.score import said, scorer


def squad_f1(prediction: str, truth: str) -> float:
    """The figure of SQuAD's evaluation script, version 1.1."""

    def tokens(text: str) -> list[str]:
        bare = "".join(character for character in text.lower() if character not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", bare).split()

    common = Counter(tokens(prediction)) & Counter(tokens(truth))
    if not common.total():
        return 0.0
    precision, recall = common.total() / len(tokens(prediction)), common.total() / len(tokens(truth))
    return 2 * precision * recall / (precision + recall)


WORDS = st.lists(
    st.sampled_from(["the", "A", "cat", "cat's", "sat", "well-known", "$5", "mat.", "(an)", "9"]), max_size=8
)


@given(WORDS, WORDS)
def test_english_text_gets_the_figure_of_squads_script(one: list[str], other: list[str]) -> None:
    answer, reference = " ".join(one), " ".join(other)
    verdict = scorer("f1").score(said(answer), reference, {})
    if verdict.status == "unscored":
        assert not squad_f1(reference, reference)
    else:
        assert verdict.value == pytest.approx(squad_f1(answer, reference), abs=1e-12)


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [
        ("東京都", "東京", 2 * (2 / 3) * 1 / (2 / 3 + 1)),  # each Han character is a token
        ("「東京」です。", "東京", 2 * (2 / 4) * 1 / (2 / 4 + 1)),  # brackets and points are none
        ("カタカナ", "ｶﾀｶﾅ", 1.0),
        ("北京，上海", "北京、上海", 1.0),
        ("答案是４２", "42", 2 * (1 / 4) * 1 / (1 / 4 + 1)),
        ("서울 특별시", "서울", 2 * 0.5 / 1.5),
        ("서울은", "서울", 0.0),  # a particle makes another word; characters see the rest
        ("사과·배", "사과 배", 1.0),
        ("it’s “here”", "its here", 1.0),
        ("CAFE\u0301", "caf\u00e9", 1.0),
    ],
)
def test_other_scripts_are_counted_as_they_are_written(answer: str, reference: str, value: float) -> None:
    assert scorer("f1").score(said(answer), reference, {}).value == pytest.approx(value)


def test_characters_see_what_a_particle_hides() -> None:
    verdict = scorer("f1", level="character").score(said("서울은"), "서울", {})
    assert verdict.value == pytest.approx(2 * (2 / 3) / (2 / 3 + 1))
    assert verdict.explanation == "precision 0.6667, recall 1.0000"


def test_of_several_references_the_nearest_counts() -> None:
    verdict = scorer("f1", references="list").score(said("in the year 1066"), '["1066", "the year 1066", null]', {})
    assert (verdict.value, verdict.expected) == (pytest.approx(0.8), "the year 1066")


@pytest.mark.parametrize(("figure", "value"), [("precision", 1.0), ("recall", 0.5), ("f1", 2 / 3)])
def test_the_figure_is_chosen(figure: str, value: float) -> None:
    assert scorer("f1", figure=figure).score(said("cat"), "cat mat", {}).value == pytest.approx(value)


def test_case_punctuation_and_articles_count_when_asked() -> None:
    strict = scorer("f1", ignore_case=False, ignore_punctuation=False, ignore_articles=False)
    assert strict.score(said("The cat."), "the cat", {}).value == 0.0
    assert scorer("f1").score(said("The cat."), "cat", {}).value == 1.0


def test_nothing_in_common_is_wrong_and_a_reference_without_tokens_is_unusable() -> None:
    assert scorer("f1").score(said("dog"), "cat", {}).label == "no_match"
    assert scorer("f1").score(said("dog"), "the", {}).label == "unusable_reference"
    assert scorer("f1").score(said("dog"), None, {}).status == "unscored"


def test_a_pattern_narrows_the_answer() -> None:
    narrowed = scorer("f1", pattern=r"Answer: (.*)")
    verdict = narrowed.score(said("I think a lot. Answer: the cat"), "cat", {})
    assert (verdict.value, verdict.extracted) == (1.0, "the cat")
    assert narrowed.score(said("the cat"), "cat", {}).label == "no_match"
