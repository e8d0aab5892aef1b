"""The kind `choice`: signs, words, texts of options."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pipeline.core.errors import SettingsError
from tests.support.score import said, scorer

SIGNS = [
    ("B", "B"),
    ("b", "B"),
    ("(B)", "B"),
    ("**B**", "B"),
    ("B.", "B"),
    ("B)", "B"),
    (" B) because (A) is too small", "B"),
    ("B. Paris", "B"),
    ("The answer is B", "B"),
    ("The answer is (b).", "B"),
    ("The correct answer is **B**, not C.", "B"),
    ("the answer is: B because A is wrong", "B"),
    ("Answer: B\n\nA is too small.", "B"),
    ("**Answer:** B", "B"),
    ("The correct option is (C).", "C"),
    ("A) wrong\nB) right\nC) wrong\nSo the answer is B.", "B"),
    ("First I thought the answer is A. But the answer is C.", "C"),
    (r"so $\boxed{D}$", "D"),
    (r"\boxed{\text{(D)}} rather than A", "D"),
    ("Option C is the best", "C"),
    ("Since (A) is too small, it is (C)", "C"),
    ("(B) because (A) is too small", "B"),
    ("A dog would say B", "B"),
    ("I choose B", "B"),
    ("It must be B", "B"),
    ("vitamin C is no reason to leave (B)", "B"),
    ("정답은 ③", "C"),
    ("정답은 ③번입니다.", "C"),
    ("정답: B입니다", "B"),
    ("답은 (나)", "B"),
    ("가. 왜냐하면", "A"),
    ("①은 틀리고 ②가 맞다", "B"),
    ("答案是D", "D"),
    ("#### B", "B"),
    ("Considering everything, nothing fits", None),
    ("A dog", None),
    ("", None),
    ("내가 나다", None),
    ("Banana", None),
    ("Ｂ", "B"),
    ("（Ｂ）", "B"),
    ("answer: b", "B"),
    ("I choose option b.", "B"),
    ("ANSWER: B", "B"),
    ("[[B]]", "B"),
    ('{"answer": "B"}', "B"),
    ("<answer>B</answer>", "B"),
    ("So, B is correct. A is wrong.", "B"),
    ("The answer is not A but B", "B"),
    ("B is not correct, C is correct", "C"),
    ("정답 : B", "B"),
    ("정답은 'B'이다", "B"),
    ("정답은 A가 아니라 B입니다", "B"),
    ("B가 맞습니다. A는 틀립니다.", "B"),
    ("C는 맞지 않다. B가 맞다", "B"),
    ("정답은 B가 아니다. C가 정답이다", "C"),
    ("보기 ②가 맞습니다", "B"),
    ("② 서울", "B"),
    ("정답은 ㄴ", "B"),
    ("정답은 나쁜 것이 아니다", None),
    ("비타민C가 부족하다", None),
    ("A씨와 B씨가 만났다", None),
    ("혈액형은 A형", None),
    ("答えはＢです", "B"),
    ("答えは「B」です。", "B"),
    ("正解：（B）", "B"),
    ("正解はAではなくB", "B"),
    ("選択肢B", "B"),
    ("Bが正解です。Aは違います。", "B"),
    ("答案：B", "B"),
    ("正确答案应该是B", "B"),
    ("正確答案為Ｂ。", "B"),
    ("不选A，选C", "C"),
    ("故选：B", "B"),
    ("B项正确", "B"),
    ("【答案】B", "B"),
]


@pytest.mark.parametrize(("text", "chosen"), SIGNS)
def test_the_chosen_sign_is_found(text: str, chosen: str | None) -> None:
    verdict = scorer("choice").score(said(text), "B", {})
    assert verdict.extracted == chosen
    assert verdict.label == (chosen or "no_match")
    assert verdict.passed is (chosen == "B")


@pytest.mark.parametrize("expected", ["B", "(b)", "B.", "②", "나", " B "])
def test_a_reference_may_be_any_sign_of_the_choice(expected: str) -> None:
    assert scorer("choice").score(said("B"), expected, {}).passed is True


@pytest.mark.parametrize("expected", [None, "", "F", "Paris", "2"])
def test_a_reference_that_is_no_choice_is_unusable(expected: str | None) -> None:
    assert scorer("choice").score(said("B"), expected, {}).label == "unusable_reference"


KANA = [
    ("イ", "イ"),
    ("答えはイです。", "イ"),
    ("正解は「イ」", "イ"),
    ("イ：東京", "イ"),
    ("ウイルス", None),
    ("イが正解です", "イ"),
]


@pytest.mark.parametrize(("text", "chosen"), KANA)
def test_kana_are_signs_where_the_choices_are_kana(text: str, chosen: str | None) -> None:
    assert scorer("choice", choices=["ア", "イ", "ウ", "エ"]).score(said(text), "イ", {}).extracted == chosen


@pytest.mark.parametrize("text", ["ＰＡＲＩＳ", "答えはParisです。", "「paris」"])
def test_the_text_of_an_option_is_found_in_any_width_and_case(text: str) -> None:
    assert scorer("choice", options=["Ｐaris", "Seoul"]).score(said(text), "paris", {}).passed is True


DIGITS = [("3", "3"), ("정답은 3번", "3"), ("③", "3"), ("It is 2.5 or (3)", "3"), ("13", None), ("3.5", None)]


@pytest.mark.parametrize(("text", "chosen"), DIGITS)
def test_digits_are_signs_where_the_choices_are_digits(text: str, chosen: str | None) -> None:
    assert scorer("choice", choices=["1", "2", "3", "4"]).score(said(text), "3", {}).extracted == chosen


SENTIMENT = [
    ("긍정", "긍정"),
    ("긍정입니다.", "긍정"),
    ("긍정이 아니라 부정", "부정"),
    ("처음에는 긍정 같지만\n정답: 부정", "부정"),
    ("정답: **부정** (긍정 아님)", "부정"),
    ("비긍정", None),
    ("모르겠다", None),
]


@pytest.mark.parametrize(("text", "chosen"), SENTIMENT)
def test_korean_labels_are_found(text: str, chosen: str | None) -> None:
    verdict = scorer("choice", choices=["긍정", "부정", "중립"]).score(said(text), "부정", {})
    assert verdict.extracted == chosen


WORDS = [
    ("Positive", "positive"),
    ("The answer is not happy", "not happy"),
    ("happy", "happy"),
    ("unhappy", None),
    ("the sentiment is **positive** rather than happy", "positive"),
]


@pytest.mark.parametrize(("text", "chosen"), WORDS)
def test_english_labels_are_whole_words_and_longer_ones_win(text: str, chosen: str | None) -> None:
    verdict = scorer("choice", choices=["happy", "not happy", "positive"]).score(said(text), "happy", {})
    assert verdict.extracted == chosen


def test_option_texts_name_choices_in_answers_and_references() -> None:
    nli = scorer("choice", options=["entailment", "neutral", "contradiction"])
    assert nli.score(said("It is a contradiction."), "Contradiction", {}).extracted == "C"
    assert nli.score(said("(B)"), "neutral", {}).passed is True


def test_option_texts_may_stand_in_the_row() -> None:
    capitals = scorer("choice", choices=["A", "B", "C"], options="places")
    row = {"places": ["Rome", "Paris"]}
    assert capitals.score(said("I say Paris"), "B", row).passed is True
    assert capitals.score(said("B"), "Paris", row).passed is True
    assert capitals.score(said("B"), "B", {"places": None}).label == "unusable_reference"


def test_a_pattern_narrows_first() -> None:
    assert scorer("choice", pattern=r"Final: (.*)").score(said("(A)\nFinal: C\n(B)"), "C", {}).passed is True


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"choices": ["A"]}, "at least two"),
    ({"choices": []}, "choices is an empty list; name its texts, or remove it"),
    ({"options": []}, "options is an empty list"),
    ({"choices": ["yes", "Yes"]}, "two different"),
    ({"choices": ["A", "B"], "options": ["x"]}, "2 choices but 1 options"),
    ({"options": ["x", "X"]}, "twice"),
    ({"choices": ["yes", "no"], "options": ["x", "y"]}, "options belong to"),
    ({"expected": None}, "needs a reference"),
]


@pytest.mark.parametrize(("settings", "message"), MISTAKES)
def test_mistakes_in_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        scorer("choice", **settings)


HOSTILE = [
    "B)\n{}x",
    "answer: b{}x",
    "answer:{}x",
    "answer{}x",
    "\\boxed{{B{}",
    "{}x",
    "B)\n \n{}B",
    "option{}x",
    "답은{}",
]


@pytest.mark.parametrize("filler", ["\n", " ", "*", "-", "(", " \n", "A ", "답"])
def test_hostile_answers_take_no_long_time(filler: str) -> None:
    signs, words = scorer("choice"), scorer("choice", choices=["happy", "not happy"])
    start = time.process_time()
    for frame in HOSTILE:
        text = frame.format(filler * 30_000)
        signs.score(said(text), "B", {})
        words.score(said(text), "happy", {})
    assert time.process_time() - start < 5.0
