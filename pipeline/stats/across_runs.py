"""A cell of one run against its counterpart in another: the same rows, whole and by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats.cells import ADJUST
from pipeline.stats.comparisons import as_list
from pipeline.stats.differences import compare
from pipeline.stats.estimates import mean_of
from pipeline.stats.intervals import NO_SPREAD
from pipeline.stats.row_means import Codes, RowMeans, common


class CommonRows:
    """One metric of two cells on the rows that both have scored."""

    def __init__(self, a: RowMeans, b: RowMeans) -> None:
        """Pair by row number; values that differ by rounding alone, as means of unlike many repeats do, are equal."""
        self.a, self.b = common(a, b)
        noise = NO_SPREAD * np.maximum(np.abs(self.a.means), np.abs(self.b.means))
        alike = np.abs(self.b.means - self.a.means) <= noise
        self.b = replace(self.b, means=np.where(alike, self.a.means, self.b.means))
        self.only_a, self.only_b = a.n - self.a.n, b.n - self.b.n

    def changed(self, most: int, *, higher: bool) -> Codes:
        """Row numbers whose value is higher (or lower) in b, the largest changes first, equal ones by row number."""
        change = self.b.means - self.a.means if higher else self.a.means - self.b.means
        found = np.flatnonzero(change > 0)
        order = found[np.argsort(-change[found], kind="stable")]
        return self.a.rows[order[:most]]

    def compared(
        self,
        metric: Metric,
        how: StatisticsSettings,
        clusters: Codes | None = None,
        within: NDArray[np.bool_] | None = None,
    ) -> dict[str, Any]:
        """As a comparison of summary.json, with both means; `clusters` and `within` are by row number.

        The p value is not adjusted yet, see `adjust`.
        """
        a, b = (units if within is None else units.where(within[units.rows]) for units in (self.a, self.b))
        found = compare(a, b, metric, how, clusters)
        return {
            "n": found.n,
            "clusters": found.clusters,
            "mean_a": mean_of(a, metric),
            "mean_b": mean_of(b, metric),
            "difference": found.difference,
            "se": found.se,
            "ci95": as_list(found.ci95),
            "gained": found.gained,
            "lost": found.lost,
            "p": found.p,
            "p_adjusted": None,
            "adjust": how.adjust,
            "test": found.test,
            "smallest_detectable": found.smallest_detectable,
        }


def adjust(entries: Sequence[dict[str, Any]], how: StatisticsSettings) -> None:
    """Set `p_adjusted` of entries that are shown together, for their number."""
    for entry, p in zip(entries, ADJUST[how.adjust]([entry["p"] for entry in entries]), strict=True):
        entry["p_adjusted"] = p
