"""Cells against cells: every pair that differs in one thing, on common rows, adjusted for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.stats.intervals import clip
from pipeline.stats.metrics import RowMeans
from pipeline.stats.multiple import holm
from pipeline.stats.paired import Paired, compare_arrays

CellKey = tuple[str, str, str]
"""Model, prompt, params."""


def compare_cells(
    cells: Sequence[CellKey], means: Mapping[tuple[CellKey, str], RowMeans], scorers: Sequence[tuple[str, bool]]
) -> list[dict[str, Any]]:
    """Compare the cell pairs that differ in exactly one of model, prompt and params, for each scorer.

    The earlier cell is a. Where rows were repeated, pass/fail scorers too are compared by their rows' means. Intervals
    of differences of shares are cut to [-1, 1].
    """
    pairs = [(a, b) for a, b in combinations(cells, 2) if sum(x != y for x, y in zip(a, b, strict=True)) == 1]
    found = [
        (name, a, b, _paired(means[a, name], means[b, name], pass_fail))
        for name, pass_fail in scorers
        for a, b in pairs
    ]
    adjusted = holm([paired.p for _, _, _, paired in found])
    return [_entry(*comparison, p) for comparison, p in zip(found, adjusted, strict=True)]


def cell_entry(cell: CellKey) -> dict[str, str]:
    """Name a cell as summary.json does."""
    model, prompt, params = cell
    return {"model": model, "prompt": prompt, "params": params}


def _paired(a: RowMeans, b: RowMeans, pass_fail: bool) -> Paired:
    _, in_a, in_b = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
    paired = compare_arrays(a.means[in_a], b.means[in_b], pass_fail and not (a.repeated or b.repeated))
    if not pass_fail or paired.ci95 is None:
        return paired
    return replace(paired, ci95=clip(paired.ci95, -1.0, 1.0))


def _entry(name: str, a: CellKey, b: CellKey, paired: Paired, p_adjusted: float | None) -> dict[str, Any]:
    return {
        "metric": name,
        "a": cell_entry(a),
        "b": cell_entry(b),
        "n": paired.n,
        "difference": paired.difference,
        "se": paired.se,
        "ci95": None if paired.ci95 is None else list(paired.ci95),
        "gained": paired.gained,
        "lost": paired.lost,
        "p": paired.p,
        "p_adjusted": p_adjusted,
        "test": paired.test,
        "smallest_detectable": paired.smallest_detectable,
    }
