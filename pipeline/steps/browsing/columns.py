"""Columns of a run's jobs as numbers: what single files hold, read ahead by a few threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.store.parts import read_part
from pipeline.store.schema import results_columns
from pipeline.store.sources import Source

NAMED = {"model": "model", "prompt": "prompt", "params": "params", "status": "status", "stop": "stop_reason_raw"}
"""Columns of few different texts, kept as numbers, and what results call them."""
INPUT = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_RESULTS = ("job_id", "row_id", "repeat", *NAMED.values(), *INPUT, "output_tokens", "cost_usd", "latency_ms")
READERS = 2
"""Threads that unpack files."""
A = TypeVar("A")
B = TypeVar("B")
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What one file holds of its jobs, with their places in it; `scores` is None where they have none yet."""

    places: NDArray[np.int64]
    results: pa.Table
    scores: pa.Table | None


class Names:
    """Different texts by number, in the order in which they were first seen."""

    def __init__(self) -> None:
        """Begin without any."""
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text, a new one if it is new."""
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]

    def coded(self, values: pa.ChunkedArray) -> NDArray[np.int32]:
        """A column as numbers; null is the empty text."""
        array = pc.fill_null(values.combine_chunks(), "")
        array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
        encoded = array.dictionary_encode()
        numbers = np.array([self.number(text) for text in encoded.dictionary.to_pylist()], dtype=np.int32)
        return numbers[np.asarray(encoded.indices)] if len(array) else np.zeros(0, dtype=np.int32)


def read_stored(source: Source, scores: Path) -> Stored:
    """What a source and the file of its scores hold; raises DiskError or what is in DAMAGE."""
    pages = list(source.pages(_RESULTS)) or [(np.zeros(0, np.int64), results_columns([], _RESULTS))]
    found = read_part(scores, columns=["job_id", "scorer", "value", "passed"]) if scores.exists() else None
    return Stored(np.concatenate([page[0] for page in pages]), pa.concat_tables([page[1] for page in pages]), found)


def read_ahead(readers: ThreadPoolExecutor, read: Callable[[A], B], things: Iterable[A]) -> Iterator[B]:
    """What `read` makes of each thing, in order; a few are read while the one before is worked on."""
    waiting: deque[Future[B]] = deque()
    for thing in things:
        waiting.append(readers.submit(read, thing))
        if len(waiting) > READERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def hashes(texts: pa.Array | pa.ChunkedArray) -> NDArray[np.uint64]:
    """A number for each text, the same for the same text in this process."""
    column = pl.from_arrow(texts)
    assert isinstance(column, pl.Series)
    found: NDArray[np.uint64] = column.fill_null("").hash().to_numpy()
    return found


def worst(values: NDArray[np.float32], passed: NDArray[np.int8]) -> NDArray[np.float32]:
    """The lowest verdict of each job over its scorers: passed or not where one says so, else the value; NaN without."""
    verdicts = np.where(passed >= 0, passed.astype(np.float32), values)
    if not verdicts.shape[1]:
        return np.full(len(verdicts), np.nan, np.float32)
    lowest = np.where(np.isnan(verdicts), np.float32(np.inf), verdicts).min(axis=1)
    found: NDArray[np.float32] = np.where(np.isinf(lowest), np.float32(np.nan), lowest)
    return found


def floats(column: pa.ChunkedArray, kind: type[np.floating[Any]] = np.float32) -> NDArray[Any]:
    """A column of numbers; null is NaN."""
    return np.asarray(pc.fill_null(column.cast(pa.float64(), safe=False), np.nan)).astype(kind)


def known_sum(table: pa.Table, names: Sequence[str]) -> NDArray[np.float32]:
    """The sum of the known columns; NaN where none is known."""
    columns = np.stack([floats(table[name]) for name in names])
    unknown = np.isnan(columns).all(axis=0)
    total: NDArray[np.float32] = np.where(unknown, np.float32(np.nan), np.nansum(columns, axis=0))
    return total
