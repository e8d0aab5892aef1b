"""A cell of one run against its counterpart in another: the same rows, whole and by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.intervals import clip, mean_se
from pipeline.stats.metrics import RowMeans
from pipeline.stats.paired import compare_arrays, holm

SLICES_SHOWN = 50
"""Values of a column that are compared; the smallest ones beyond are left out."""


class CommonRows:
    """One metric of two cells on the rows that both have scored."""

    def __init__(self, a: RowMeans, b: RowMeans) -> None:
        """Pair by row number."""
        self.rows, in_a, in_b = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
        self.a, self.b = a.means[in_a], b.means[in_b]
        self.repeated = a.repeated or b.repeated
        self.only_a, self.only_b = a.rows.size - self.rows.size, b.rows.size - self.rows.size

    def changed(self, most: int, *, higher: bool) -> NDArray[np.int32]:
        """Row numbers whose value is higher (or lower) in b, the largest changes first, equal ones by row number."""
        change = self.b - self.a if higher else self.a - self.b
        found = np.flatnonzero(change > 0)
        order = found[np.argsort(-change[found], kind="stable")]
        return self.rows[order[:most]].astype(np.int32)

    def compared(self, *, pass_fail: bool, share: bool, within: NDArray[np.bool_] | None = None) -> dict[str, Any]:
        """Mean of b minus mean of a as in a comparison of summary.json, with both means; `within` picks rows."""
        a, b = (self.a, self.b) if within is None else (self.a[within], self.b[within])
        paired = compare_arrays(a, b, pass_fail and not self.repeated)
        interval = paired.ci95
        if interval is not None and share:
            interval = clip(interval, -1.0, 1.0)
        return {
            "n": paired.n,
            "mean_a": mean_se(a)[0],
            "mean_b": mean_se(b)[0],
            "difference": paired.difference,
            "se": paired.se,
            "ci95": None if interval is None else list(interval),
            "gained": paired.gained,
            "lost": paired.lost,
            "p": paired.p,
            "p_adjusted": None,
            "test": paired.test,
            "smallest_detectable": paired.smallest_detectable,
        }


def adjust(entries: Sequence[dict[str, Any]]) -> None:
    """Set `p_adjusted` of entries that are shown together: Holm over all of them."""
    for entry, p in zip(entries, holm([entry["p"] for entry in entries]), strict=True):
        entry["p_adjusted"] = p


def largest_slices(values: NDArray[np.int32], names: Sequence[str]) -> Mapping[str, NDArray[np.bool_]]:
    """Which of the rows have each value, for the most frequent values; `values` index `names`, -1 is none."""
    counts = np.bincount(values[values >= 0], minlength=len(names))
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], names[code]))
    return {names[code]: values == code for code in sorted(order[:SLICES_SHOWN], key=lambda code: names[code])}
