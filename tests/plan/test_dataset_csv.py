"""CSV and TSV: text as written, and lines of errors."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.core.settings import DatasetSettings
from pipeline.plan.dataset import open_dataset

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def rows_of(path: Path, content: bytes | str) -> list[dict[str, Any]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    dataset = open_dataset(DatasetSettings(path=str(path)))
    return [record for batch in dataset.batches(dataset.survey()) for record in batch.records()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(table=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
def test_what_a_csv_writer_wrote_comes_back(tmp_path: Path, table: list[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([("a", "b"), *table])
    rows = rows_of(tmp_path / "rows.csv", text.getvalue())
    assert [(row["a"], row["b"]) for row in rows] == table


def test_an_empty_field_is_empty_text_quoted_or_not(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "rows.csv", 'a,b\n,""\n') == [{"a": "", "b": ""}]


def test_tabs_separate_a_tsv(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "rows.tsv", "a\tb\n1,5\t2\n") == [{"a": "1,5", "b": "2"}]


def test_a_genuine_single_column_is_fine(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "rows.csv", "question\nwhy?\nhow; so?\n") == [
        {"question": "why?"},
        {"question": "how; so?"},
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", "a\tb\n1\t2\n", "separated by tabs"),
        ("rows.tsv", "a,b\n1,2\n", "separated by commas"),
        ("rows.csv", 'a,b\n"x\ny",1\n\n2\n', ":5: 1 fields, expected 2"),
        ("rows.csv", 'a,b\n1,2\n"x"y,2\n', ":3: text after a closing quote"),
        ("rows.csv", 'a,b\n1,2\n"' + "x\n" * 40, ":3: the quote opened in this record is never closed"),
        ("rows.csv", "a\nx\ny\rz\n", "some lines end in CR only"),
        ("rows.csv", "a,,\n1,2,3\n", "names a column twice: ''"),
        ("rows.csv", b"\xef\xbb\xbfa,b\n1,2\n3\n", ":3: 1 fields, expected 2"),
        ("rows.csv", "a,b\n" + "1,2\n" * 5000 + "3\n", ":5002: 1 fields, expected 2"),
        ("rows.csv", b"a,b\n" + b"1,2\n" * 5000 + b"3,\xff\n", ":5002: not UTF-8"),
        ("rows.csv", b"a,b\n" + b"1,2\n" * 5000 + b"3,\0\n", ":5002: a NUL byte"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path: Path, name: str, content: bytes | str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path / name, content)
    assert name in str(caught.value)
    assert message in str(caught.value)


def test_a_long_document_in_a_field_is_read(tmp_path: Path) -> None:
    text = "word " * 200_000
    assert rows_of(tmp_path / "rows.csv", f'id,text\n1,"{text}"\n')[0]["text"] == text


def test_real_tab_separated_data_has_its_line_count(shared: Path) -> None:
    path = shared / "datasets" / "mgsm" / "mgsm_ja.tsv"
    dataset = open_dataset(DatasetSettings(path=str(path)))
    survey = dataset.survey()
    assert survey.total_rows == len(path.read_text(encoding="utf-8").splitlines()) - 1
    assert len(dataset.columns) == 2


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_surveyed_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,text\n" + "".join(f"{i},hello {i} and some more words\n" for i in range(100_000)))
    begin = time.process_time()
    assert open_dataset(DatasetSettings(path=str(path), id="id")).survey().rows == 100_000
    assert time.process_time() - begin < 3.0
