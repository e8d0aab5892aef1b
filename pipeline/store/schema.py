"""Arrow schemas of results and scores, and tables made column by column from records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import accumulate, chain
from operator import attrgetter, itemgetter
from typing import Any

import orjson
import pyarrow as pa

from pipeline.core.records import Verdict

VERSION = b"1"
"""Raised when a column changes its meaning or type; stored in every file's metadata."""

MONEY = pa.decimal128(38, 12)
INSTANT = pa.timestamp("us", "UTC")
_TEXT = pa.string()
_LONG = pa.large_string()  # a million long answers in one table pass the 2 GiB that plain strings can address
_COUNT = pa.int64()
_NUMBER = pa.float64()

ATTEMPT = pa.struct(
    [
        ("started_at", INSTANT),
        ("http_status", _COUNT),
        ("error", _TEXT),
        ("latency_ms", _NUMBER),
        ("cost_usd", MONEY),
        ("possibly_paid", pa.bool_()),
        ("booked_usd", MONEY),
    ]
)

RESULTS_SCHEMA = pa.schema(
    [
        ("job_id", _TEXT),
        ("fingerprint", _TEXT),
        ("run_id", _TEXT),
        ("eval", _TEXT),
        ("row_id", _TEXT),
        ("prompt", _TEXT),
        ("model", _TEXT),
        ("provider", _TEXT),
        ("model_requested", _TEXT),
        ("model_served", _TEXT),
        ("params", _TEXT),
        ("repeat", _COUNT),
        ("status", _TEXT),
        ("stop_reason", _TEXT),
        ("stop_reason_raw", _TEXT),
        ("stop_sequence", _TEXT),
        ("text", _LONG),
        ("thinking", _LONG),
        ("content", _LONG),
        ("tool_calls", _LONG),
        ("input_tokens", _COUNT),
        ("cache_read_tokens", _COUNT),
        ("cache_write_5m_tokens", _COUNT),
        ("cache_write_1h_tokens", _COUNT),
        ("output_tokens", _COUNT),
        ("thinking_tokens", _COUNT),
        ("usage_source", _TEXT),
        ("usage_raw", _LONG),
        ("cost_usd", MONEY),
        ("price_id", _TEXT),
        ("lane", _TEXT),
        ("source", _TEXT),
        ("reused_from", _TEXT),
        ("reused_cost_usd", MONEY),
        ("attempts", pa.list_(ATTEMPT)),
        ("error_kind", _TEXT),
        ("error_message", _TEXT),
        ("http_status", _COUNT),
        ("request_id", _TEXT),
        ("queue_ms", _NUMBER),
        ("first_token_ms", _NUMBER),
        ("latency_ms", _NUMBER),
        ("started_at", INSTANT),
        ("finished_at", INSTANT),
        ("shard", _TEXT),
    ],
    metadata={b"evalmill.schema": b"results", b"evalmill.schema_version": VERSION},
)

SCORES_SCHEMA = pa.schema(
    [
        ("run_id", _TEXT),
        ("job_id", _TEXT),
        ("scorer", _TEXT),
        ("value", _NUMBER),
        ("passed", pa.bool_()),
        ("label", _TEXT),
        ("extracted", _LONG),
        ("expected", _LONG),
        ("explanation", _LONG),
        ("status", _TEXT),
        ("sums", pa.list_(_NUMBER)),
    ],
    metadata={b"evalmill.schema": b"scores", b"evalmill.schema_version": VERSION},
)

_VERDICT_FIELDS = list(SCORES_SCHEMA)[3:]
_VERDICT = attrgetter(*(field.name for field in _VERDICT_FIELDS))


def results_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Make a table of rows as the journal holds them: Decimals and instants as strings.

    A value that does not fit its column (a count beyond 64 bits, "NaN" dollars) becomes null; its row is kept.
    """
    return pa.Table.from_arrays(_arrays(rows, list(RESULTS_SCHEMA)), schema=RESULTS_SCHEMA)


def results_columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pa.Table:
    """Make a table of some columns of such rows."""
    fields = [RESULTS_SCHEMA.field(name) for name in names]
    return pa.Table.from_arrays(_arrays(rows, fields), schema=pa.schema(fields))


def scores_table(results: pa.RecordBatch, scorer: str, verdicts: Sequence[Verdict]) -> pa.Table:
    """Make a table of one scorer's verdicts on `results` (their columns run_id and job_id), in that order."""
    values = list(zip(*map(_VERDICT, verdicts), strict=True)) or [()] * len(_VERDICT_FIELDS)
    arrays = [
        results["run_id"].cast(_TEXT),
        results["job_id"].cast(_TEXT),
        pa.repeat(pa.scalar(scorer, _TEXT), results.num_rows),
        *(_array(column, field.type) for column, field in zip(values, _VERDICT_FIELDS, strict=True)),
    ]
    return pa.Table.from_arrays(arrays, schema=SCORES_SCHEMA)


def _arrays(rows: Sequence[Mapping[str, Any]], fields: Sequence[pa.Field]) -> list[pa.Array]:
    columns = _columns(rows, [field.name for field in fields])
    return [_array(column, field.type) for column, field in zip(columns, fields, strict=True)]


def _columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Sequence[Sequence[Any]]:
    try:
        columns = list(zip(*map(itemgetter(*names), rows), strict=True))
    except KeyError:  # written before a column was added
        return [[row.get(name) for row in rows] for name in names]
    return columns or [()] * len(names)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return _list_array(values, kind)
    try:
        return _exact(values, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        repair = _REPAIRS.get(kind)
        fitting = values if repair is None else [None if value is None else repair(value) for value in values]
        return pa.array([_fitting(value, kind) for value in fitting], kind)


def _exact(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind in (MONEY, INSTANT):
        return pa.array(values, _TEXT).cast(kind)
    return pa.array(values, kind)


def _list_array(values: Sequence[Any], kind: pa.ListType) -> pa.Array:
    lists = [value or () for value in values]
    offsets = pa.array([0, *accumulate(map(len, lists))], pa.int32())
    fields = list(kind.value_type)
    arrays = _arrays(list(chain.from_iterable(lists)), fields)
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(arrays, fields=fields), type=kind)


def _fitting(value: Any, kind: pa.DataType) -> Any:
    try:
        return _exact([value], kind)[0].as_py()
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return None


def _money_text(value: Any) -> str | None:
    try:
        return str(Decimal(str(value)).quantize(Decimal("1E-12")))
    except InvalidOperation:
        return None


def _plain_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


_REPAIRS: dict[pa.DataType, Callable[[Any], Any]] = {MONEY: _money_text, _TEXT: _plain_text, _LONG: _plain_text}
