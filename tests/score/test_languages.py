"""Scorers on questions and sentences of real data sets, in English, German, Japanese, Chinese and Korean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.score import said, scorer

ENDINGS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "en": ({}, ["So the answer is ${:,}.", r"Thus $\boxed{{{:,}}}$ in all.", "**{}**", "#### {}"]),
    "de": ({"decimal_comma": True}, ["Die Antwort ist {}.", "Insgesamt sind es {},00 Euro."]),
    "ja": ({}, ["答えは{}です。", "よって、{:,}円になります。", "答え：「{}」"]),
    "zh": ({}, ["答案是{}。", "所以一共是 {:,} 元。", "答案：（{}）"]),
}
WIDE = str.maketrans("0123456789,", "０１２３４５６７８９，")


def mgsm(shared: Path, language: str) -> list[tuple[str, int]]:
    lines = (shared / f"datasets/mgsm/mgsm_{language}.tsv").read_text("utf-8").splitlines()
    rows = [line.rsplit("\t", 1) for line in lines]
    return [(question, int(answer.replace(",", ""))) for question, answer in rows]


def klue(shared: Path) -> list[str]:
    rows = json.loads((shared / "datasets/klue/klue-nli-v1.1_dev.json").read_text("utf-8"))
    return sorted({row[key] for row in rows for key in ("premise", "hypothesis")})


@pytest.mark.parametrize("language", ENDINGS)
def test_the_number_at_the_end_of_an_answer_is_found_whatever_the_language(shared: Path, language: str) -> None:
    options, endings = ENDINGS[language]
    by = scorer("number", **options)
    rows = mgsm(shared, language)
    assert len(rows) == 250
    for question, number in rows:
        for ending in endings:
            text = f"{question} {ending.format(number)}"
            assert by.score(said(text), str(number), {}).passed is True, text
            assert by.score(said(text), str(number + 1), {}).passed is False, text


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_full_width_digits_are_digits(shared: Path, language: str) -> None:
    by = scorer("number")
    for question, number in mgsm(shared, language):
        text = f"{question} {ENDINGS[language][1][1].format(number).translate(WIDE)}"
        assert by.score(said(text), str(number), {}).passed is True, text


def test_korean_sentences_name_no_choice_by_themselves(shared: Path) -> None:
    by = scorer("choice")
    found = {text: by.score(said(text), "B", {}).extracted for text in klue(shared)}
    assert len(found) > 3_900
    assert {text: chosen for text, chosen in found.items() if chosen is not None} == {}


@pytest.mark.parametrize("ending", ["정답은 ②입니다.", "정답: 나", "따라서 답은 (B)이다.", "A가 아니라 B가 맞다."])
def test_a_choice_after_korean_sentences_is_found(shared: Path, ending: str) -> None:
    by = scorer("choice")
    for text in klue(shared)[::7]:
        assert by.score(said(f"{text} {ending}"), "B", {}).passed is True, text


def test_sentences_equal_themselves_in_every_form_of_unicode(shared: Path) -> None:
    from unicodedata import normalize

    for text in klue(shared)[::7]:
        for kind in ("exact", "contains", "f1", "rouge"):
            assert scorer(kind).score(said(normalize("NFD", text)), text, {}).value == 1.0, (kind, text)
