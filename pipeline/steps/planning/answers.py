"""Some called answers of a stored run, drawn at random where there are many, and grouped by what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.records import ANSWERED
from pipeline.store.current import read_current

MOST_ROWS = 4_000
"""Answers of one run that are looked at; of more, a random part."""
SEED = 0
INPUTS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_COLUMNS = (
    "row_id", "prompt", "model", "params", "status", "usage_source", "source", *INPUTS, "output_tokens", "cost_usd",
    "attempts", "finished_at",
)  # fmt: skip


def sampled(folder: Path, more: tuple[str, ...] = ()) -> pa.Table:
    """Some called answers of a run, drawn at random where there are many."""
    rng = np.random.default_rng(SEED)
    pages: list[pa.Table] = []
    columns = tuple(dict.fromkeys((*_COLUMNS, *more)))

    def take(page: pa.Table) -> None:
        is_called = pc.and_(pc.equal(page["source"], "called"), pc.is_in(page["status"], pa.array(ANSWERED)))
        page = page.filter(pc.fill_null(is_called, False))
        pages.append(_drawn(page, rng))
        if sum(map(len, pages)) > 4 * MOST_ROWS:
            pages[:] = [_drawn(pa.concat_tables(pages), rng)]

    read_current(folder, columns, take)
    return _drawn(pa.concat_tables(pages), rng) if pages else pa.table({name: [] for name in columns})


def _drawn(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    if len(table) <= MOST_ROWS:
        return table
    return table.take(pa.array(np.sort(rng.choice(len(table), MOST_ROWS, replace=False))))


def groups(table: pa.Table, names: Sequence[str]) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """The answers that have the same values in `names`."""
    if not len(table):
        return
    for key in table.group_by(list(names)).aggregate([]).to_pylist():
        yield key, table.filter(reduce(pc.and_, [pc.equal(table[name], key[name]) for name in names]))
