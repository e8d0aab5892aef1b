"""The folder that the measurements work in: on the project's disk, emptied of runs when they are done."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.support.results import HERE
from benchmarks.support.workload import Setup, write_evaluation, write_rows

WORK = HERE / ".work"


@contextmanager
def work_folder() -> Iterator[Path]:
    """A new folder, removed at the end."""
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as name:
        yield Path(name)


def cached_rows(rows: int) -> Path:
    """A file of that many rows, made once."""
    WORK.mkdir(exist_ok=True)
    return write_rows(WORK / f"rows-{rows}.parquet", rows)


def evaluation(folder: Path, rows: Path, setup: Setup) -> Path:
    """An evaluation in `folder`; its runs go to `folder`/out."""
    return write_evaluation(folder / "eval", rows, setup)


def fresh(folder: Path) -> Path:
    """`folder` without anything in it."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder
