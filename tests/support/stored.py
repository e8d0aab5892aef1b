"""Run folders with answers and scores of several models, written by the store itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.records import Result
from pipeline.store.folder import create_run, write_json_atomic
from pipeline.store.run_store import RunStore
from pipeline.store.schema import SCORES_SCHEMA
from tests.support.store import RUN, result, store_all

PROMPT = {"name": "steps", "source": "{% user %}Asked: {{ question }}{% enduser %}", "path": "steps.jinja"}
STORED: dict[str, Any] = {
    **RUN,
    "eval": "sums",
    "created_at": "2026-11-22T10:00:00+00:00",
    "version": "0.1.0",
    "settings": {
        "description": "Sums of two models",
        "models": [{"name": "sonnet"}, {"name": "haiku"}],
        "prompts": [PROMPT],
    },
    "dataset": {"path": "rows.csv", "rows": 40, "sha256": "0" * 64},
    "planned_jobs": 80,
    "planned_jobs_by_model": {"sonnet": 40, "haiku": 40},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a scorer said of a job."""

    run_id: str
    job_id: str
    scorer: str
    value: float | None
    passed: bool | None
    label: str | None
    extracted: str | None
    expected: str | None
    explanation: str | None
    status: str


def results(rows: int = 40, *, seed: int = 5) -> list[Result]:
    """The jobs of two models; some fail, some have no cost, every text names its job."""
    rng = random.Random(seed)
    made = []
    for number in range(2 * rows):
        failed = rng.random() < 0.1
        model = ("sonnet", "haiku")[number % 2]
        one = result(
            number, shard=f"{model}/000000000", row_id=f"row-{number // 2}", model=model,
            status="error" if failed else rng.choice(["ok", "ok", "truncated"]),
            text=None if failed else f"Answer {number}: It is ÄPFEL {rng.randrange(1000)}",
            error_kind="overload" if failed else None, error_message=f"Overloaded {number}" if failed else None,
            stop_reason_raw=None if failed else rng.choice(["end_turn", "max_tokens"]),
            input_tokens=None if failed else rng.randrange(10, 500), output_tokens=None if failed else 7,
            cost_usd=None if failed else Decimal(rng.randrange(1, 900)).scaleb(-6),
            latency_ms=float(rng.randrange(100, 9_000)),
        )  # fmt: skip
        made.append(one)
    return made


def scores(stored: Sequence[Result], *, seed: int = 6, reason: str = "The judge") -> list[Score]:
    """A pass/fail score and a grade with its reason for each answer."""
    rng = random.Random(seed)
    made = []
    for one in stored:
        if one.status == "error":
            continue
        passed = rng.random() < 0.6
        common = {"run_id": one.run_id, "job_id": one.job_id, "label": None, "status": "scored"}
        made += [
            Score(**common, scorer="number", value=float(passed), passed=passed, extracted="7", expected="7",
                  explanation=None),
            Score(**common, scorer="judge", value=rng.randrange(5) / 4, passed=None, extracted=None, expected=None,
                  explanation=f"{reason} of job {int(one.job_id, 16)} says so."),
        ]  # fmt: skip
    return made


async def stored_run(
    folder: Path,
    made: Sequence[Result] | None = None,
    *,
    finished: bool = True,
    run: dict[str, Any] = STORED,
    reason: str = "The judge",
    question: Callable[[str], str] = "what is {}?".format,
) -> list[Result]:
    """Write the run; an unfinished one leaves its last answers in the journal and has no scores."""
    made = results() if made is None else made
    create_run(folder, {**run, "run_id": folder.name})
    ids = list(dict.fromkeys(one.row_id for one in made))
    rows = pa.table({"row_id": ids, "question": [question(row) for row in ids]})
    with RunStore.open(folder) as store:
        store.put_rows("rows-000000000.parquet", rows.schema, [rows])
        await store_all(store, made, [], state="complete" if finished else None)
        if finished:
            found = {one.job_id: one for one in made}
            for part in store.parts():
                mine = [found[job] for job in pq.read_table(part, columns=["job_id"])["job_id"].to_pylist()]
                store.put_scores(part.name, table_of(scores(mine, reason=reason)))
    return list(made)


def table_of(found: Sequence[Score]) -> pa.Table:
    """Scores as they are stored."""
    rows = [{name: getattr(one, name, None) for name in SCORES_SCHEMA.names} for one in found]
    return pa.Table.from_pylist(rows, schema=SCORES_SCHEMA)


def summarised(folder: Path, summary: dict[str, Any]) -> None:
    """Put a summary beside the run."""
    write_json_atomic(folder / "summary.json", summary)
