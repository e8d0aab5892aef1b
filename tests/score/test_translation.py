"""BLEU, chrF and TER: sacrebleu's figures, of one answer and, from summed statistics, of many."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from pipeline.core.errors import SettingsError
from pipeline.stats.corpus import corpus_score
from tests.support.score import said, scorer

METRICS: dict[str, tuple[str, dict[str, Any]]] = {
    "BLEU tokenize=none": ("bleu", {"tokenize": "none"}),
    "BLEU 13a": ("bleu", {}),
    "chrF2": ("chrf", {}),
    "chrF2++": ("chrf", {"word_order": 2}),
}
ANSWERS = ["The cat sat on the mat.", "a cat", "", "  On the mat sat the cat , today .", "the the the the"]
REFERENCES = ["The cat sat on the mat.", "The cats were sitting.", "A mat.", "The cat sat on the mat today.", "the cat"]


def wmt17(shared: Path) -> tuple[pl.DataFrame, dict[str, list[float]]]:
    known = json.loads((shared / "datasets/expected.json").read_text("utf-8"))["sacrebleu_wmt17"]
    assert known["columns"] == list(METRICS)
    return pl.read_parquet(shared / "datasets/wmt17/wmt17_en_de_systems.parquet"), known["scores"]


def corpus_figure(metric: str, answers: list[str], references: list[str]) -> float:
    """Answers scored one by one, and the corpus figure of their added sums, as a summary makes it."""
    kind, options = METRICS[metric]
    by = scorer(kind, **options)
    assert by.corpus is not None
    sums = [by.score(said(answer), reference, {}).sums for answer, reference in zip(answers, references, strict=True)]
    return float(corpus_score(by.corpus, np.array(sums, dtype=float).sum(axis=0), by.corpus_options))


@pytest.mark.parametrize("metric", METRICS)
def test_a_system_of_wmt17_gets_its_figure(shared: Path, metric: str) -> None:
    table, known = wmt17(shared)
    system = "newstest2017.uedin-nmt.4722.en-de"
    value = known[system][list(METRICS).index(metric)]
    assert corpus_figure(metric, table[system].to_list(), table["ref"].to_list()) == pytest.approx(value, abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_every_system_of_wmt17_gets_its_figure(shared: Path, metric: str) -> None:
    table, known = wmt17(shared)
    assert len(known) == 16
    for system, values in known.items():
        found = corpus_figure(metric, table[system].to_list(), table["ref"].to_list())
        assert found == pytest.approx(values[list(METRICS).index(metric)], abs=5e-5), system


@pytest.mark.parametrize(
    ("kind", "options", "oracle"),
    [
        ("bleu", {}, BLEU(effective_order=True)),
        (
            "bleu",
            {"smooth_method": "floor", "lowercase": True},
            BLEU(True, smooth_method="floor", effective_order=True),
        ),
        ("bleu", {"tokenize": "char", "smooth_method": "add-k", "smooth_value": 2}, None),
        ("chrf", {"word_order": 2, "beta": 3}, CHRF(word_order=2, beta=3)),
        ("ter", {}, TER()),
        ("ter", {"normalized": True, "case_sensitive": True}, TER(normalized=True, case_sensitive=True)),
    ],
)
def test_the_value_of_an_answer_is_sacrebleus_sentence_score(kind: str, options: dict[str, Any], oracle: Any) -> None:
    oracle = oracle or BLEU(tokenize="char", smooth_method="add-k", smooth_value=2.0, effective_order=True)
    by = scorer(kind, **options)
    for answer in ANSWERS:
        for reference in REFERENCES:
            known = oracle.sentence_score(answer, [reference]).score
            assert by.score(said(answer), reference, {}).value == pytest.approx(known, abs=1e-9)


@pytest.mark.parametrize("kind", ["bleu", "chrf", "ter"])
def test_several_references_are_taken_together(kind: str) -> None:
    oracle = {"bleu": BLEU(effective_order=True), "chrf": CHRF(), "ter": TER()}[kind]
    by = scorer(kind, references="list")
    for answer in ANSWERS:
        verdict = by.score(said(answer), json.dumps(REFERENCES), {})
        assert verdict.value == pytest.approx(oracle.sentence_score(answer, REFERENCES).score, abs=1e-9)


def test_ter_of_many_answers_is_sacrebleus() -> None:
    by = scorer("ter")
    sums = [by.score(said(answer), ref, {}).sums for answer, ref in zip(ANSWERS, REFERENCES, strict=True)]
    edits, length = np.array(sums, dtype=float).sum(axis=0)
    assert 100 * edits / length == pytest.approx(TER().corpus_score(ANSWERS, [REFERENCES]).score, abs=1e-9)


def test_what_the_figures_are() -> None:
    bleu, chrf, ter = scorer("bleu"), scorer("chrf", word_order=2), scorer("ter")
    assert [(by.better, by.scale, by.graded, by.corpus) for by in (bleu, chrf, ter)] == [
        ("higher", "number", True, "bleu"),
        ("higher", "number", True, "chrf"),
        ("lower", "number", True, "ter"),
    ]
    assert bleu.corpus_options == {"smooth_method": "exp"}
    assert chrf.corpus_options == {"char_order": 6, "word_order": 2, "beta": 2}


def test_a_tokenizer_that_needs_another_package_says_which() -> None:
    with pytest.raises(SettingsError, match=r"pip install .sacrebleu\[ja\]"):
        scorer("bleu", tokenize="ja-mecab")


@pytest.mark.parametrize(("tokenize", "is_exact"), [("zh", True), ("char", True), ("13a", False)])
def test_chinese_needs_its_own_tokenizer(tokenize: str, is_exact: bool) -> None:
    value = scorer("bleu", tokenize=tokenize).score(said("北京是中国的首都。"), "北京是中国的首都!", {}).value
    assert value is not None
    assert (value > 50) is is_exact


def test_composed_and_decomposed_text_is_the_same() -> None:
    assert scorer("chrf").score(said("cafe\u0301 한국"), "caf\u00e9 한국", {}).value == pytest.approx(100)


def test_an_answer_without_the_pattern_has_the_sums_of_an_empty_one() -> None:
    verdict = scorer("bleu", pattern="Translation: (.*)").score(said("no"), "the cat sat", {})
    assert (verdict.value, verdict.label) == (0.0, "no_match")
    assert verdict.sums == (0, 3, 0, 0, 0, 0, 0, 0, 0, 0)


def test_a_missing_reference_is_unusable() -> None:
    assert scorer("bleu").score(said("a"), " ", {}).label == "unusable_reference"
    assert scorer("ter", references="list").score(said("a"), "[null]", {}).sums is None


@pytest.mark.parametrize(
    ("kind", "options", "said_there"),
    [
        ("bleu", {"tokenize": "spm"}, "tokenize must be one of"),
        ("bleu", {"smooth_value": 1}, "belongs to smooth_method"),
        ("bleu", {"word_order": 2}, 'unknown option "word_order"'),
        ("chrf", {"beta": 0}, "at least 1"),
        ("chrf", {"word_order": "2"}, "a whole number"),
        ("ter", {"asian_support": True}, "does nothing without"),
    ],
)
def test_options_that_make_no_sense_are_refused(kind: str, options: dict[str, Any], said_there: str) -> None:
    with pytest.raises(SettingsError, match=said_there):
        scorer(kind, **options)


class Hidden(MetaPathFinder):
    """Finds sacrebleu, and fails to load it."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] == "sacrebleu":
            raise ModuleNotFoundError(name)
        return None


@pytest.fixture
def no_sacrebleu() -> Iterator[None]:
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "sacrebleu"}
    hidden = Hidden()
    for name in loaded:
        del sys.modules[name]
    sys.meta_path.insert(0, hidden)
    yield
    sys.meta_path.remove(hidden)
    sys.modules.update(loaded)


@pytest.mark.usefixtures("no_sacrebleu")
@pytest.mark.parametrize("kind", ["bleu", "chrf", "ter"])
def test_without_sacrebleu_one_learns_how_to_install_it(kind: str) -> None:
    with pytest.raises(SettingsError, match=r'pip install "evalmill\[text\]"'):
        scorer(kind)
