"""Runs the command line: as a user does, in a process of its own, or here, which is quicker."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.cli.main import run_command

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_PANDAS = Path(__file__).parent / "without_pandas"
"""Hides pandas: only the tests' oracles bring it, a user has none, and pyarrow imports it wherever it is."""
COMMAND = [sys.executable, "-m", "pipeline.cli"]


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """The caller's environment without keys, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_KEY_FILE"))}
    return {**kept, "PYTHONPATH": os.pathsep.join((str(WITHOUT_PANDAS), str(ROOT))), "COLUMNS": "120", **more}


def evalmill(
    *arguments: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None, timeout: float = 120
) -> Finished:
    """Run a verb to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=dict(env) if env is not None else environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def called(*arguments: object, cwd: Path = ROOT) -> Finished:
    """Run a verb that sends nothing to its end, without a process of its own."""
    with chdir(cwd), redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = run_command([str(one) for one in arguments])
    return Finished(code, out.getvalue(), err.getvalue())


@contextmanager
def simulator(*arguments: object) -> Iterator[str]:
    """`evalmill simulate` in a process of its own; gives its address and ends it afterwards."""
    process = subprocess.Popen(
        [*COMMAND, "simulate", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
