from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipeline.core.records import Attempt, Result, Verdict
from pipeline.store.journal import decode_line, encode_record
from pipeline.store.schema import RESULTS_SCHEMA, SCORES_SCHEMA, results_table, scores_table
from tests.support.store import COST, STAMP, result


def through_the_journal(*results: Result) -> pa.Table:
    return results_table([decode_line(encode_record(one)) or {} for one in results])


def jobs(*ids: str) -> pa.RecordBatch:
    return pa.record_batch({"run_id": pa.array(["r1"] * len(ids), pa.string()), "job_id": pa.array(ids, pa.string())})


def test_the_columns_are_the_fields_of_the_records_in_their_order() -> None:
    assert RESULTS_SCHEMA.names == [field.name for field in fields(Result)]
    assert SCORES_SCHEMA.names == ["run_id", "job_id", "scorer", *(field.name for field in fields(Verdict))]
    attempt = RESULTS_SCHEMA.field("attempts").type.value_type
    assert [field.name for field in attempt] == [field.name for field in fields(Attempt)]


def test_a_result_comes_back_as_it_was() -> None:
    one = result(7, tool_calls="[]", queue_ms=0.25, repeat=3)
    row = through_the_journal(one).to_pylist()[0]
    expected: dict[str, Any] = {field.name: getattr(one, field.name) for field in fields(Result)}
    expected["attempts"] = [{field.name: getattr(one.attempts[0], field.name) for field in fields(Attempt)}]
    assert row == expected


def test_money_is_exact_to_twelve_places_and_has_its_type() -> None:
    table = through_the_journal(result(cost_usd=Decimal("1E-12")), result(cost_usd=None))
    assert table["cost_usd"].to_pylist() == [Decimal("0.000000000001"), None]
    assert table.schema.field("cost_usd").type == pa.decimal128(38, 12)


@pytest.mark.parametrize(
    ("cost", "stored"),
    [
        (Decimal("0.12345678901234567"), Decimal("0.123456789012")),
        (Decimal("NaN"), None),
        (Decimal("Infinity"), None),
        (Decimal("1E+40"), None),
    ],
)
def test_a_cost_that_does_not_fit_keeps_its_row(cost: Decimal, stored: Decimal | None) -> None:
    table = through_the_journal(result(1, cost_usd=cost), result(2))
    assert table["cost_usd"].to_pylist() == [stored, COST]


@pytest.mark.parametrize("count", [2**63, 2**64 - 1, 2**200])
def test_a_count_beyond_64_bits_keeps_its_row_and_becomes_unknown(count: int) -> None:
    table = through_the_journal(result(1, input_tokens=count), result(2, input_tokens=3))
    assert table["input_tokens"].to_pylist() == [None, 3]
    assert table["text"].null_count == 0


def test_a_text_column_takes_what_is_no_text() -> None:
    table = through_the_journal(result(1, stop_reason_raw={"odd": 1}), result(2, stop_reason_raw="stop"))
    assert table["stop_reason_raw"].to_pylist() == ['{"odd":1}', "stop"]


def test_instants_are_utc_with_microseconds_whatever_zone_they_came_in() -> None:
    seoul = STAMP.astimezone(timezone(timedelta(hours=9)))
    table = through_the_journal(result(started_at=seoul, finished_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert table["started_at"].to_pylist() == [STAMP]
    assert table["finished_at"].to_pylist() == [datetime(2026, 1, 1, tzinfo=UTC)]


def test_rows_written_before_a_column_existed_have_nulls_there() -> None:
    row = decode_line(encode_record(result()))
    assert row is not None
    del row["price_id"], row["attempts"]
    table = results_table([row])
    assert table["price_id"].to_pylist() == [None]
    assert table["attempts"].to_pylist() == [[]]


def test_no_rows_make_an_empty_table_with_all_columns() -> None:
    assert results_table([]).schema.equals(RESULTS_SCHEMA, check_metadata=True)
    assert scores_table(jobs(), "number", []).schema.equals(SCORES_SCHEMA, check_metadata=True)


def test_an_all_null_column_keeps_its_type_and_the_version_is_in_the_metadata() -> None:
    table = through_the_journal(result(thinking=None))
    assert table.schema.field("thinking").type == pa.large_string()
    assert table.schema.metadata[b"evalmill.schema_version"] == b"1"


def test_verdicts_come_back_as_they_were() -> None:
    verdict = Verdict(value=1.0, passed=True, extracted="42", expected="42")
    unscored = replace(verdict, value=None, passed=None, status="unscored")
    translated = Verdict(value=31.5, sums=(4, 5, 3, 2, 1, 0, 4, 3, 2, 1))
    rows = scores_table(jobs("a", "b", "c"), "number", [verdict, unscored, translated]).to_pylist()
    assert [(row["run_id"], row["job_id"], row["scorer"]) for row in rows] == [("r1", job, "number") for job in "abc"]
    for row, one in zip(rows, (verdict, unscored, translated), strict=True):
        kept = {field.name: getattr(one, field.name) for field in fields(Verdict)}
        assert {name: row[name] for name in kept} == {**kept, "sums": None if one.sums is None else list(one.sums)}
