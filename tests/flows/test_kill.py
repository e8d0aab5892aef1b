"""SIGKILL at random moments: nothing acknowledged is lost, nothing is stored twice, only what is missing is paid."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from pipeline.store.folder import listed_parts, unanswered
from pipeline.store.journal import read_lines, segment_files
from tests.support.bench import LAB, PROVIDERS
from tests.support.commands import COMMAND, ROOT, environment, evalmill, simulator
from tests.support.evals import sums, write_eval

CONCURRENCY = 16
ROWS = sums(1500)
TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens")
SERVED = LAB.replace("[models.params]", "[models.params]\ntemperature = 0.0")
WRITER = ROOT / "tests" / "support" / "run_writer.py"
LONGEST = 1_000_000


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
    text = f"{SERVED}\n[run]\nconcurrency = {CONCURRENCY}\n"
    evaluation = write_eval(tmp_path / "sums", text, rows=ROWS)
    run = tmp_path / "run"
    rng = Random(seed)
    with simulator("--ledger", ledger, "--latency-scale", "1.0") as address:
        (tmp_path / "providers.toml").write_text(PROVIDERS.format(address=address))
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
    assert {entry["status"] for entry in served} == {200}
    books_agree(results, served, run, done.err)
    assert len(served) - len(ROWS) <= kills * CONCURRENCY * 2


def books_agree(results: pl.DataFrame, served: list[dict[str, Any]], run: Path, said: str) -> None:
    """What is in the results and what was lost with its process is all that the provider billed, and is told apart.

    At temperature 0 a request that is sent again costs what it cost before.
    """
    lines = {entry["key"]: entry for entry in served}
    assert len(lines) == results.height, "every job was sent with a body of its own"
    for name in TOKENS:
        assert (results[name].sum() or 0) == sum(entry[name] for entry in lines.values()), name
    answered_usd = sum(Decimal(entry["cost_usd"]) for entry in lines.values())
    assert abs(results["cost_usd"].sum() - answered_usd) < Decimal("1e-9")
    requests, at_stake_usd = unanswered(run)
    paid_twice = Counter(entry["key"] for entry in served) - Counter(lines.keys())
    assert paid_twice.total() <= requests, "a request was paid and is counted nowhere"
    assert sum(count * Decimal(lines[key]["cost_usd"]) for key, count in paid_twice.items()) <= at_stake_usd
    assert not requests or f"in the whole run {requests:,} requests left without an answer" in said
    assert not requests or f"(up to ${at_stake_usd:f})" in said


def test_a_few_kills(tmp_path: Path) -> None:
    survive(tmp_path, kills=2, seed=1)


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path) -> None:
    survive(tmp_path, kills=20, seed=20)


def long_answers(path: Path, rows: list[dict[str, str]]) -> None:
    """A table with answers of up to a million characters, most of them shorter, to be given word for word.

    White space of any length is one token, so no limit of tokens cuts them.
    """
    dice = Random(5)
    answers = [f"{number}{' ' * int(LONGEST * dice.random() ** 4)}." for number in range(len(rows))]
    pl.DataFrame({"question": [row["question"] for row in rows], "answer": answers}).write_parquet(path)


def acknowledged(log: Path) -> dict[str, int]:
    """Job ids and lengths in the log, but for a line that the kill cut."""
    whole = log.read_text().rpartition("\n")[0].splitlines() if log.exists() else []
    return {job: int(length) for job, length in (line.split() for line in whole)}


def lengths(run: Path) -> Counter[tuple[str, int]]:
    """Job id and length of the text of every result that can be read back now, from parts and journal."""
    found: Counter[tuple[str, int]] = Counter()
    for part in listed_parts(run) if (run / "run.json").exists() else ():
        found.update(
            pl.read_parquet(part, columns=["job_id", "text"]).with_columns(pl.col("text").str.len_chars()).rows()
        )
    for segment in segment_files(run).values():
        with segment.open("rb") as file:
            records = [record for _, record in read_lines(file) if record is not None and "job_id" in record]
        found.update((record["job_id"], len(record["text"] or "")) for record in records)
    return found


@pytest.mark.slow
def test_fifty_kills_of_a_run_with_answers_of_a_megabyte(tmp_path: Path) -> None:
    kills = 50
    run, log, book = tmp_path / "run", tmp_path / "acknowledged", tmp_path / "book.parquet"
    evaluation = write_eval(tmp_path / "sums", f"{SERVED}\n[run]\nconcurrency = 8\n", rows=ROWS)
    long_answers(book, ROWS)
    command = [sys.executable, str(WRITER), str(evaluation), str(run), str(log)]
    dice = Random(50)
    hits = 0
    with simulator("--answers", book, "--replay") as address:
        (tmp_path / "providers.toml").write_text(PROVIDERS.format(address=address))
        for _ in range(kills):
            before = len(acknowledged(log))
            kill_soon_after_an_answer(command, log, dice.uniform(0, 0.05))
            hits += len(acknowledged(log)) > before
            missing = acknowledged(log).items() - lengths(run).keys()
            assert not missing, "an acknowledged answer is gone or cut"
        assert subprocess.run(command, cwd=ROOT, env=environment(LAB_KEY="k")).returncode == 0
    assert hits >= kills // 2, "most kills came while answers were being stored"
    final = lengths(run)
    assert len(final) == final.total() == len(ROWS), "each job once"
    assert acknowledged(log).items() <= final.keys()
    assert max(length for _, length in final) > LONGEST * 0.9
    assert evalmill("verify", run).code == 0


def kill_soon_after_an_answer(command: list[str], log: Path, seconds: float) -> None:
    """Start a session and kill it `seconds` after it has acknowledged something."""
    size = log.stat().st_size if log.exists() else 0
    with subprocess.Popen(command, cwd=ROOT, env=environment(LAB_KEY="k"), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (log.exists() and log.stat().st_size > size):
            time.sleep(0.005)
        time.sleep(seconds)
        process.kill()
    assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"
