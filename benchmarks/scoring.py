"""Scoring a million stored answers with three scorers, beside the scorers alone on answers in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.support.answer import TEXT
from benchmarks.support.child import EVALMILL, measure, python
from benchmarks.support.figures import Figure
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.work import WORK, work_folder
from benchmarks.support.workload import ROWS_PER_GROUP, question

TIMEOUT_SECONDS = 1200.0
EVAL = """
name = "scoring"

[dataset]
path = "{rows}"
id = "id"

[[prompts]]
name = "ask"
template = "ask.jinja"

[[models]]
name = "stored"
id = "recorded/stored"
answer = "{{{{ said }}}}"

[[scorers]]
kind = "exact"
expected = "{{{{ answer }}}}"

[[scorers]]
kind = "number"
expected = "{{{{ answer }}}}"

[[scorers]]
kind = "choice"
expected = "{{{{ label }}}}"
"""


def run(*, quick: bool) -> Measurement:
    """Measure scoring."""
    rows = 20_000 if quick else 1_000_000
    return take("scoring", "scoring", quick=quick, figures=lambda: _figures(rows))


def _figures(rows: int) -> list[Figure]:
    with work_folder() as folder:
        (folder / "ask.jinja").write_text("{{ question }}")
        (folder / "eval.toml").write_text(EVAL.format(rows=_answered_rows(rows)))
        out = folder / "out"
        measure([EVALMILL, "run", "--yes", str(folder), "--out", str(out)], timeout_seconds=TIMEOUT_SECONDS).require()
        subject = python("-m", "benchmarks.support.score_subject", str(out))
        alone = json.loads(measure(subject, timeout_seconds=TIMEOUT_SECONDS).require().stdout)
        whole = measure([EVALMILL, "score", str(out)], timeout_seconds=TIMEOUT_SECONDS).require()
    what = f"exact, number and choice over {rows:,} answers"
    return [
        Figure(
            what=what, value=alone["seconds"], unit="s", beside="scorers alone", beside_value=alone["bare_seconds"],
            at_most=60,
        ),
        Figure(what=f"{what}: peak memory", value=alone["mb"], unit="MB", at_most=1000),
        Figure(what=f"`evalmill score`, {rows:,} answers, with summary and pages", value=whole.wall_seconds, unit="s"),
        Figure(what=f"`evalmill score`, {rows:,} answers: peak memory", value=whole.peak_mb, unit="MB", at_most=1000),
    ]  # fmt: skip


def _answered_rows(rows: int) -> Path:
    """A file of that many questions with answers, made once; a fifth of them right to the letter."""
    WORK.mkdir(exist_ok=True)
    path = WORK / f"answered-{rows}.parquet"
    if path.exists():
        return path
    partial = path.with_suffix(".partial")
    schema = pa.schema([(name, pa.string()) for name in ("id", "question", "answer", "label", "said")])
    with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        for start in range(0, rows, ROWS_PER_GROUP):
            numbers = range(start, min(rows, start + ROWS_PER_GROUP))
            writer.write_table(pa.table([*zip(*map(_row, numbers), strict=True)], schema=schema))
    partial.rename(path)
    return path


def _row(number: int) -> tuple[str, ...]:
    answer, label = ("30" if number % 2 else "31"), "ABCD"[number % 4]
    said = answer if number % 5 == 0 else f"{TEXT} So I choose ({'ABCD'[number % 3]})."
    return f"row-{number:07d}", question(number), answer, label, said


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
