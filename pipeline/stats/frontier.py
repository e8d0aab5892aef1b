"""Which cells nobody beats in both quality and cost, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.stats.cells import CellKey, Means, cell_entry
from pipeline.stats.influence import Influence, cost_influence, covariance, quality_influence
from pipeline.stats.intervals import wilson
from pipeline.stats.job_costs import CellCosts
from pipeline.stats.row_means import Codes

DRAWS = 10_000
_FEWEST_DRAWS = 500
_MOST_PAIRS_DRAWN = 25_000_000
_ALIKE = 1e-6
"""Figures closer than this share of the largest standard error are equal but for rounding."""
_ROUNDING = 1e-12
_Array = NDArray[np.float64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one cell among all."""

    on_front: bool
    """By the figures as they were measured."""
    probability: float | None
    """Share of the draws in which no cell beats it; None where nothing tells the uncertainty."""
    dominated_by: int | None
    """The cell that beats it most often, by its place; None where none ever does."""


def frontier(
    order: Sequence[CellKey],
    metrics: Sequence[Metric],
    means: Means,
    costs: Mapping[CellKey, CellCosts],
    clusters: Codes | None,
    seed: int,
) -> dict[str, Any] | None:
    """The entry `frontier` of a summary: of the first metric, and of the cells that have it and a cost.

    None without a metric, and where neither direction of it is better. The cells' means of quality and cost are drawn
    from the normal distribution that their covariance over rows (or clusters) gives, so that what makes a row hard or
    long for every cell alike does not pass for a difference.
    """
    metric = next(iter(metrics), None)
    if metric is None or metric.better == "neither":
        return None
    found = []
    for cell in order:
        quality, cost = quality_influence(means[cell, metric.name], metric), cost_influence(costs[cell])
        if quality is not None and cost is not None:
            found.append((cell, quality.by(clusters), cost.by(clusters)))
    sign = -1.0 if metric.better == "lower" else 1.0
    draws = max(_FEWEST_DRAWS, min(DRAWS, _MOST_PAIRS_DRAWN // max(1, len(found)) ** 2))
    figures = np.array([[sign * quality.figure, cost.figure] for _, quality, cost in found]).reshape(-1, 2)
    drawn = _drawn(found, figures, sign, metric, np.random.default_rng(seed), draws) if found else None
    places = standings(figures, drawn)
    return {
        "metric": metric.name,
        "cells": [
            {
                **cell_entry(cell),
                "on_front": place.on_front,
                "probability": place.probability,
                "dominated_by": None if place.dominated_by is None else cell_entry(found[place.dominated_by][0]),
            }
            for (cell, _, _), place in zip(found, places, strict=True)
        ],
        "seed": seed,
        "draws": draws,
    }


def standings(figures: _Array, drawn: _Array | None) -> list[Standing]:
    """The front of `figures` (cells by quality, where more is better, and cost), and how often it holds in `drawn`.

    `drawn` is draws by cells by the two. Cells that are equal in both do not beat each other.
    """
    if not len(figures):
        return []
    spread = np.zeros(2) if drawn is None else drawn.std(axis=0).max(axis=0)
    near = _ALIKE * spread + _ROUNDING * np.abs(figures).max(axis=0)
    measured = np.array([_beaten(figures[None], cell, near)[0] for cell in range(len(figures))])
    if drawn is None:
        return [Standing(not beaten.any(), None, _first(beaten)) for beaten in measured]
    found = []
    for cell, beaten in enumerate(measured):
        by = _beaten(drawn, cell, near)
        often = by.sum(axis=0)
        most = int(np.argmax(often + 0.5 * beaten)) if often.any() else None
        unbeaten = len(by) - int(by.any(axis=1).sum())
        found.append(Standing(not beaten.any(), unbeaten / len(by), most))
    return found


def _beaten(points: _Array, cell: int, near: _Array) -> _Mask:
    """Draws by cells: who is at least as good and as cheap as `cell`, and better or cheaper."""
    better = points[..., 0] - points[:, cell, None, 0]
    dearer = points[..., 1] - points[:, cell, None, 1]
    no_worse = (better >= -near[0]) & (dearer <= near[1])
    return np.asarray(no_worse & ((better > near[0]) | (dearer < -near[1])))


def _first(beaten: _Mask) -> int | None:
    return int(np.argmax(beaten)) if beaten.any() else None


def _drawn(
    found: Sequence[tuple[CellKey, Influence, Influence]],
    figures: _Array,
    sign: float,
    metric: Metric,
    rng: np.random.Generator,
    draws: int,
) -> _Array | None:
    """Draws by cells by quality and cost; None where a cell has a single row."""
    cells = len(found)
    both = [one for _, quality, cost in found for one in (quality, cost)]
    spread = covariance(both)
    if spread is None:
        return None
    turned = np.tile([sign, 1.0], cells)
    spread *= np.outer(turned, turned)
    if metric.scale == "share":
        for place, (_, quality, _) in enumerate(found):
            spread[2 * place, 2 * place] += _unseen_variance(quality)
    errors = np.sqrt(np.diag(spread))
    scale = np.where(errors > 0, errors, 1.0)
    values, vectors = np.linalg.eigh(spread / np.outer(scale, scale))
    roots = np.sqrt(np.where(values > _ROUNDING * max(1.0, values.max()), values, 0.0))
    normal = rng.standard_normal((draws, 2 * cells)) @ (vectors * roots).T
    return np.asarray(figures + (normal * errors).reshape(draws, cells, 2))


def _unseen_variance(quality: Influence) -> float:
    """Of a share of rows that are all alike: as many as 30 of 30 do not make it certain; 0 where rows differ."""
    n = quality.rows.size
    if np.abs(quality.moves).max() > _ROUNDING:
        return 0.0
    interval = wilson(min(1.0, max(0.0, quality.figure)) * n, n)
    return 0.0 if interval is None else ((interval[1] - interval[0]) / 3.92) ** 2
