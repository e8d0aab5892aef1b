"""Write arithmetic.parquet from its templates, or with --check compare the file with what they give.

    python datasets/make_arithmetic.py            writes datasets/arithmetic.parquet and prints its sha256
    python datasets/make_arithmetic.py --check    exit 1 if the file's table differs in any value, name or type

Seeded and offline: the same templates give the same table on every machine. Each answer is computed twice,
from the template's expression and by its own code, in exact arithmetic; a difference stops the script.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from arithmetic_problems import PROBLEMS
from word_problem import Instance, Problem, fill

SEED = 20261123
PER_PROBLEM = 12
TRIES = 20_000
TARGET = Path(__file__).with_name("arithmetic.parquet")
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("steps", pa.int64(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
    ]
)


def instances(problem: Problem, rng: random.Random, count: int) -> list[Instance]:
    """Fill `problem` until `count` different questions stand."""
    found: dict[str, Instance] = {}
    for _ in range(TRIES):
        instance = fill(problem, rng)
        if instance is not None:
            found.setdefault(instance.question, instance)
        if len(found) == count:
            return list(found.values())
    raise ValueError(f"only {len(found)} of {count} problems after {TRIES} tries: {problem.text}")


def all_instances() -> Iterator[Instance]:
    """Deal the problems in rounds, one of each template, so that any first rows are a mixture."""
    columns = [
        instances(problem, random.Random(f"{SEED}/{index}"), PER_PROBLEM) for index, problem in enumerate(PROBLEMS)
    ]
    for dealt in zip(*columns, strict=True):
        yield from dealt


def make_table() -> pa.Table:
    """The whole dataset."""
    rows = list(all_instances())
    if len({row.question for row in rows}) != len(rows):
        raise ValueError("two rows ask the same question")
    columns = {
        "id": [f"ar-{number:03}" for number in range(1, len(rows) + 1)],
        "question": [row.question for row in rows],
        "answer": [row.answer for row in rows],
        "steps": [row.steps for row in rows],
        "topic": [row.topic for row in rows],
    }
    return pa.table(columns, schema=SCHEMA)


def check(table: pa.Table, path: Path) -> str | None:
    """Say how the file at `path` differs from `table`; None if it does not."""
    if not path.is_file():
        return f"{path} is missing; run this script without --check to write it"
    on_disk = pq.read_table(path)
    if not on_disk.schema.equals(table.schema):
        return f"{path} has other columns or types:\n{on_disk.schema}"
    if on_disk.num_rows != table.num_rows:
        return f"{path} has {on_disk.num_rows} rows, the templates give {table.num_rows}"
    pairs = zip(on_disk.to_pylist(), table.to_pylist(), strict=True)
    return next(
        (f"{path} row {n}: {found}\nexpected: {made}" for n, (found, made) in enumerate(pairs) if found != made), None
    )


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description="Write datasets/arithmetic.parquet, or check it.")
    parser.add_argument("--check", action="store_true", help="compare the file with the templates, write nothing")
    parser.add_argument("--file", type=Path, default=TARGET, help="another place for the file")
    arguments = parser.parse_args()
    table = make_table()
    if not arguments.check:
        pq.write_table(table, arguments.file, compression="zstd", write_page_checksum=True)
        print(sha256(arguments.file.read_bytes()).hexdigest())
        return 0
    difference = check(table, arguments.file)
    print(difference or f"{arguments.file.name}: {table.num_rows} rows as the templates give them")
    return 0 if difference is None else 1


if __name__ == "__main__":
    sys.exit(main())
