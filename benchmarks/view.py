"""The viewer over a million stored results: how long its pages take, and the memory of its server."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.support.child import EVALMILL, high_water_mb
from benchmarks.support.figures import Figure
from benchmarks.support.options import is_quick
from benchmarks.support.results import Measurement, take
from benchmarks.support.stored_run import write_stored_run
from benchmarks.support.work import work_folder

TIMEOUT_SECONDS = 120.0
SLOWEST_SORT = ("cost", "latency")
RARE_TEXT = "Problem 777."


class Viewer:
    """A running server that is asked for samples."""

    def __init__(self, address: str, pid: int) -> None:
        """Ask the server at `address`."""
        self._samples = f"{address}runs/run/samples.json?"
        self.pid = pid

    def ask(self, **query: str) -> tuple[float, Any]:
        """Seconds and answer."""
        started = time.perf_counter()
        with urllib.request.urlopen(self._samples + urllib.parse.urlencode(query), timeout=TIMEOUT_SECONDS) as answer:
            found = json.loads(answer.read())
        return time.perf_counter() - started, found

    def search(self, text: str) -> tuple[float, float, int]:
        """Seconds until a search is through all jobs, its slowest answer, and jobs found."""
        total, slowest = 0.0, 0.0
        while True:
            seconds, found = self.ask(text=text)
            total, slowest = total + seconds, max(slowest, seconds)
            if found["searched"] >= 1:
                return total, slowest, int(found["matching"])


def run(*, quick: bool) -> Measurement:
    """Measure the viewer."""
    rows = 40_000 if quick else 1_000_000
    return take("view", "viewer", quick=quick, figures=lambda: _figures(rows, quick=quick))


def _figures(rows: int, *, quick: bool) -> list[Figure]:
    with work_folder() as folder:
        stored = write_stored_run(folder, rows)
        with viewer(stored) as server:
            first, found = server.ask()
            if found["total"] != rows:
                raise RuntimeError(f"the viewer shows {found['total']:,} of {rows:,} jobs")
            again = server.ask(offset="50")[0]
            sorted_by = max(server.ask(sort=name)[0] for name in SLOWEST_SORT)
            total, slowest, _ = server.search(RARE_TEXT)
            return [
                Figure(what=f"first samples of {rows:,}", value=first, unit="s", at_most=None if quick else 1),
                Figure(what="the next 50", value=again, unit="s", at_most=None if quick else 1),
                Figure(what=f"sorted by {' or '.join(SLOWEST_SORT)}, the slower", value=sorted_by, unit="s"),
                Figure(what="text search through all of them", value=total, unit="s"),
                Figure(what="its slowest answer on the way", value=slowest, unit="s"),
                Figure(what="peak memory of the server", value=high_water_mb(server.pid), unit="MB", at_most=600),
            ]


@contextmanager
def viewer(folder: Path) -> Iterator[Viewer]:
    """`evalmill view` in a process of its own."""
    command = [EVALMILL, "view", str(folder), "--no-open", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Viewer(json.loads(process.stdout.readline())["address"], process.pid)
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    run(quick=is_quick(__doc__))
