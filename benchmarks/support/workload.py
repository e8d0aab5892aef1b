"""The rows that are sent, and the evaluation that sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.support.answer import MODEL

KEY_ENV = "EVALMILL_BENCH_KEY"
KEY = "sk-benchmark-0000000000000000"
MAX_TOKENS = 512
ROWS_PER_GROUP = 10_000
INSTRUCTION = "\nThink step by step, then give the number."
NAMES = ("Ada", "Bram", "Chidi", "Dalia", "Emil", "Farah", "Goran", "Hana")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What an evaluation folder says."""

    base_url: str
    concurrency: int = 64
    limits: str = ""
    """Lines of the provider's limits table."""
    run: str = ""
    """More lines of the [run] table."""


def question(number: int) -> str:
    """A word problem of about 300 characters; every number has its own."""
    name = NAMES[number % len(NAMES)]
    trays, rolls = 2 + number % 17, 6 + number % 23
    return (
        f"Problem {number}. {name} is a baker and fills {trays} trays with {rolls} rolls each before the shop opens. "
        f"In the morning half of the rolls are sold to early customers, and 6 more are given to a neighbour who helped "
        f"to carry flour. Then one more tray of {rolls} rolls is baked. How many rolls are there now in the shop?"
    )


def write_rows(path: Path, rows: int, *, copies: Callable[[int], int] = lambda number: 1) -> Path:
    """A Parquet file with `id`, `question`, `answer`; kept if it is there already.

    `copies` says how many times a row's question is repeated, to make requests of mixed sizes.
    """
    if path.exists():
        return path
    partial = path.with_suffix(".partial")
    schema = pa.schema([("id", pa.string()), ("question", pa.string()), ("answer", pa.string())])
    with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        for start in range(0, rows, ROWS_PER_GROUP):
            writer.write_table(_table(start, min(rows, start + ROWS_PER_GROUP), copies, schema))
    partial.rename(path)
    return path


def read_questions(path: Path) -> Iterator[tuple[str, str]]:
    """Ids and questions, in order."""
    for batch in pq.ParquetFile(path).iter_batches(columns=["id", "question"]):
        columns = batch.to_pydict()
        yield from zip(columns["id"], columns["question"], strict=True)


def write_evaluation(folder: Path, rows: Path, setup: Setup) -> Path:
    """An evaluation folder: settings, template, provider with a price."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ask.jinja").write_text("{% user %}{{ question }}" + INSTRUCTION + "{% enduser %}\n")
    (folder / "eval.toml").write_text(_eval_toml(rows, setup))
    (folder / "providers.toml").write_text(_providers_toml(setup))
    return folder


def _table(start: int, stop: int, copies: Callable[[int], int], schema: pa.Schema) -> pa.Table:
    numbers = range(start, stop)
    columns = [
        [f"row-{number:07d}" for number in numbers],
        ["\n".join([question(number)] * copies(number)) for number in numbers],
        ["30" if number % 2 else "31" for number in numbers],
    ]
    return pa.table(columns, schema=schema)


def _eval_toml(rows: Path, setup: Setup) -> str:
    return f"""
name = "bench"

[dataset]
path = "{rows}"
id = "id"

[[prompts]]
name = "ask"
template = "ask.jinja"

[[models]]
name = "sonnet"
id = "bench/{MODEL}"
[models.params]
max_tokens = {MAX_TOKENS}
temperature = 0.0

[run]
concurrency = {setup.concurrency}
{setup.run}

[[scorers]]
kind = "number"
expected = "{{{{ answer }}}}"
"""


def _providers_toml(setup: Setup) -> str:
    limits = f"[providers.bench.limits]\n{setup.limits}" if setup.limits else ""
    return f"""
[providers.bench]
protocol = "anthropic-messages"
base_url = "{setup.base_url}"
key_env = "{KEY_ENV}"
{limits}

[[providers.bench.prices]]
model = "{MODEL}"
effective = 2025-09-29
input = "3.00"
output = "15.00"
source = "the benchmarks"
"""
