"""`evalmill status` from another terminal: while a run goes on, after it was killed, and when it is done."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.main import run_command
from tests.support.commands import COMMAND, ROOT, environment, evalmill
from tests.support.evals import EVAL, sums, write_eval
from tests.support.store import files_of

ROWS = 40


def slow_run(tmp_path: Path) -> tuple[Path, subprocess.Popen[bytes]]:
    """A run of two models, 4 requests at a time each, of which half of the rows take a minute to be answered."""
    second = '[[models]]\nname = "large"\nid = "simulator/sim-large"\n\n[[scorers]]'
    text = EVAL.replace("[[scorers]]", second) + "\n[run]\nconcurrency = 4\n"
    template = "{{ question }}{% if row['id'] >= 'r2' %} [[sim:slow=60]]{% endif %}"
    evaluation = write_eval(tmp_path / "sums", text, template=template, rows=sums(ROWS))
    command = [*COMMAND, "run", str(evaluation), "--out", str(tmp_path / "reports" / "sums" / "run")]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return tmp_path / "reports" / "sums" / "run", process


def status(run: Path) -> dict[str, Any]:
    done = evalmill("status", run, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json
    return found


def until_stuck(run: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The status when every slot of both models waits for a slow answer."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if (run / "journal").exists():
            seen = status(run)
            if seen["in_flight"] == 8 and seen["done"]:
                return seen
        time.sleep(0.1)
    raise AssertionError("the run did not come to its slow answers")


def test_a_run_is_seen_at_work_and_after_its_kill(tmp_path: Path) -> None:
    run, process = slow_run(tmp_path)
    try:
        seen = until_stuck(run, process)
        before = files_of(run)
        again = status(run)
        watched = subprocess.Popen(
            [*COMMAND, "status", str(tmp_path / "reports"), "--watch", "--json"],
            cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert watched.stdout is not None
        first = json.loads(watched.stdout.readline())
        interrupt_a_watch(run)
        assert files_of(run) == before, "looking changed a byte"
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert seen["state"] == "running"
    assert seen["process"]["pid"] == process.pid
    assert (seen["planned"], [model["planned"] for model in seen["models"]]) == (2 * ROWS, [ROWS, ROWS])
    assert [model["in_flight"] for model in seen["models"]] == [4, 4]
    assert seen["done"] == sum(model["done"] for model in seen["models"]) == again["done"] == first["done"]
    assert seen["tokens"] > 0
    assert float(seen["cost_usd"]) > 0
    assert seen["jobs_per_minute"] > 0
    rest, _ = watched.communicate(timeout=30)
    assert watched.returncode == 0, "it ends with the run"
    assert json.loads(rest.splitlines()[-1])["process"] is None
    after = status(run)
    assert (after["state"], after["done"]) == ("stopped", seen["done"])
    assert (after["in_flight"], after["unanswered"]) == (0, 8)
    assert (after["jobs_per_minute"], after["eta_seconds"]) == (None, None)


def interrupt_a_watch(run: Path) -> None:
    """A watch in plain lines ends quietly at Ctrl-C."""
    with subprocess.Popen(
        [*COMMAND, "status", str(run), "--watch"],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as watched:  # fmt: skip
        assert watched.stdout is not None
        assert ": running, pid " in watched.stdout.readline()
        watched.send_signal(signal.SIGINT)
        _, err = watched.communicate(timeout=20)
    assert (watched.returncode, err) == (130, "")


def test_a_finished_run_agrees_with_its_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = write_eval(tmp_path / "sums")
    summary = evalmill("run", evaluation, "--out", tmp_path / "run", "--json").json["summary"]
    seen = json.loads(said(capsys, "status", tmp_path / "run", "--json"))
    assert (seen["state"], seen["done"], seen["planned"], seen["failed"]) == ("finished", 8, 8, 0)
    assert seen["cost_usd"] == summary["cost"]["total_usd"]
    tokens = summary["cells"][0]["tokens"]
    assert seen["tokens"] == sum(tokens[name] or 0 for name in ("input", "cache_read", "cache_write", "output"))
    shown = said(capsys, "status", tmp_path / "run")
    assert "finished, no process" in shown
    assert "8/8" in shown
    assert said(capsys, "status", tmp_path, "--watch").splitlines()[1].startswith("small: 8/8 done, ")


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command prints when all is well."""
    assert run_command([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("content", "code"), [(None, 73), ("{", 65), ('{"schema": 99}', 73)])
def test_what_is_no_run_is_one_line_and_its_code(
    tmp_path: Path, content: str | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    assert run_command(["status", str(tmp_path)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("evalmill: error: ")
    assert len(err.splitlines()) == 1
