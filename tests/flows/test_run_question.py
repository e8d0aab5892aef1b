"""`evalmill run` says what a run could cost and asks before it is dear: real money alone, and only for what is open."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import COMMAND, ROOT, environment, evalmill, simulator
from tests.support.evals import EVAL, write_eval

LAB = """\
[providers.lab]
protocol = "anthropic-messages"
base_url = "{address}"
key_env = "LAB_KEY"
"""
PRICE = """\
[[providers.lab.prices]]
model = "sim-small"
effective = 2026-01-01
source = "invented"
input = "10_000"
output = "50_000"
""".replace("_", "")
ENVIRONMENT = environment(LAB_KEY="any")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with simulator("--port", 0, "--latency-scale", 0) as found:
        yield found.split()[-1]


def lab(folder: Path, address: str, *, price: str = PRICE, run: str = "") -> Path:
    """An evaluation over a provider that is not called the simulator, and is dear."""
    made = write_eval(
        folder / "sums", EVAL.replace("simulator/sim-small", "lab/sim-small").split("[simulator]")[0] + run
    )
    (made / "providers.toml").write_text(LAB.format(address=address) + price)
    return made


def test_without_a_terminal_a_dear_run_stops_before_anything_is_sent_or_written(tmp_path: Path, address: str) -> None:
    done = evalmill("run", lab(tmp_path, address), cwd=tmp_path, env=ENVIRONMENT)
    assert done.code == 64
    assert "8 jobs to send: $" in done.err
    assert "more than ask_above_usd = 5.00" in done.err
    assert "--yes" in done.err
    assert not (tmp_path / "reports").exists()


def test_yes_a_budget_or_a_higher_threshold_say_it_beforehand(tmp_path: Path, address: str) -> None:
    folder = lab(tmp_path / "one", address)
    assert evalmill("run", folder, "--yes", cwd=tmp_path / "one", env=ENVIRONMENT).code == 0
    assert evalmill("run", folder, "--fresh", "--budget", 900, cwd=tmp_path / "one", env=ENVIRONMENT).code == 0
    calm = lab(tmp_path / "two", address, run='[run]\nask_above_usd = "1000"\n')
    done = evalmill("run", calm, cwd=tmp_path / "two", env=ENVIRONMENT)
    assert done.code == 0
    assert "at most 8 jobs to send, for $" in done.err
    assert " at most, retries apart" in done.err


def test_only_what_is_open_is_asked_about(tmp_path: Path, address: str) -> None:
    folder = lab(tmp_path, address)
    assert evalmill("run", folder, "--yes", cwd=tmp_path, env=ENVIRONMENT).code == 0
    again = evalmill("run", folder, cwd=tmp_path, env=ENVIRONMENT)
    assert again.code == 0
    assert "8 answers reused" in again.err


def test_an_unknown_price_is_told_and_nobody_is_asked(tmp_path: Path, address: str) -> None:
    done = evalmill("run", lab(tmp_path, address, price=""), cwd=tmp_path, env=ENVIRONMENT)
    assert done.code == 0
    assert "what small would cost is not known" in done.err


def test_simulated_money_is_no_reason_to_ask(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums", EVAL + '[run]\nask_above_usd = "0"\n')
    assert evalmill("run", folder, cwd=tmp_path).code == 0


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("\n", 64)])
def test_on_a_terminal_the_user_is_asked(tmp_path: Path, address: str, typed: str, code: int) -> None:
    folder = lab(tmp_path, address)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "run", str(folder)], cwd=tmp_path, env={**ENVIRONMENT, "PYTHONPATH": str(ROOT), "TERM": "dumb"},
        stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 1_000)
    os.write(ours, typed.encode())
    try:
        while more := os.read(ours, 1_000):
            said += more
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == code, said.decode()
    assert (tmp_path / "reports").exists() is (code == 0)
