"""A process that is measured: wall time, CPU of it and its children, peak memory."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from select import select

from benchmarks.support.workload import KEY, KEY_ENV

POLL_SECONDS = 0.02
ROOT = Path(__file__).resolve().parents[2]
EVALMILL = str(Path(sys.executable).with_name("evalmill"))


class BenchmarkFailed(Exception):
    """A measured process did not do what it should; the text says how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one process took."""

    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    """User and system time, children included."""
    peak_mb: float
    stdout: str
    stderr: str

    def require(self, *codes: int) -> Measured:
        """Itself; raises BenchmarkFailed if the process ended otherwise than with one of `codes` (default 0)."""
        if self.exit_code not in (codes or (0,)):
            raise BenchmarkFailed(f"a measured process ended with {self.exit_code}:\n{self.stderr[-2000:]}")
        return self


def measure(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 900.0,
    cwd: Path = ROOT,
    watch: Callable[[int], None] | None = None,
) -> Measured:
    """Run `command` to its end. `watch` is called with the process id some fifty times a second."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env=child_environment(environment)
        )
        try:
            code, usage, peak_mb = _wait(process, started + timeout_seconds, watch)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall_seconds = time.perf_counter() - started
        out.seek(0)
        err.seek(0)
        return Measured(
            exit_code=code,
            wall_seconds=wall_seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_mb=peak_mb,
            stdout=out.read().decode(errors="replace"),
            stderr=err.read().decode(errors="replace"),
        )


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment with the key, and with byte code written: without it every start compiles anew."""
    environment = {**os.environ, KEY_ENV: KEY, **(more or {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def python(*arguments: str) -> list[str]:
    """A command of this environment's Python."""
    return [sys.executable, *arguments]


def _wait(
    process: subprocess.Popen[bytes], deadline: float, watch: Callable[[int], None] | None
) -> tuple[int, resource.struct_rusage, float]:
    # ru_maxrss would begin with the parent's memory, which a process keeps over exec: VmHWM is the child's own.
    peak_mb = 0.0
    ended = os.pidfd_open(process.pid)
    try:
        while not select([ended], [], [], POLL_SECONDS)[0]:
            peak_mb = max(peak_mb, high_water_mb(process.pid))
            if watch is not None:
                watch(process.pid)
            if time.perf_counter() > deadline:
                raise TimeoutError("a measured process took too long")
    finally:
        os.close(ended)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage, peak_mb


def high_water_mb(pid: int) -> float:
    """The most memory a living process has used so far; 0 once it is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0
