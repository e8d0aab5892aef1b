"""Where a command's memory comes from."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.commands import ROOT, environment

HEAP = "from pipeline.cli.memory import use_one_heap; use_one_heap(); import pyarrow; "
POOL = "print(pyarrow.default_memory_pool().backend_name)"
FREED = """
from pathlib import Path
from threading import Thread

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

def fill():
    kept.append(bytes(1000))
    waste = [bytes(1000 + number % 7) for number in range(50_000)]
    kept.append(len(waste))

kept = []
before = resident_mb()
for _ in range(8):
    thread = Thread(target=fill)
    thread.start()
    thread.join()
print(resident_mb() - before)
"""


def said(code: str, **more: str) -> str:
    command = [sys.executable, "-c", HEAP + code]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**more), check=True, capture_output=True, text=True
    ).stdout.strip()


def test_arrow_takes_its_memory_from_the_same_heap() -> None:
    assert said(POOL) == "system"


def test_what_the_environment_says_counts_more() -> None:
    assert said(POOL, ARROW_DEFAULT_MEMORY_POOL="mimalloc") == "mimalloc"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_threads_have_freed_is_given_back() -> None:
    assert float(said(FREED)) < 25
