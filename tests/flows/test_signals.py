"""Interrupting: what is in flight may finish, nothing answered is lost, the same command goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.store.journal import segment_files
from tests.support.commands import COMMAND, ROOT, environment, evalmill
from tests.support.evals import EVAL, sums, write_eval


def started(evaluation: Path, run: Path) -> subprocess.Popen[str]:
    """A session that has begun to write its journal: requests are in flight."""
    process = subprocess.Popen(
        [*COMMAND, "run", str(evaluation), "--out", str(run)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(1000):
        if process.poll() is not None or segment_files(run):
            break
        time.sleep(0.02)
    return process


def slow_sums(folder: Path, seconds: float) -> Path:
    text = EVAL + "\n[run]\nconcurrency = 4\n"
    return write_eval(folder, text, template=f"{{{{ question }}}} [[sim:slow={seconds}]]", rows=sums(12))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_one_signal_lets_requests_in_flight_finish(tmp_path: Path, number: signal.Signals, code: int) -> None:
    evaluation = slow_sums(tmp_path / "sums", 1.0)
    process = started(evaluation, tmp_path / "run")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert "run/index.html" in out, "what is answered is reported"
    again = evalmill("run", evaluation, "--out", tmp_path / "run", "--json")
    assert again.code == 0, again.err
    assert again.json["summary"]["jobs"]["ok"] == 12
    assert "may have been paid" not in again.err, "nothing was cut off"


def test_a_second_signal_ends_at_once_and_the_run_goes_on_later(tmp_path: Path) -> None:
    evaluation = slow_sums(tmp_path / "sums", 60.0)
    process = started(evaluation, tmp_path / "run")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "requests are in flight, so it waits"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    (evaluation / "plain.jinja").write_text("{{ question }}")
    fresh = evalmill("run", evaluation, "--out", tmp_path / "other", "--json")
    assert fresh.code == 0, fresh.err
