"""SIGKILL at random moments: nothing acknowledged is lost, nothing is stored twice, only what is missing is paid."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from random import Random

import polars as pl
import pytest

from pipeline.store.folder import listed_parts
from pipeline.store.journal import read_lines, segment_files
from tests.support.commands import COMMAND, ROOT, environment, evalmill, simulator
from tests.support.evals import EVAL, sums, write_eval

CONCURRENCY = 16
ROWS = sums(1500)


def stored(folder: Path) -> dict[str, str]:
    """Job id to request id of every result that can be read back now, from parts and journal."""
    found: dict[str, str] = {}
    if not (folder / "run.json").exists():
        return found
    for part in listed_parts(folder):
        found |= dict(pl.read_parquet(part, columns=["job_id", "request_id"]).iter_rows())
    for segment in segment_files(folder).values():
        with segment.open("rb") as file:
            results = [record for _, record in read_lines(file) if record is not None and "job_id" in record]
        found |= {record["job_id"]: record["request_id"] for record in results}
    return found


def kill_after(folder: Path, evaluation: Path, seconds: float) -> None:
    """Kill a session `seconds` after it began to write its journal."""
    process = subprocess.Popen(
        [*COMMAND, "run", str(evaluation), "--out", str(folder)],
        cwd=ROOT,
        env=environment(LAB_KEY="k"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = segment_files(folder)
    for _ in range(1000):
        if process.poll() is not None or segment_files(folder).keys() - before.keys():
            break
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def survive(tmp_path: Path, kills: int, seed: int) -> None:
    ledger = tmp_path / "ledger.jsonl"
    evaluation = write_eval(
        tmp_path / "sums",
        EVAL.replace("simulator/sim-small", "lab/sim-small") + f"\n[run]\nconcurrency = {CONCURRENCY}\n",
        rows=ROWS,
    )
    run = tmp_path / "run"
    rng = Random(seed)
    with simulator("--ledger", ledger, "--latency-scale", "1.0") as address:
        (tmp_path / "providers.toml").write_text(
            f'[providers.lab]\nprotocol = "anthropic-messages"\nbase_url = "{address}"\nkey_env = "LAB_KEY"\n'
        )
        kept: dict[str, str] = {}
        hits = 0
        for _ in range(kills):
            kill_after(run, evaluation, rng.uniform(0, 0.4))
            now = stored(run)
            lost = {job: request for job, request in kept.items() if now.get(job) != request}
            assert not lost, "a stored answer is gone or was paid again"
            hits += len(now) > len(kept)
            kept = now
        done = evalmill("run", evaluation, "--out", run, "--json", env=environment(LAB_KEY="k"))
    assert hits, "no kill came while answers were being stored"
    assert done.code == 0, done.err
    results = pl.read_parquet(str(run / "results/*.parquet"))
    final = dict(results.select("job_id", "request_id").iter_rows())
    assert results.height == len(final) == len(ROWS)
    assert kept.items() <= final.items()
    assert evalmill("verify", run).code == 0
    served = [json.loads(line) for line in ledger.read_text().splitlines()]
    paid_twice = len(served) - len(ROWS)
    assert 0 <= paid_twice <= kills * CONCURRENCY * 2
    assert sum(entry["output_tokens"] for entry in served) >= results["output_tokens"].sum()
    assert {entry["status"] for entry in served} == {200}


def test_a_few_kills(tmp_path: Path) -> None:
    survive(tmp_path, kills=3, seed=1)


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path) -> None:
    survive(tmp_path, kills=20, seed=20)
