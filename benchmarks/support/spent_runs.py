"""Run folders as after long runs, written at once: what `evalmill costs` has to read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.store import manifest as manifests
from pipeline.store.disk import SYSTEM_DISK
from pipeline.store.folder import create_run
from pipeline.store.manifest import Manifest, Part
from pipeline.store.objects import LocalObjects
from pipeline.store.parts import RESULTS, part_name, write_parquet
from pipeline.store.schema import ATTEMPT, MONEY, RESULTS_SCHEMA

PART_ROWS = 20_000
_BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
_MODELS = (("sonnet", "claude-sonnet-4-5-20250929", 3, 15), ("haiku", "claude-haiku-4-5-20251001", 1, 5))
_RANDOM = np.random.default_rng(7)


def write_runs(folder: Path, *, runs: int, rows: int) -> None:
    """Write `runs` finished runs of `rows` answers together, three days apart."""
    for number in range(runs):
        _write_run(folder / "spent" / f"run-{number}", _BEGAN + timedelta(days=3 * number), rows // runs)


def _write_run(folder: Path, began: datetime, rows: int) -> None:
    models = [{"name": name, "provider": "apimart"} for name, *_ in _MODELS]
    head = {"schema": 1, "run_id": folder.name, "eval": "spent", "created_at": began.isoformat(), "simulated": False}
    create_run(folder, {**head, "settings": {"models": models}, "dataset": {"rows": rows}})
    for name in (RESULTS, manifests.FOLDER):
        (folder / name).mkdir()
    sizes = [min(PART_ROWS, rows - start) for start in range(0, rows, PART_ROWS)]
    parts = tuple(_write_part(folder, number + 1, size, began) for number, size in enumerate(sizes))
    manifest = Manifest(number=1, state="complete", compacted_through=len(parts), parts=parts)
    manifests.commit(LocalObjects(folder), manifest)


def _write_part(folder: Path, number: int, rows: int, began: datetime) -> Part:
    aside = folder / RESULTS / f"part-{number}"
    written = write_parquet(aside, RESULTS_SCHEMA, [_answers(rows, f"{folder.name}-{number}", began)], SYSTEM_DISK)
    file = part_name(number, written.sha256)
    aside.rename(folder / RESULTS / file)
    return Part(
        file=file, rows=rows, bytes=written.bytes, sha256=written.sha256, spent_usd=Decimal(0), shards={"all/0": rows}
    )


def _answers(rows: int, prefix: str, began: datetime) -> pa.Table:
    model = _RANDOM.integers(0, len(_MODELS), rows)
    tokens = {"input_tokens": _RANDOM.integers(50, 2000, rows), "output_tokens": _RANDOM.integers(10, 900, rows)}
    rates = np.array([one[2:] for one in _MODELS])[model]
    micros = tokens["input_tokens"] * rates[:, 0] + tokens["output_tokens"] * rates[:, 1]
    cost = pa.array([Decimal(int(amount)).scaleb(-6) for amount in micros], MONEY)
    moment = pa.array(int(began.timestamp() * 1e6) + _RANDOM.integers(0, 3 * 86_400_000_000, rows))
    when = moment.cast(pa.timestamp("us", "UTC"))
    attempt = {"started_at": when, "http_status": pa.array([200] * rows), "cost_usd": cost, "booked_usd": cost}
    attempts = [attempt.get(field.name, pa.nulls(rows, field.type)).cast(field.type) for field in ATTEMPT]
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32))
    ids = pa.array([f"{prefix}-{row}" for row in range(rows)])
    known = {
        "job_id": ids, "fingerprint": ids, "row_id": ids, "prompt": pa.array(["steps", "brief"]).take(pa.array(model)),
        "model": pa.array([one[0] for one in _MODELS]).take(pa.array(model)), "finished_at": when,
        "model_requested": pa.array([one[1] for one in _MODELS]).take(pa.array(model)), "cost_usd": cost,
        "text": pa.array(["a line of an answer that goes on for a while " * 8] * rows),
        "attempts": pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(attempts, fields=list(ATTEMPT))),
        **{name: pa.array(counts) for name, counts in tokens.items()},
    }  # fmt: skip
    same = {
        "run_id": "r", "eval": "spent", "provider": "apimart", "params": "{}", "status": "ok",
        "stop_reason": "end_turn", "usage_source": "reported", "lane": "sync", "source": "called", "shard": "all/0",
    }  # fmt: skip
    known |= {name: pa.array([value] * rows) for name, value in same.items()}
    columns = [known.get(field.name, pa.nulls(rows, field.type)).cast(field.type) for field in RESULTS_SCHEMA]
    return pa.Table.from_arrays(columns, schema=RESULTS_SCHEMA)
