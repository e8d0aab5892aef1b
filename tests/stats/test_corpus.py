"""Corpus figures and their tests against sacrebleu and its recorded results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import Result as SacrebleuResult
from sacrebleu.significance import _bootstrap_resample, _paired_bs_test, estimate_ci

from pipeline.stats.corpus import Kind, corpus_interval, corpus_paired, corpus_score

BASELINE = "newstest2017.LIUM-NMT.4900.en-de"
METRICS: list[tuple[Kind, dict[str, Any], Any]] = [
    ("bleu", {}, BLEU()),
    ("bleu", {"smooth_method": "none"}, BLEU(smooth_method="none")),
    ("bleu", {"smooth_method": "floor", "smooth_value": 0.2}, BLEU(smooth_method="floor", smooth_value=0.2)),
    ("bleu", {"smooth_method": "add-k"}, BLEU(smooth_method="add-k")),
    ("bleu", {"effective_order": True}, BLEU(effective_order=True)),
    ("chrf", {}, CHRF()),
    ("chrf", {"word_order": 2}, CHRF(word_order=2)),
    ("chrf", {"beta": 3}, CHRF(beta=3)),
    ("chrf", {"eps_smoothing": True}, CHRF(eps_smoothing=True)),
    ("ter", {}, TER()),
]


@pytest.fixture(scope="module")
def wmt17(shared: Path) -> pl.DataFrame:
    return pl.read_parquet(shared / "datasets/wmt17/wmt17_en_de_systems.parquet")


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "datasets/expected.json").read_text("utf-8"))["sacrebleu_wmt17"]
    return found


@pytest.fixture(scope="module")
def bleu_sums(wmt17: pl.DataFrame) -> dict[str, np.ndarray]:
    metric = BLEU(tokenize="none", force=True, references=[wmt17["ref"].to_list()])
    return {name: sums_of(metric, wmt17[name].to_list()) for name in wmt17.columns if name != "ref"}


def sums_of(metric: Any, answers: list[str], references: list[list[str]] | None = None) -> np.ndarray:
    return np.array(metric._extract_corpus_statistics(answers, references), dtype=np.float64)


def counts(kind: Kind, draw: np.random.Generator, rows: int) -> np.ndarray:
    """Counts as answers give them, many of them short or without a match."""
    if kind == "ter":
        return np.stack([draw.integers(0, 9, rows), draw.integers(0, 7, rows)], axis=1).astype(float)
    if kind == "chrf":
        parts = []
        for _ in range(6):
            sides = draw.integers(0, 6, (2, rows))
            parts += [*sides, draw.integers(0, sides.min(axis=0) + 1)]
        return np.stack(parts, axis=1).astype(float)
    length = draw.integers(0, 8, rows)
    total = np.stack([np.maximum(length - n, 0) for n in range(4)], axis=1)
    correct = np.minimum.accumulate(draw.integers(0, total + 1), axis=1)
    return np.hstack([length[:, None], draw.integers(0, 8, (rows, 1)), correct, total]).astype(float)


@pytest.mark.parametrize(("kind", "options", "metric"), METRICS)
def test_figures_equal_those_of_sacrebleu_for_any_counts(kind: Kind, options: dict[str, Any], metric: Any) -> None:
    table = counts(kind, np.random.default_rng(0), 3_000)
    if kind == "chrf" and options.get("word_order"):
        table = np.hstack([table, table[:, :6]])
    found = corpus_score(kind, table, options)
    for row, figure in zip(table, found, strict=True):
        known = metric._compute_score_from_stats(list(row)).score
        assert figure == pytest.approx(known, rel=1e-12, abs=1e-12)
    assert float(corpus_score(kind, table.sum(axis=0), options)) == pytest.approx(
        metric._compute_score_from_stats(list(table.sum(axis=0))).score, rel=1e-12
    )


def test_the_bleu_of_sixteen_systems_is_the_recorded_one(
    bleu_sums: dict[str, np.ndarray], expected: dict[str, Any]
) -> None:
    assert len(expected["scores"]) == 16
    for name, scores in expected["scores"].items():
        assert float(corpus_score("bleu", bleu_sums[name].sum(axis=0))) == pytest.approx(scores[0], abs=6e-5)


@pytest.mark.parametrize(
    ("column", "kind", "options", "names"),
    [
        pytest.param(1, "bleu", {"tokenize": "13a"}, None, marks=pytest.mark.slow),
        pytest.param(2, "chrf", {}, None, marks=pytest.mark.slow),
        pytest.param(3, "chrf", {"word_order": 2}, None, marks=pytest.mark.slow),
        (1, "bleu", {"tokenize": "13a"}, [BASELINE]),
        (2, "chrf", {}, [BASELINE]),
        (3, "chrf", {"word_order": 2}, [BASELINE]),
    ],
)
def test_the_figures_of_the_systems_are_the_recorded_ones(
    wmt17: pl.DataFrame,
    expected: dict[str, Any],
    column: int,
    kind: Kind,
    options: dict[str, Any],
    names: list[str] | None,
) -> None:
    references = [wmt17["ref"].to_list()]
    metric = BLEU(references=references) if kind == "bleu" else CHRF(references=references, **options)
    for name in names or expected["scores"]:
        total = sums_of(metric, wmt17[name].to_list()).sum(axis=0)
        assert float(corpus_score(kind, total, options)) == pytest.approx(expected["scores"][name][column], abs=6e-5)


@pytest.mark.parametrize("resamples", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_paired_bootstrap_gives_the_recorded_p_values(
    bleu_sums: dict[str, np.ndarray], expected: dict[str, Any], resamples: int
) -> None:
    recorded = expected["paired_bootstrap_p_moses_vs_LIUM"]
    assert len(recorded) == 10
    for name, p in recorded.items():
        system = next(column for column in bleu_sums if f".{name}." in column)
        found = corpus_paired("bleu", (bleu_sums[BASELINE], bleu_sums[system]), resamples=resamples, seed=12_345)
        assert found.p_sacrebleu == pytest.approx(p, abs=0.01)
        assert found.p is not None
        assert found.p >= found.p_sacrebleu


def test_the_paired_bootstrap_draws_what_sacrebleu_draws(wmt17: pl.DataFrame) -> None:
    names = [BASELINE, "newstest2017.KIT.4950.en-de"]
    rows = wmt17.head(300)
    references = [rows["ref"].to_list()]
    metric = BLEU(tokenize="none", force=True, references=references)
    sides = [sums_of(metric, rows[name].to_list()) for name in names]
    baseline = (sides[0].tolist(), SacrebleuResult(metric._aggregate_and_compute(sides[0].tolist()).score))
    _, known = _paired_bs_test(
        {"BLEU": baseline}, "KIT", rows[names[1]].to_list(), references, {"BLEU": metric}, n_samples=500, seed=12_345
    )
    found = corpus_paired("bleu", (sides[0], sides[1]), resamples=500, seed=12_345)
    assert found.p_sacrebleu == known["BLEU"].p_value


def test_the_interval_is_that_of_sacrebleu(wmt17: pl.DataFrame) -> None:
    rows = wmt17.head(300)
    metric = BLEU(references=[rows["ref"].to_list()])
    sums = sums_of(metric, rows[BASELINE].to_list())
    _, scores = _bootstrap_resample(sums.tolist(), metric, 2_000)
    _, half = estimate_ci(np.array([score.score for score in scores]))
    _, interval = corpus_interval("bleu", sums, resamples=2_000, seed=12_345)
    assert interval is not None
    assert (interval[1] - interval[0]) / 2 == pytest.approx(half, rel=0.01)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 20))
def test_swapping_the_systems_mirrors_the_comparison(seed: int, rows: int) -> None:
    draw = np.random.default_rng(seed)
    for kind in ("bleu", "chrf", "ter"):
        a, b = counts(kind, draw, rows), counts(kind, draw, rows)
        there, back = (corpus_paired(kind, sides, resamples=100) for sides in ((a, b), (b, a)))
        assert there.difference == pytest.approx(-(back.difference or 0.0), abs=1e-12)
        assert (there.n, there.p, there.p_sacrebleu) == (back.n, back.p, back.p_sacrebleu)
        assert there.se == pytest.approx(back.se)
        assert there.p is None or there.p > 0


def test_whole_clusters_are_drawn() -> None:
    rows = counts("ter", np.random.default_rng(1), 200)
    once, _ = corpus_interval("ter", rows, resamples=4_000)
    copied, _ = corpus_interval("ter", np.repeat(rows, 4, axis=0), resamples=4_000)
    bound, _ = corpus_interval(
        "ter", np.repeat(rows, 4, axis=0), clusters=np.repeat(np.arange(200), 4), resamples=4_000
    )
    assert bound == pytest.approx(once, rel=0.06)
    assert copied == pytest.approx((once or 0) / 2, rel=0.06)


def test_many_rows_are_drawn_from_the_normal_distribution_of_their_totals() -> None:
    rows = counts("bleu", np.random.default_rng(2), 12_000)
    few, few_interval = corpus_interval("bleu", rows, resamples=2_000)
    many, many_interval = corpus_interval("bleu", rows, resamples=10_000)  # 120 million draws
    assert many == pytest.approx(few, rel=0.06)
    assert many_interval == pytest.approx(few_interval, abs=0.2 * (few or 0))


def test_rows_without_score_are_left_out_on_both_sides() -> None:
    draw = np.random.default_rng(3)
    a, b = counts("ter", draw, 30), counts("ter", draw, 30)
    a[3], b[7] = np.nan, np.nan
    kept = [row for row in range(30) if row not in (3, 7)]
    assert corpus_paired("ter", (a, b), resamples=200) == corpus_paired("ter", (a[kept], b[kept]), resamples=200)
    assert corpus_interval("ter", a, resamples=200) == corpus_interval("ter", np.delete(a, 3, axis=0), resamples=200)


def test_one_row_one_cluster_or_no_spread_claim_nothing() -> None:
    row = np.array([[2.0, 10.0]])
    other = np.array([[3.0, 10.0]])
    assert corpus_interval("ter", row) == (None, None)
    assert corpus_interval("ter", np.repeat(row, 5, axis=0)) == (None, None)
    one = corpus_paired("ter", (row, other))
    assert (one.difference, one.se, one.ci95, one.p) == (pytest.approx(10.0), None, None, None)
    constant = corpus_paired("ter", (np.repeat(row, 5, axis=0), np.repeat(other, 5, axis=0)))
    assert (constant.ci95, constant.p) == (None, None)
    same = corpus_paired("ter", (np.repeat(row, 5, axis=0), np.repeat(row, 5, axis=0)))
    assert (same.difference, same.p, same.p_sacrebleu) == (0.0, 1.0, 1.0)
    bound = corpus_paired("ter", (np.repeat(row, 2, axis=0), np.vstack([row, other])), clusters=["a", "a"])
    assert (bound.ci95, bound.p) == (None, None)
    empty = corpus_paired("ter", (np.empty((0, 2)), np.empty((0, 2))))
    assert (empty.n, empty.difference, empty.p) == (0, None, None)
    assert corpus_interval("ter", np.empty((0, 2))) == (None, None)


def test_unknown_kinds_and_smoothing_are_refused() -> None:
    with pytest.raises(ValueError, match="none of bleu, chrf, ter"):
        corpus_score("meteor", np.zeros(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="smooth_method"):
        corpus_score("bleu", np.zeros(10), {"smooth_method": "guess"})
