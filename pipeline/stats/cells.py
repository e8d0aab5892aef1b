"""What a run is made of: cells of one model, prompt and combination of the grid, and the pairs that are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from pipeline.core.settings import Adjustment
from pipeline.stats.multiple import benjamini_hochberg, holm
from pipeline.stats.row_means import RowMeans

CellKey = tuple[str, str, str]
"""Model, prompt, params."""
Means = Mapping[tuple[CellKey, str], RowMeans]
"""By cell and metric."""

ADJUST: Mapping[Adjustment, Callable[[Sequence[float | None]], list[float | None]]] = {
    "holm": holm,
    "benjamini_hochberg": benjamini_hochberg,
}


def cell_entry(cell: CellKey) -> dict[str, str]:
    """Name a cell as summary.json does."""
    model, prompt, params = cell
    return {"model": model, "prompt": prompt, "params": params}


def pairs(cells: Sequence[CellKey]) -> list[tuple[CellKey, CellKey]]:
    """The pairs that differ in exactly one of model, prompt and params; the earlier cell comes first."""
    return [(a, b) for a, b in combinations(cells, 2) if sum(x != y for x, y in zip(a, b, strict=True)) == 1]


def cell_order(
    cells: Sequence[CellKey], models: Sequence[str], prompts: Sequence[str], params: Sequence[str]
) -> list[CellKey]:
    """Cells in the order of these names, what they do not name after them as it was first seen."""
    by_model = _ranks([*models, *(model for model, _, _ in cells)])
    by_prompt = _ranks([*prompts, *(prompt for _, prompt, _ in cells)])
    by_params = _ranks([*params, *(text for _, _, text in cells)])
    return sorted(cells, key=lambda cell: (by_model[cell[0]], by_prompt[cell[1]], by_params[cell[2]]))


def _ranks(names: Sequence[str]) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(dict.fromkeys(names))}
