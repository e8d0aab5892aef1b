"""The answer book: what tables it takes, and how it finds a question in a prompt."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.simulator.answers import AnswerBook
from tests.support.simulator.exchanges import write_book

ROWS = [{"question": "What is 2 + 2?", "answer": "4"}, {"question": "Where is Rome?", "answer": "Italy"}]


def read(path: Path, **options: Any) -> AnswerBook:
    return AnswerBook.from_table(path, question_column="question", answer_column="answer", **options)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_each_kind_of_table_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"book{suffix}"
    frame = pl.DataFrame(ROWS)
    {".parquet": frame.write_parquet, ".csv": frame.write_csv, ".jsonl": frame.write_ndjson}[suffix](path)
    book = read(path)
    assert len(book) == 2
    found = book.find("Please answer.\nQ: What is 2 + 2?\nBe brief.", "any-model")
    assert found is not None
    assert found.answer == "4"


def test_numbers_and_truths_become_text(tmp_path: Path) -> None:
    rows = [{"question": "a?", "answer": 18}, {"question": "b?", "answer": 1.5}, {"question": "c?", "answer": True}]
    book = read(write_book(tmp_path / "b.jsonl", rows))
    found = [book.find(text, "m") for text in ("a?", "b?", "c?")]
    assert [entry and entry.answer for entry in found] == ["18", "1.5", "true"]


REFUSED = [
    ("b.jsonl", '{"question": "a?", "answer": "1"}\nnot json\n', "b.jsonl:2: not JSON"),
    ("b.jsonl", "[1]\n", "b.jsonl:1: a list instead of an object"),
    ("b.jsonl", '{"question": "a?", "solution": "1"}\n', "no column 'answer'; the answer table has question, solution"),
    ("b.jsonl", '{"question": "a?", "answer": null}\n', "row 1 has no answer"),
    ("b.jsonl", '{"question": " ", "answer": "1"}\n', "row 1 has no question"),
    ("b.csv", "question,answer\na?,1\na?,2\n", "row 2 answers '2', an earlier row '1'"),
    ("b.csv", "question,answer\n", "has no rows"),
    ("b.csv", "question,answer\na,1,2,3\n", "cannot be read"),
    ("b.parquet", "not parquet", "cannot be read"),
    ("b.txt", "x", "a .parquet, .csv or .jsonl file, not '.txt'"),
]


@pytest.mark.parametrize(("name", "content", "message"), REFUSED)
def test_a_bad_table_is_refused_with_its_place(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read(path)
    assert message in str(caught.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "none.csv")


def test_of_several_questions_in_a_prompt_the_last_is_asked() -> None:
    book = AnswerBook([("What is one plus one?", "2", None), ("What is one plus three?", "4", None)], source="t")
    shots = "Q: What is one plus three?\nA: 4\n\nQ: What is one plus one?\nA:"
    found = book.find(shots, "m")
    assert found is not None
    assert found.answer == "2"


def test_of_overlapping_questions_the_longest_is_asked() -> None:
    book = AnswerBook([("Tom has 3 apples.", "3", None), ("Tom has 3 apples. Ann takes 1.", "2", None)], source="t")
    found = book.find("Solve: Tom has 3 apples. Ann takes 1. Think.", "m")
    assert found is not None
    assert found.answer == "2"


def test_a_short_question_is_not_found_inside_a_word() -> None:
    book = AnswerBook([("art", "noun", None)], source="t")
    assert book.find("We start early.", "m") is None
    assert book.find("Classify: art", "m") is not None


def test_korean_questions_are_found_after_glued_words() -> None:
    book = AnswerBook([("흡연은 금지됩니다.", "neutral", None)], source="t")
    assert book.find("문장:흡연은 금지됩니다.라는 문장", "m") is not None


def test_rows_of_a_model_column_answer_for_that_model_only() -> None:
    book = AnswerBook([("q one?", "1", "a"), ("q one?", "2", "b")], source="t")
    found = [book.find("q one?", model) for model in "abc"]
    assert [entry and entry.answer for entry in found] == ["1", "2", None]
    assert book.models == {"a", "b"}


def test_worked_solutions_end_in_their_answer(shared: Path) -> None:
    book = read(shared / "datasets" / "gsm8k" / "test.jsonl")
    first = json.loads((shared / "datasets" / "gsm8k" / "test.jsonl").read_text().splitlines()[0])
    found = book.find(first["question"], "m")
    assert found is not None
    assert found.answer == "18"
    assert "<<" not in found.reasoning
    assert found.reasoning.startswith("Janet sells 16 - 3 - 4 = 9 duck eggs")


def test_labels_are_known_where_answers_are_few() -> None:
    rows = [(f"question {n}?", ("entailment", "neutral")[n % 2], None) for n in range(4)]
    assert AnswerBook(rows, source="t").labels == ("entailment", "neutral")
    numbers = [(f"question {n}?", str(n), None) for n in range(8)]
    assert AnswerBook(numbers, source="t").labels == ()


def test_a_large_book_of_like_questions_is_searched_quickly() -> None:
    rows = [(f"What is the sum of the numbers {n} and {n + 1}?", str(2 * n + 1), None) for n in range(100_000)]
    book = AnswerBook(rows, source="t")
    start = time.process_time()
    for n in range(0, 100_000, 200):
        found = book.find(f"Solve this.\n{rows[n][0]}\nThink step by step.", "m")
        assert found is not None
        assert found.answer == str(2 * n + 1)
    assert (time.process_time() - start) / 500 < 0.005


@given(
    st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=8, unique_by=str.strip),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_a_question_on_its_own_lines_is_always_found(questions: list[str], before: str, after: str) -> None:
    book = AnswerBook([(question, question.strip() + "!", None) for question in questions], source="t")
    for question in questions:
        found = book.find(f"{before}\n{question.strip()}\n{after}", "m")
        assert found is not None
        assert found.question in f"{before}\n{question.strip()}\n{after}"
        whole = book.find(question, "m")
        assert whole is not None
        assert whole.question == question.strip()
