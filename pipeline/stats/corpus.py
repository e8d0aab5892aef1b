"""Corpus figures (BLEU, chrF, TER) from summed counts, their bootstrap intervals and paired tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.clusters import Labels
from pipeline.stats.intervals import NO_SPREAD, Interval
from pipeline.stats.resampling import resampled_totals

Kind = Literal["bleu", "chrf", "ter"]
Array = NDArray[np.float64]

BLEU_ORDERS = 4
_SMOOTH_VALUES = {"none": 0.0, "exp": 0.0, "floor": 0.1, "add-k": 1.0}


@dataclass(frozen=True, slots=True)
class CorpusPaired:
    """b against a on the same rows, each figure from the sums over all of them."""

    n: int
    difference: float | None
    """Figure of b less that of a."""
    se: float | None
    """Standard deviation of the resampled differences."""
    ci95: Interval | None
    """Percentile interval of the difference."""
    p: float | None
    """Two-sided: how often a resampled difference strays from the observed one as far as that is from 0."""
    p_sacrebleu: float | None
    """As `sacrebleu --paired-bs` prints it. For clear differences it is one-sided, half of `p`."""


def corpus_score(kind: Kind, sums_total: Array, options: Mapping[str, Any] | None = None) -> Array:
    """Figures between 0 and 100 (TER can exceed 100) from sums along the last axis; all other axes are kept.

    BLEU: system length, reference length, correct 1..4, total 1..4 (options `smooth_method`, `smooth_value`,
    `effective_order`). chrF: hypothesis, reference and matching n-grams per order (options `beta`, `eps_smoothing`).
    TER: edits, reference length. Other options (of tokenization) change the counts, not the figure.
    Source: Papineni et al. 2002; Popović 2015, 2017; Snover et al. 2006; each as sacrebleu 2.6 computes it (Post 2018).
    """
    totals = np.asarray(sums_total, dtype=np.float64)
    asked = options or {}
    if kind == "bleu":
        return _bleu(totals, asked)
    if kind == "chrf":
        return _chrf(totals, asked)
    if kind == "ter":
        return _ter(totals)
    raise ValueError(f'"{kind}" is none of bleu, chrf, ter')


def corpus_interval(
    kind: Kind,
    sums: Array,
    options: Mapping[str, Any] | None = None,
    *,
    clusters: Labels | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[float | None, Interval | None]:
    """Standard error and percentile interval of a corpus figure; `sums` is rows by counts.

    Rows with NaN (not scored) are left out. (None, None) with fewer than two rows (clusters) or without spread.
    Source: Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation".
    """
    totals = resampled_totals(sums, clusters, resamples, seed)
    return (None, None) if totals is None else _spread(corpus_score(kind, totals, options))


def corpus_paired(
    kind: Kind,
    sums: tuple[Array, Array],
    options: Mapping[str, Any] | None = None,
    *,
    clusters: Labels | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> CorpusPaired:
    """Paired bootstrap of b against a; `sums` are theirs, row by row on the same rows, drawn together.

    Rows that either has not scored (NaN) are left out. Nothing but the difference is told with fewer than two rows
    (clusters); where resampling never changes the difference, p is 1 for none and None for one that is constant.
    Source: Koehn 2004, section 4; `p_sacrebleu` as sacrebleu's significance.py, after MultEval (Clark et al. 2011).
    """
    a, b = (np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in sums)
    both = np.hstack((a, b))
    known: NDArray[np.bool_] = np.asarray(~np.isnan(both).any(axis=1))
    n, width = int(known.sum()), a.shape[1]
    if not n:
        return CorpusPaired(n=0, difference=None, se=None, ci95=None, p=None, p_sacrebleu=None)
    total = both.sum(axis=0, where=known[:, None])
    scores = [float(corpus_score(kind, part, options)) for part in (total[:width], total[width:])]
    difference = scores[1] - scores[0]
    totals = resampled_totals(both, clusters, resamples, seed)
    if totals is None:
        return CorpusPaired(n=n, difference=difference, se=None, ci95=None, p=None, p_sacrebleu=None)
    drawn = corpus_score(kind, totals[:, width:], options) - corpus_score(kind, totals[:, :width], options)
    se, ci95 = _spread(drawn, scale=max(scores))
    if ci95 is None:
        same = 1.0 if abs(difference) <= NO_SPREAD * max(scores) else None
        return CorpusPaired(n=n, difference=difference, se=se, ci95=None, p=same, p_sacrebleu=same)
    strayed = np.abs(drawn - difference) >= abs(difference) * (1 - 1e-12)
    beyond = np.abs(drawn) - np.abs(drawn).mean() > abs(difference)
    p, p_sacrebleu = (float((1 + hits.sum()) / (1 + resamples)) for hits in (strayed, beyond))
    return CorpusPaired(n=n, difference=difference, se=se, ci95=ci95, p=p, p_sacrebleu=p_sacrebleu)


def _spread(drawn: Array, scale: float = 0.0) -> tuple[float | None, Interval | None]:
    """Standard error and percentile interval; (None, None) for draws that are all the same."""
    if np.ptp(drawn) <= NO_SPREAD * max(scale, float(np.abs(drawn).max())):
        return None, None
    low, high = np.quantile(drawn, (0.025, 0.975))
    se = float(drawn.std(ddof=1))
    return se, ((float(low), float(high)) if low < high else None)


def _bleu(totals: Array, options: Mapping[str, Any]) -> Array:
    method = options.get("smooth_method", "exp")
    if method not in _SMOOTH_VALUES:
        raise ValueError(f'smooth_method "{method}" is none of {", ".join(_SMOOTH_VALUES)}')
    given = options.get("smooth_value")
    value = _SMOOTH_VALUES[method] if given is None else float(given)
    system, reference = totals[..., 0], totals[..., 1]
    correct, total = totals[..., 2 : 2 + BLEU_ORDERS], totals[..., 2 + BLEU_ORDERS :]
    matched = (correct > 0).any(axis=-1)
    if method == "add-k":
        raised = value * np.array([0.0, 1.0, 1.0, 1.0])
        correct, total = correct + raised, total + raised
    # an order without n-grams ends the list: what comes after it is not looked at
    reached = np.logical_and.accumulate(total > 0, axis=-1)
    missed = reached & (correct == 0)
    smoothed = correct
    if method == "exp":
        smoothed = np.where(missed, 0.5 ** np.cumsum(missed, axis=-1), correct)
    elif method == "floor":
        smoothed = np.where(missed, value, correct)
    precisions = np.divide(smoothed, total, out=np.zeros_like(total), where=reached)
    with np.errstate(divide="ignore"):
        logs = np.log(100 * precisions)
    orders: Any = float(BLEU_ORDERS)
    if options.get("effective_order"):
        orders = np.maximum(reached.sum(axis=-1), 1)
        logs = np.where(reached, logs, 0.0)
    ratio = np.divide(reference, system, out=np.ones_like(system), where=system > 0)
    penalty = np.where(system > 0, np.exp(np.minimum(0.0, 1 - ratio)), (reference <= 0).astype(np.float64))
    return np.where(matched, penalty * np.exp(logs.sum(axis=-1) / orders), 0.0)


def _chrf(totals: Array, options: Mapping[str, Any]) -> Array:
    factor = float(options.get("beta", 2)) ** 2
    hypothesis, reference, match = (totals[..., start::3] for start in range(3))
    tiny = np.full_like(match, 1e-16)
    precision = np.divide(match, hypothesis, out=tiny.copy(), where=hypothesis > 0)
    recall = np.divide(match, reference, out=tiny, where=reference > 0)
    if options.get("eps_smoothing"):
        by_order = _f_score(precision, recall, factor, 1e-16)
        return np.asarray(100 * by_order.mean(axis=-1))
    counted = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(counted.sum(axis=-1), 1)
    average, average_recall = (np.where(counted, part, 0.0).sum(axis=-1) / orders for part in (precision, recall))
    return 100 * _f_score(average, average_recall, factor, 0.0)


def _f_score(precision: Array, recall: Array, factor: float, otherwise: float) -> Array:
    below = factor * precision + recall
    return np.divide((1 + factor) * precision * recall, below, out=np.full_like(below, otherwise), where=below > 0)


def _ter(totals: Array) -> Array:
    edits, reference = totals[..., 0], totals[..., 1]
    return 100 * np.divide(edits, reference, out=np.asarray(edits > 0, dtype=np.float64), where=reference > 0)
