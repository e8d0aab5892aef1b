"""ROUGE: equal to rouge-score on English text, to ROUGE-1.5.5 on its test set, and at home in other scripts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from pipeline.score.rouge import lcs_length, lcs_positions
from pipeline.score.scorers import Scorer
from tests.support.score import said, scorer

VARIANTS = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
WORDS = st.sampled_from(["the", "cats", "Cat", "sat", "on", "running", "ran.", "flies", "dying", "well-known", "x2"])
TEXTS = st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=4).map("\n".join)


@cache
def ours(variant: str, figure: str, stem: bool, listed: bool = False) -> Scorer:
    more = {"references": "list"} if listed else {}
    return scorer("rouge", variant=variant, figure=figure, stem=stem, **more)


@cache
def theirs(variant: str, stem: bool) -> Any:
    return RougeScorer([variant], use_stemmer=stem)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=60)
@given(answer=TEXTS, reference=TEXTS.filter(str.strip), stem=st.booleans())
def test_english_text_gets_the_figures_of_rouge_score(variant: str, answer: str, reference: str, stem: bool) -> None:
    known = theirs(variant, stem).score(reference, answer)[variant]
    for figure, value in (("precision", known.precision), ("recall", known.recall), ("f1", known.fmeasure)):
        verdict = ours(variant, figure, stem).score(said(answer), reference, {})
        assert verdict.value == pytest.approx(value, abs=1e-9)


@given(answer=TEXTS, references=st.lists(TEXTS.filter(str.strip), min_size=1, max_size=3))
def test_of_several_references_the_best_counts_as_in_rouge_score(answer: str, references: list[str]) -> None:
    known = theirs("rouge1", False).score_multi(references, answer)["rouge1"]
    verdict = ours("rouge1", "f1", False, listed=True).score(said(answer), json.dumps(references), {})
    assert verdict.value == pytest.approx(known.fmeasure, abs=1e-9)


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_common_subsequences_are_found_and_are_longest(one: list[str], other: list[str]) -> None:
    places = sorted(lcs_positions(one, other))
    rest = iter(other)
    assert all(token in rest for token in (one[place] for place in places))
    lengths = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    for row, left in enumerate(one, 1):
        for column, right in enumerate(other, 1):
            same = lengths[row - 1, column - 1] + 1
            lengths[row, column] = same if left == right else max(lengths[row - 1, column], lengths[row, column - 1])
    assert len(places) == lcs_length(one, other) == lengths[-1, -1]


@pytest.mark.parametrize(
    ("key", "group", "variant", "stem"),
    [
        ("rouge1_nostem", "large", "rouge1", False),
        ("rouge1_stem", "large", "rouge1", True),
        ("rougeL_stem", "large", "rougeL", True),
        ("multi_rouge1", "multi", "rouge1", True),
        ("multi_rouge2", "multi", "rouge2", True),
        ("multi_rougeLsum", "multi", "rougeLsum", True),
    ],
)
def test_the_figures_of_rouge_1_5_5(shared: Path, key: str, group: str, variant: str, stem: bool) -> None:
    known = json.loads((shared / "datasets/expected.json").read_text("utf-8"))["rouge155"][key]
    rows = pl.read_parquet(shared / "datasets/rouge155/rouge155.parquet").filter(pl.col("set") == group)
    for figure, (_, mid, _) in zip(("precision", "recall", "f1"), known, strict=True):
        by = ours(variant, figure, stem)
        values = [by.score(said(row["prediction"]), row["target"], {}).value for row in rows.iter_rows(named=True)]
        assert np.mean(np.array(values, dtype=float)) == pytest.approx(mid, abs=0.002)


@pytest.mark.parametrize(
    ("variant", "answer", "reference", "value"),
    [
        ("rouge1", "서울은 한국의 수도이다.", "서울은 한국의 수도", 2 / 3),
        ("rouge2", "東京は首都。", "東京は首都", 1.0),
        ("rougeL", "北京是中国的首都", "北京是首都", 5 * 2 / (8 + 5)),
        ("rouge1", "ＡＢＣ　１２３", "abc 123", 1.0),
        ("rouge1", "हिन्दी भाषा", "हिन्दी", 2 / 3),
    ],
)
def test_other_scripts_have_words_too(variant: str, answer: str, reference: str, value: float) -> None:
    assert scorer("rouge", variant=variant).score(said(answer), reference, {}).value == pytest.approx(value)


def test_sentences_end_at_marks_where_asked() -> None:
    reference = "고양이가 잤다。 개가 뛰었다。"
    answer = "개가 뛰었다。고양이가 잤다。"
    by_line = scorer("rouge", variant="rougeLsum").score(said(answer), reference, {})
    by_mark = scorer("rouge", variant="rougeLsum", sentences="marks").score(said(answer), reference, {})
    assert (by_line.value, by_mark.value) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("kind", "value"), [("rouge-1", 0.75), ("rouge-2", 1 / 3), ("rouge-L", 0.5), ("rouge-Lsum", 0.5)]
)
def test_a_kind_may_name_the_variant(kind: str, value: float) -> None:
    assert scorer(kind).score(said("the cat sat here"), "sat the cat down", {}).value == pytest.approx(value)


def test_long_answers_take_linear_rows() -> None:
    long = " ".join(f"w{number % 997}" for number in range(20_000))
    assert scorer("rouge", variant="rougeL").score(said(long), long, {}).value == 1.0
