"""A real run that says what it acknowledges: `run_writer.py EVAL FOLDER ACKNOWLEDGED`.

It runs the evaluation EVAL in FOLDER, or continues it, and appends `job_id text_bytes` of each result that is safe on
disk to the file ACKNOWLEDGED.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipeline.config.load import Overrides
from pipeline.core.records import Result
from pipeline.flow import Surroundings, run_evaluation
from pipeline.steps.choose import Again, Choice, Places
from pipeline.steps.prepare import Prepared


class Log:
    """Watches a run and writes down what is acknowledged."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def lane(self, model: str, *, total: int, done: int) -> None:
        pass

    def in_flight(self, model: str, change: int) -> None:
        pass

    def event(self, model: str, said: str) -> None:
        pass

    def kept(self, result: Result, /) -> None:
        pass

    def acknowledged(self, results: Sequence[Result], /) -> None:
        os.write(self._fd, "".join(f"{one.job_id} {len(one.text or '')}\n" for one in results).encode())


def main(evaluation: Path, folder: Path, log: Path) -> int:
    def observe(prepared: Prepared, choice: Choice, warnings: list[str]) -> Log:
        return Log(log)

    places = Places(reports=folder.parent, out=folder)
    return run_evaluation(
        evaluation, Overrides(), places, Again(), around=Surroundings(environment=os.environ), observe=observe
    ).exit_code


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
