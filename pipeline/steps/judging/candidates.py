"""The answers of a run as judges see them: an index without texts, in the order of the rows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.records import Status
from pipeline.store.parts import group_sizes, read_group, read_part
from pipeline.store.run_store import RunStore

_PLACE = ["job_id", "row_id", "prompt", "model", "params", "repeat", "status"]
_SAID = ["text", "tool_calls"]


class Candidate(NamedTuple):
    """One answer, without its text."""

    number: int
    """Of its row among the run's rows."""
    part: int
    job_id: str
    row_id: str
    prompt: str
    model: str
    params: str
    repeat: int
    status: Status
    said: str
    """Digest of the text: another text is judged anew."""
    length: int
    """Characters without the white space around them."""


class Candidates:
    """Every result of a run; 1,000,000 take about 250 MB."""

    def __init__(self, store: RunStore) -> None:
        """Read the results once, part by part; raises DataError for a result whose row is not there."""
        self._parts = store.parts()
        numbers = _row_ids(store.folder)
        tables = [_index(path, position, numbers) for position, path in enumerate(self._parts)]
        table = pa.concat_tables(tables) if tables else _empty()
        self._table = table.sort_by([("number", "ascending"), ("job_id", "ascending")]).combine_chunks()
        self._numbers: NDArray[np.int32] = np.asarray(self._table["number"])
        self.rows = len(numbers)

    def between(self, start: int, stop: int) -> list[Candidate]:
        """The answers to the rows start..stop, by row."""
        low, high = np.searchsorted(self._numbers, [start, stop])
        return _candidates(self._table.slice(low, high - low))

    def to_rows_of(self, part: Path) -> list[Candidate]:
        """All answers to the rows that a part has answers to."""
        position = self._parts.index(part)
        mine = np.unique(self._numbers[np.asarray(self._table["part"]) == position])
        return _candidates(self._table.filter(pa.array(np.isin(self._numbers, mine))))

    def of_part(self, name: str) -> list[Candidate]:
        """The answers in the part of that file name."""
        position = [path.name for path in self._parts].index(name)
        return _candidates(self._table.filter(pc.equal(self._table["part"], position)))

    def texts(self, wanted: Collection[Candidate]) -> dict[str, str]:
        """What some answers say, by job id; memory holds one part beside them."""
        by_part: dict[int, list[str]] = defaultdict(list)
        for candidate in wanted:
            by_part[candidate.part].append(candidate.job_id)
        found: dict[str, str] = {}
        for position, job_ids in by_part.items():
            table = read_part(self._parts[position], columns=["job_id", *_SAID])
            ids = table["job_id"]
            rows = table.filter(pc.is_in(ids, value_set=pa.array(job_ids, ids.type))).to_pylist()
            found.update((row["job_id"], answer_text(row)) for row in rows)
        return found


def answer_text(result: Mapping[str, Any]) -> str:
    """An answer as a judge reads it: its text, and the tools that it calls as JSON."""
    calls = result["tool_calls"]
    spelt = [] if calls is None else [json.dumps(json.loads(calls), ensure_ascii=False, indent=1)]
    return "\n".join(part for part in (result["text"], *spelt) if part)


def _candidates(table: pa.Table) -> list[Candidate]:
    columns = (table[name].to_pylist() for name in Candidate._fields)
    return [Candidate(*values) for values in zip(*columns, strict=True)]


def _row_ids(folder: Path) -> pa.Array:
    """The ids of a run's rows in their order."""
    chunks = [
        read_group(file, group, columns=["row_id"])["row_id"].combine_chunks().cast(pa.string())
        for file in sorted((folder / "rows").glob("*.parquet"))
        for group in range(len(group_sizes(file)))
    ]
    return pa.chunked_array(chunks, pa.string()).combine_chunks()


def _index(path: Path, position: int, row_ids: pa.Array) -> pa.Table:
    table = read_part(path, columns=[*_PLACE, *_SAID])
    numbers = pc.index_in(table["row_id"].cast(pa.string()), value_set=row_ids)
    if numbers.null_count:
        raise DataError(f"{numbers.null_count} row ids of {path.name} are not among the run's rows")
    said, lengths = _said(table.select(_SAID).to_batches(max_chunksize=500))
    placed = table.select(_PLACE)
    placed = placed.append_column("number", numbers.cast(pa.int32()))
    placed = placed.append_column("part", pa.array(np.full(table.num_rows, position, np.int32)))
    placed = placed.append_column("said", pa.array(said, pa.string()))
    return placed.append_column("length", pa.array(lengths, pa.int64()))


def _said(batches: Iterable[pa.RecordBatch]) -> tuple[list[str], list[int]]:
    digests, lengths = [], []
    for batch in batches:
        for row in batch.to_pylist():
            text = answer_text(row)
            digests.append(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
            lengths.append(len(text.strip()))
    return digests, lengths


def _empty() -> pa.Table:
    names = {"number": pa.int32(), "part": pa.int32(), "repeat": pa.int64(), "length": pa.int64()}
    return pa.table({name: pa.array([], names.get(name, pa.string())) for name in Candidate._fields})
