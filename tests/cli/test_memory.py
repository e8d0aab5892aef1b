"""Where a command's memory comes from."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from tests.support.commands import ROOT, environment

HEAP = "from pipeline.cli.memory import use_one_heap; use_one_heap(); import pyarrow; "
POOL = "print(pyarrow.default_memory_pool().backend_name)"
HEAPS = """
from ctypes import CDLL, c_void_p
from threading import Barrier, Thread

together = Barrier(4)

def fill():
    kept = [bytes(1000) for _ in range(100)]
    together.wait()

threads = [Thread(target=fill) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = CDLL(None)
libc.fopen.restype = c_void_p
file = c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one heap")
def test_threads_have_no_heaps_of_their_own() -> None:
    assert said(HEAPS).count("<heap nr=") == 1
