"""The example datasets: facts, cards, reproducibility."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATASETS = ROOT / "datasets"
LABELS = ("긍정", "부정", "중립")


def read_arithmetic() -> list[dict[str, Any]]:
    return pq.read_table(DATASETS / "arithmetic.parquet").to_pylist()


def read_reviews() -> list[dict[str, str]]:
    with (DATASETS / "sentiment-ko.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_rows(file: str) -> list[dict[str, Any]]:
    path = DATASETS / file
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DATASETS / "make_arithmetic.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60)


# Cards


FILES = (
    *("arithmetic.parquet", "sentiment-ko.csv", "shapes.csv", "tool-calls.jsonl", "notices.jsonl"),
    *("manual-questions.csv", "dialogues.jsonl", "facts.csv"),
)


def card_of(file: str) -> str:
    return (DATASETS / file).with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES)
def test_a_card_gives_the_hash_rows_and_licence_of_its_file(file: str) -> None:
    text = card_of(file)
    assert text.startswith(f"# {file}\n")
    assert re.findall(r"\b[0-9a-f]{64}\b", text) == [sha256((DATASETS / file).read_bytes()).hexdigest()]
    assert f"| Rows | {len(read_rows(file))} |" in text
    assert "| Licence | CC0-1.0 |" in text


def test_every_data_file_has_a_card_that_the_readme_links_with_its_rows() -> None:
    files = {path.name for path in DATASETS.iterdir() if path.suffix in {".parquet", ".csv", ".jsonl", ".arrow"}}
    readme = (DATASETS / "README.md").read_text(encoding="utf-8")
    assert files == set(FILES)
    listed = re.findall(r"^\| `([\w.-]+)`.*? \| (\d+) \|.*\| \[[\w.-]+\]\((.+?)\) \|$", readme, flags=re.MULTILINE)
    assert sorted(listed) == sorted(
        (file, str(len(read_rows(file))), Path(file).with_suffix(".md").name) for file in FILES
    )


@pytest.mark.parametrize("file", FILES)
def test_the_card_lists_the_columns_of_the_file(file: str) -> None:
    section = card_of(file).split("## Columns")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", section, flags=re.MULTILINE) == list(read_rows(file)[0])


def test_the_arithmetic_card_counts_the_steps() -> None:
    counts = Counter(row["steps"] for row in read_arithmetic())
    line = "| rows | " + " | ".join(str(counts[steps]) for steps in (1, 2, 3, 4)) + " |"
    assert line in (DATASETS / "arithmetic.md").read_text(encoding="utf-8")


def test_the_review_card_counts_what_is_hard_to_read() -> None:
    reviews = [row["review"] for row in read_reviews()]
    card = " ".join((DATASETS / "sentiment-ko.md").read_text(encoding="utf-8").split())
    lengths = [len(review) for review in reviews]
    emoji = re.compile("[\U0001f000-\U0001ffff\u2764]")
    assert f"{min(lengths)} to {max(lengths)} characters" in card
    for count, words in (
        (sum("," in review for review in reviews), "reviews with commas"),
        (sum('"' in review for review in reviews), "with double quotes"),
        (sum("\n" in review for review in reviews), "with line breaks"),
        (sum(emoji.search(review) is not None for review in reviews), "with emoji"),
    ):
        assert f"{count} {words}" in card


def test_the_data_folders_are_no_packages() -> None:
    assert not list(DATASETS.rglob("__init__.py")) + list((ROOT / "prompts").rglob("__init__.py"))


# arithmetic.parquet


def test_the_arithmetic_table_has_the_promised_columns_and_no_nulls() -> None:
    table = pq.read_table(DATASETS / "arithmetic.parquet")
    types = {
        "id": pa.string(),
        "question": pa.string(),
        "answer": pa.string(),
        "steps": pa.int64(),
        "topic": pa.string(),
    }
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == types
    assert table.num_rows == 360
    assert sum(column.null_count for column in table.columns) == 0


def test_arithmetic_ids_and_questions_are_unique() -> None:
    rows = read_arithmetic()
    assert [row["id"] for row in rows] == [f"ar-{number:03}" for number in range(1, 361)]
    assert len({row["question"] for row in rows}) == 360


def test_arithmetic_answers_are_plain_decimals() -> None:
    for row in read_arithmetic():
        assert re.fullmatch(r"[1-9]\d*|\d+\.\d?[1-9]", row["answer"]), row
        assert Decimal(row["answer"]) > 0


def test_arithmetic_problems_vary_in_form_topic_and_difficulty() -> None:
    rows = read_arithmetic()
    forms = {(row["topic"], re.sub(r"[A-Z]\w+|[\d.,]+", "#", row["question"].rsplit(". ")[-1])[:24]) for row in rows}
    assert Counter(row["steps"] for row in rows).keys() == {1, 2, 3, 4}
    assert len({row["topic"] for row in rows}) == 14
    assert len(forms) >= 24


def test_the_first_rounds_of_arithmetic_cover_every_topic() -> None:
    rows = read_arithmetic()
    for start in range(0, 360, 30):
        assert {row["topic"] for row in rows[start : start + 30]} == {row["topic"] for row in rows}


def test_questions_are_clean_sentences_without_gaps() -> None:
    for row in read_arithmetic():
        question = row["question"]
        assert question.endswith("?")
        assert question == " ".join(question.split())
        assert not re.search(r"[{}]|\bNone\b|Decimal", question)


def solve_change(question: str) -> Decimal:
    n, price, note = re.search(r"buys (\d+) \w+ at \$([\d.]+) each and pays with a \$(\d+)", question).groups()  # type: ignore[union-attr]
    return Decimal(note) - int(n) * Decimal(price)


def solve_sale(question: str) -> Decimal:
    price, percent = re.search(r"costs \$(\d+)\. In the sale it is (\d+)%", question).groups()  # type: ignore[union-attr]
    return Decimal(price) * (100 - int(percent)) / 100


def solve_simple_interest(question: str) -> Decimal:
    amount, percent, years = re.search(r"puts \$([\d,]+) .* pays (\d+)% .* after (\d+) years", question).groups()  # type: ignore[union-attr]
    return Decimal(amount.replace(",", "")) * (100 + int(percent) * int(years)) / 100


def solve_opposite(question: str) -> Decimal:
    a, b, hours = re.search(r"at (\d+) km/h and \S+ at (\d+) km/h.* after ([\d.]+) hours", question).groups()  # type: ignore[union-attr]
    return (int(a) + int(b)) * Decimal(hours)


@pytest.mark.parametrize(
    ("mark", "solve"),
    [
        ("get back?", solve_change),
        ("In the sale", solve_sale),
        ("simple interest", solve_simple_interest),
        ("opposite directions", solve_opposite),
    ],
)
def test_answers_follow_from_the_text_of_the_question(mark: str, solve: Any) -> None:
    rows = [row for row in read_arithmetic() if mark in row["question"]]
    assert len(rows) == 12
    assert [Decimal(row["answer"]) for row in rows] == [solve(row["question"]) for row in rows]


def test_the_arithmetic_file_is_what_its_templates_give() -> None:
    done = run_script("--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "360 rows" in done.stdout


def test_the_check_finds_one_changed_answer(tmp_path: Path) -> None:
    table = pq.read_table(DATASETS / "arithmetic.parquet")
    answers = table["answer"].to_pylist()
    changed = table.set_column(
        2, table.schema.field("answer"), pa.array([*answers[:-1], answers[-1] + "0"], pa.string())
    )
    pq.write_table(changed, tmp_path / "changed.parquet")
    done = run_script("--check", "--file", str(tmp_path / "changed.parquet"))
    assert done.returncode == 1
    assert "ar-360" in done.stdout


def test_the_check_finds_a_missing_file_row_or_column(tmp_path: Path) -> None:
    table = pq.read_table(DATASETS / "arithmetic.parquet")
    pq.write_table(table.slice(1), tmp_path / "short.parquet")
    pq.write_table(table.drop_columns(["topic"]), tmp_path / "narrow.parquet")
    for name, words in (("absent", "missing"), ("short", "359 rows"), ("narrow", "other columns")):
        done = run_script("--check", "--file", str(tmp_path / f"{name}.parquet"))
        assert (done.returncode, words in done.stdout) == (1, True), done


# sentiment-ko.csv


def test_the_reviews_are_utf8_with_lf_and_no_byte_order_mark() -> None:
    raw = (DATASETS / "sentiment-ko.csv").read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert raw.decode("utf-8").startswith("id,review,label,domain\n")


def test_labels_and_domains_are_balanced() -> None:
    cells = Counter((row["label"], row["domain"]) for row in read_reviews())
    assert set(cells) == {(label, domain) for label in LABELS for domain in ("상품", "식당", "앱", "영화")}
    assert set(cells.values()) == {12}


def test_reviews_are_unique_trimmed_and_none_holds_another() -> None:
    rows = read_reviews()
    reviews = [row["review"] for row in rows]
    assert [row["id"] for row in rows] == [f"ko-{number:03}" for number in range(1, len(rows) + 1)]
    assert all(review == review.strip() and review for review in reviews)
    assert len({review.split("\n")[0] for review in reviews}) == len(reviews)
    assert not [(a, b) for a in reviews for b in reviews if a != b and a in b]


def test_no_review_names_its_own_label() -> None:
    assert not [row["id"] for row in read_reviews() if any(label in row["review"] for label in LABELS)]


def test_reviews_use_all_that_a_csv_reader_must_manage() -> None:
    reviews = [row["review"] for row in read_reviews()]
    assert min(len(review) for review in reviews) < 20
    assert max(len(review) for review in reviews) > 150
    for mark in (",", '"', "\n", "\n\n", "😍"):
        assert any(mark in review for review in reviews), mark
