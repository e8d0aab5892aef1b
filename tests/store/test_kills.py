"""A real process is killed again and again; what it acknowledged is there, once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from pipeline.store.folder import create_run, is_finished
from pipeline.store.run_store import RunStore
from pipeline.store.verify import verify
from tests.support.store import RUN, stored_ids

WRITER = Path(__file__).resolve().parents[1] / "support" / "store_writer.py"


def kill_again_and_again(root: Path, *, kills: int, jobs: int, text_bytes: int, segment_rows: int) -> None:
    """Kill the writer at random moments, looking at what it left after each, then let it end."""
    folder, log = root / "run", root / "acknowledged"
    create_run(folder, RUN)
    log.touch()
    dice = random.Random(11)
    command = [sys.executable, str(WRITER), str(folder), str(log), str(jobs), str(text_bytes), str(segment_rows)]
    for _ in range(kills):
        with subprocess.Popen(command) as writer:
            _wait_for_growth(log, writer)
            time.sleep(dice.uniform(0, 0.08))
            writer.kill()
        assert writer.returncode == -signal.SIGKILL, "the writer ended before it could be killed"
        acknowledged = set(log.read_text().split())
        with RunStore.open(folder, segment_rows=segment_rows) as store:
            done = store.job_ids("m/00000") | store.job_ids("m/00001")
            assert acknowledged <= done
            assert len(done) == store.recovered.finished_jobs
            assert not store.recovered.bad_lines
    subprocess.run(command, check=True)
    with RunStore.open(folder) as store:
        assert Counter(stored_ids(store)) == Counter(f"{number:032x}" for number in range(jobs))
    assert set(log.read_text().split()) <= {f"{number:032x}" for number in range(jobs)}
    assert is_finished(folder)
    assert verify(folder) == []


def _wait_for_growth(log: Path, writer: subprocess.Popen[bytes]) -> None:
    size = log.stat().st_size
    while log.stat().st_size == size and writer.poll() is None:
        time.sleep(0.002)


def test_nothing_acknowledged_is_lost_in_a_few_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, kills=4, jobs=5_000, text_bytes=800, segment_rows=500)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_in_kills_amid_long_answers(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, kills=15, jobs=450, text_bytes=1_000_000, segment_rows=20)
