"""A finished run of any size, written straight to its folder: what pages and viewer are measured with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.support.answer import MODEL, TEXT
from benchmarks.support.workload import Setup, read_questions, write_evaluation, write_rows
from pipeline.config.load import Overrides
from pipeline.steps.choose import Again, begin
from pipeline.steps.prepare import prepare
from pipeline.steps.rows import keep_rows
from pipeline.steps.score import Demands, score_run
from pipeline.steps.summarize import summarize
from pipeline.store.disk import SYSTEM_DISK
from pipeline.store.folder import run_digest, write_json_atomic
from pipeline.store.manifest import Manifest, Part, commit
from pipeline.store.objects import LocalObjects
from pipeline.store.parts import part_name, write_parquet
from pipeline.store.run_store import RunStore
from pipeline.store.schema import RESULTS_SCHEMA, results_table

ROWS_PER_PART = 20_000
BEGAN = datetime(2026, 11, 27, 9, tzinfo=UTC)
ENDS = {
    0.004: ("error", None),
    0.02: ("truncated", "max_tokens"),
    0.025: ("refused", "refusal"),
    1.0: ("ok", "end_turn"),
}


def write_stored_run(home: Path, rows: int) -> Path:
    """Write the run folder `home`/run of one job a row, with scores and summary, and return it."""
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    dataset = write_rows(home / f"rows-{rows}.parquet", rows)
    evaluation = write_evaluation(home / "eval", dataset, Setup(base_url="http://127.0.0.1:9"))
    prepared = prepare(evaluation, Overrides())
    folder = home / "run"
    run = begin(prepared, folder, Again(), now=BEGAN)
    with RunStore.open(folder) as store:
        keep_rows(store, prepared.dataset, prepared.survey)
    parts = tuple(_parts(folder, dataset))
    objects = LocalObjects(folder)
    commit(
        objects,
        Manifest(
            number=len(list((folder / "manifest").glob("*.json"))) + 1, state="complete", parts=parts,
            compacted_through=len(parts), run_sha256=run_digest(folder),
        ),
    )  # fmt: skip
    with RunStore.open(folder) as store:
        score_run(store, Demands.of(prepared.settings))
        write_json_atomic(folder / "summary.json", summarize(store, run))
    return folder


def _parts(folder: Path, dataset: Path) -> Iterator[Part]:
    rng = Random(7)
    held: list[dict[str, Any]] = []
    numbers = 0
    for number, (row_id, _) in enumerate(read_questions(dataset)):
        held.append(_result(rng, number, row_id))
        if len(held) == ROWS_PER_PART:
            numbers += 1
            yield _part(folder, numbers, held)
            held = []
    if held:
        yield _part(folder, numbers + 1, held)


def _part(folder: Path, number: int, results: list[dict[str, Any]]) -> Part:
    aside = folder / "results" / ".part.tmp"
    written = write_parquet(aside, RESULTS_SCHEMA, [results_table(results)], SYSTEM_DISK)
    file = part_name(number, written.sha256)
    aside.rename(folder / "results" / file)
    shard = f"sonnet/{(number - 1) * ROWS_PER_PART:09d}"
    spent = sum((Decimal(one["cost_usd"] or 0) for one in results), Decimal(0))
    return Part(
        file=file, rows=written.rows, bytes=written.bytes, sha256=written.sha256, spent_usd=spent,
        shards={shard: len(results)},
    )  # fmt: skip


def _result(rng: Random, number: int, row_id: str) -> dict[str, Any]:
    draw = rng.random()
    status, stop = next(ends for limit, ends in ENDS.items() if draw <= limit)
    failed = status == "error"
    latency = rng.lognormvariate(6.5, 0.4)
    started = BEGAN + timedelta(milliseconds=number)
    cost = None if failed else f"{0.001 + 0.001 * rng.random():.9f}"
    found = 30 if rng.random() < 0.8 else 30 + rng.randrange(1, 9)
    digest = blake2b(row_id.encode(), digest_size=16).hexdigest()
    text = None if failed else f"{TEXT[:-3]}{found}." if status == "ok" else TEXT[: 40 + number % 90]
    return {
        "job_id": digest, "fingerprint": digest, "run_id": "run", "eval": "bench", "row_id": row_id, "prompt": "ask",
        "model": "sonnet", "provider": "bench", "model_requested": MODEL, "model_served": MODEL, "params": "{}",
        "repeat": 0, "status": status, "stop_reason": stop, "stop_reason_raw": stop, "text": text,
        "input_tokens": None if failed else 90 + number % 13, "output_tokens": None if failed else 60 + number % 41,
        "usage_source": "missing" if failed else "reported", "cost_usd": cost, "lane": "sync", "source": "called",
        "attempts": [
            {
                "started_at": started.isoformat(), "http_status": 529 if failed else 200, "latency_ms": latency,
                "error": "overloaded_error: Overloaded" if failed else None, "cost_usd": cost, "possibly_paid": False,
                "booked_usd": cost,
            }
        ],
        "error_kind": "overload" if failed else None, "error_message": "Overloaded" if failed else None,
        "latency_ms": latency, "started_at": started.isoformat(),
        "finished_at": (started + timedelta(milliseconds=latency)).isoformat(),
        "shard": f"sonnet/{number // ROWS_PER_PART * ROWS_PER_PART:09d}",
    }  # fmt: skip


if __name__ == "__main__":
    print(write_stored_run(Path(sys.argv[1]), int(sys.argv[2])))
