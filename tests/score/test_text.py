"""The kinds exact, contains and regex, and normalisation."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

import pytest

from pipeline.core.errors import SettingsError
from pipeline.score.normalise import Normalisation, normalise
from tests.support.score import said, scorer

EXACT: list[tuple[dict[str, Any], str, str, bool]] = [
    ({}, " Paris\n", "Paris", True),
    ({}, "paris", "Paris", False),
    ({"ignore_case": True}, "STRASSE", "straße", True),
    ({}, "Paris.", "Paris", False),
    ({"ignore_punctuation": True}, "`Paris`.", "Paris", True),
    ({"ignore_punctuation": True}, "नमस्ते!", "नमस्ते", True),
    ({"ignore_punctuation": True}, "$5", "5", False),
    ({"ignore_articles": True}, "The  Eiffel Tower", "Eiffel Tower", True),
    ({"ignore_articles": True}, "theatre", "atre", False),
    ({}, "a\n\tb", "a b", True),
    ({"collapse_whitespace": False}, "a  b", "a b", False),
    ({"strip": False}, "a ", "a", False),
    ({}, normalize("NFD", "정답"), "정답", True),
]


@pytest.mark.parametrize(("options", "text", "expected", "passed"), EXACT)
def test_exact_compares_after_normalisation(options: dict[str, Any], text: str, expected: str, passed: bool) -> None:
    verdict = scorer("exact", **options).score(said(text), expected, {})
    assert verdict.passed is passed


@pytest.mark.parametrize(
    ("strip", "text", "result"), [(False, "  a  b ", " a b "), (True, "  a  b ", "a b"), (False, "  ", " ")]
)
def test_white_space_collapses_with_and_without_the_ends(strip: bool, text: str, result: str) -> None:
    assert normalise(text, Normalisation(strip=strip)) == result


def test_exact_narrows_by_its_pattern() -> None:
    exact = scorer("exact", pattern="Answer: (.*)")
    assert exact.score(said("Answer: no\nAnswer: yes "), "yes", {}).passed is True
    assert exact.score(said("yes"), "yes", {}).label == "no_match"


EAST_ASIAN: list[tuple[dict[str, Any], str, str, bool]] = [
    ({}, "\u3000東京\u3000", "東京", True),
    ({}, "東京\u3000都", "東京 都", True),
    ({}, "ガ", "カ\u3099", True),
    ({}, "ｶﾞ", "ガ", False),
    ({"ignore_width": True}, "ｶﾞ", "ガ", True),
    ({"ignore_width": True}, "ＧＰＴ４", "GPT4", True),
    ({"ignore_width": True, "ignore_case": True}, "ｇｐｔ４", "GPT4", True),
    ({"ignore_punctuation": True}, "「東京」です。", "東京です", True),
    ({"ignore_punctuation": True}, "북경、상해~", "북경상해~", True),
    ({"ignore_punctuation": True}, "한국～일본", "한국일본", True),
    ({"ignore_punctuation": True}, "《红楼梦》（上）！", "红楼梦上", True),
    ({"ignore_punctuation": True}, "ラーメン", "ラメン", False),
    ({"ignore_articles": True}, "a 사과", "사과", True),
    ({}, "서울은", "서울", False),
    ({"pattern": "답[은:] ?(.*?)(?:입니다)?$"}, "답은 서울입니다", "서울", True),
]


@pytest.mark.parametrize(("options", "text", "expected", "passed"), EAST_ASIAN)
def test_korean_japanese_and_chinese_are_normalised_too(
    options: dict[str, Any], text: str, expected: str, passed: bool
) -> None:
    assert scorer("exact", **options).score(said(text), expected, {}).passed is passed


CONTAINS: list[tuple[dict[str, Any], str, str, bool]] = [
    ({}, "It is Paris, of course", "Paris", True),
    ({}, "It is Rome", "Paris", False),
    ({}, "It is 15", "5", True),
    ({"whole_words": True}, "It is 15", "5", False),
    ({"whole_words": True}, "It is 5.", "5", True),
    ({"any": ["Roma", "Rome"]}, "It is Rome", "Paris", True),
    ({"ignore_case": True, "any": ["ROMA"]}, "it is roma", "Paris", True),
]


@pytest.mark.parametrize(("options", "text", "expected", "passed"), CONTAINS)
def test_contains_looks_for_the_reference_or_a_listed_text(
    options: dict[str, Any], text: str, expected: str, passed: bool
) -> None:
    verdict = scorer("contains", **options).score(said(text), expected, {})
    assert verdict.passed is passed
    assert (verdict.label == "no_match") is not passed


def test_contains_with_a_list_needs_no_reference() -> None:
    assert scorer("contains", expected=None, any=["yes", "예"]).score(said("예, 맞습니다"), None, {}).extracted == "예"


REGEX: list[tuple[str, str | None, str, bool | None]] = [
    (r"(\d+) eggs", "{{ n }}", "3 eggs, then 18 eggs", True),
    (r"\d+", "{{ n }}", "18 or 3", False),
    (r"a: (\w+)|b: (\w+)", "{{ n }}", "b: 18", True),
    (r"\d+", None, "some 5", True),
    (r"\d+", None, "none", False),
]


@pytest.mark.parametrize(("pattern", "template", "text", "passed"), REGEX)
def test_regex_compares_the_last_match_or_asks_only_for_one(
    pattern: str, template: str | None, text: str, passed: bool
) -> None:
    verdict = scorer("regex", pattern=pattern, expected=template).score(said(text), "18" if template else None, {})
    assert verdict.passed is passed


def test_flags_change_the_pattern() -> None:
    assert scorer("regex", pattern="^yes$", expected=None, flags="im").score(said("well\nYES"), None, {}).passed is True
    assert scorer("regex", pattern="^yes$", expected=None).score(said("well\nYES"), None, {}).passed is False


@pytest.mark.parametrize(
    ("kind", "options"), [("exact", {"ignore_punctuation": True}), ("contains", {"ignore_punctuation": True})]
)
@pytest.mark.parametrize("expected", [None, "", "  ", "..."])
def test_a_reference_of_nothing_is_unusable(kind: str, options: dict[str, Any], expected: str | None) -> None:
    assert scorer(kind, **options).score(said("anything"), expected, {}).label == "unusable_reference"


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("exact", {"expected": None}, "needs a reference"),
    ("contains", {"expected": None}, "needs a reference"),
    ("contains", {"any": "Paris"}, "list of texts"),
    ("contains", {"any": ["a", "a"]}, "twice"),
    ("contains", {"any": ["."], "ignore_punctuation": True}, "leaves nothing"),
    ("regex", {}, "needs a pattern"),
    ("regex", {"pattern": "("}, "not a regular expression"),
    ("regex", {"pattern": "a", "flags": "q"}, "flags may hold"),
    ("exact", {"flags": "i"}, "flags without a pattern"),
    ("exact", {"strip": "yes"}, "true or false"),
    ("exact", {"ignorecase": True}, 'did you mean "ignore_case"'),
    ("exact", {"zzz": 1}, "known: "),
    ("exact", {"function": "a:b"}, "belongs to kind"),
    ("exakt", {}, 'did you mean "exact"'),
    ("qqq", {}, "known: exact, contains"),
]


@pytest.mark.parametrize(("kind", "settings", "message"), MISTAKES)
def test_mistakes_in_settings_say_what_to_do(kind: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as raised:
        scorer(kind, **settings)
    assert f"my {kind}" in str(raised.value)
