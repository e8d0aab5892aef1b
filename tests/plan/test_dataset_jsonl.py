"""JSONL: values come back as they were written, whatever their shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.core.settings import DatasetSettings
from pipeline.plan.dataset import Dataset, open_dataset

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SCALAR = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(-1e9, 1e9) | TEXT
NESTED = st.lists(st.recursive(SCALAR, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)), max_size=4)


def opened(path: Path, content: bytes | str) -> Dataset:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_dataset(DatasetSettings(path=str(path)))


def rows_of(path: Path, content: bytes | str) -> list[dict[str, Any]]:
    dataset = opened(path, content)
    return [record for batch in dataset.batches(dataset.survey()) for record in batch.records()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(values=st.lists(NESTED, min_size=1, max_size=5))
def test_nested_values_come_back_exactly(tmp_path: Path, values: list[Any]) -> None:
    lines = b"\n".join(orjson.dumps({"v": value}) for value in values)
    found = [row["v"] for row in rows_of(tmp_path / "rows.jsonl", lines)]
    # repr tells 1 from 1.0 and True; the order of an object's keys is free.
    assert list(map(canonical, found)) == list(map(canonical, values))


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def test_equal_objects_become_structs(tmp_path: Path) -> None:
    dataset = opened(tmp_path / "rows.jsonl", '{"v":{"a":1,"b":null}}\n{"v":{"b":"x","a":2}}\n')
    assert dataset.schema.field("v").type == pa.struct([("a", pa.int64()), ("b", pa.string())])


def test_objects_with_different_keys_gain_none(tmp_path: Path) -> None:
    blocks = [[{"type": "text", "text": "a"}], [{"type": "image", "source": {"type": "url"}}]]
    lines = "".join(json.dumps({"content": block}) + "\n" for block in blocks)
    assert [row["content"] for row in rows_of(tmp_path / "rows.jsonl", lines)] == blocks


def test_whole_numbers_stay_whole_beside_decimals(tmp_path: Path) -> None:
    values = [row["v"] for row in rows_of(tmp_path / "rows.jsonl", '{"v":18}\n{"v":2.5}\n')]
    assert list(map(repr, values)) == ["18", "2.5"]


def test_a_column_first_seen_late_is_kept(tmp_path: Path) -> None:
    content = '{"a":1}\n' * 5000 + '{"a":2,"late":"here"}\n'
    rows = rows_of(tmp_path / "rows.jsonl", content)
    assert rows[0] == {"a": 1, "late": None}
    assert rows[-1] == {"a": 2, "late": "here"}


def test_dates_stay_text(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "rows.jsonl", '{"d":"2024-01-01"}\n') == [{"d": "2024-01-01"}]


def test_a_mark_blank_lines_and_crlf_are_accepted(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"a":1}\r\n\r\n  \n{"a":2}'
    assert rows_of(tmp_path / "rows.ndjson", content) == [{"a": 1}, {"a": 2}]


def test_several_files_have_the_union_of_their_columns(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x":1}\n')
    (tmp_path / "b.jsonl").write_text('{"y":"t"}\n')
    dataset = open_dataset(DatasetSettings(path=f"{tmp_path}/*.jsonl"))
    rows = [row for batch in dataset.batches(dataset.survey()) for row in batch.records()]
    assert rows == [{"x": 1, "y": None}, {"x": None, "y": "t"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a":1}\n{"a":\n', "rows.jsonl:2: not a JSON object"),
        ('{"a":1}\n[1,2]\n', "rows.jsonl:2: a list; expected one JSON object a line"),
        ('{"a":1}\n7\n', "rows.jsonl:2: the value"),
        ('[\n{"a":1}\n]\n', "rows.jsonl:1: a JSON document over several lines"),
        ('{"a":1}\n{"a":"x"}\n', "rows.jsonl:2: column 'a' is text here but a number at"),
        ('{"a":"x"}\n{"a":null}\n{"a":true}\n', "rows.jsonl:3: column 'a' is true/false here but text at"),
        ('{"a":1}\n{"a":2.5}\n{"a":"x"}\n', "rows.jsonl:3: column 'a' is text here but a number at"),
        ('{"a":18446744073709551616}\n', "rows.jsonl:1: the integer 18446744073709551616 does not fit 64 bits"),
        ('{"a":{"b":-9223372036854775809}}\n', "does not fit 64 bits"),
        (b'{"a":1}\n{"a":"\xff"}\n', "rows.jsonl:2: not UTF-8"),
        ('{"a":"\\ud800"}\n', "rows.jsonl:1: not a JSON object"),
        ('{"a":NaN}\n', "rows.jsonl:1: not a JSON object"),
        ("[" * 100_000 + "\n", "rows.jsonl:1: not a JSON object"),
        ("{}\n{}\n", "no columns"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path: Path, content: bytes | str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path / "rows.jsonl", content)
    assert message in str(caught.value)


def test_a_genuine_large_float_is_accepted(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "rows.jsonl", '{"a":1e300}\n{"a":0.5}\n') == [{"a": 1e300}, {"a": 0.5}]


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r":1: a line longer than"):
        opened(tmp_path / "rows.jsonl", b'{"a":"' + b"x" * (17 << 20) + b'"}')


def test_recorded_answers_keep_their_nested_columns(shared: Path) -> None:
    path = shared / "datasets" / "gsm8k" / "example_model_solutions.jsonl"
    dataset = open_dataset(DatasetSettings(path=str(path)))
    rows = [row for batch in dataset.batches(dataset.survey()) for row in batch.records()]
    assert rows == [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows[0]["175b_verification"]["solution"].startswith("Janet")
    assert sum(row["175b_verification"]["is_correct"] for row in rows) == 742
