"""The process in which scoring is measured: a run's answers from its tables to its scores, then the scorers alone."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.support.child import high_water_mb
from pipeline.config.load import load_eval
from pipeline.core.records import Answer
from pipeline.run.memory import calm_collector
from pipeline.steps.rows import RowLookup
from pipeline.steps.score import Demands, bind, score_run
from pipeline.store.folder import read_run
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore

BARE_ROWS = 50_000


def main() -> None:
    """Print what each part took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    demands = Demands.of(load_eval(Path(read_run(folder)["evaluation"])))
    calm_collector()
    with RunStore.open(folder) as store:
        started = time.perf_counter()
        score_run(store, demands)
        seconds = time.perf_counter() - started
        mb = high_water_mb(os.getpid())  # before the bare loop, which has its answers in memory
        bare_seconds = _bare(store, demands)
    print(json.dumps({"seconds": seconds, "mb": mb, "bare_seconds": bare_seconds}))


def _bare(store: RunStore, demands: Demands) -> float:
    """Seconds that the scorers take for as many answers when these and their references are at hand."""
    scorers = bind(demands.scorers)
    results = [read_part(part, columns=["row_id", "text"]) for part in store.parts()]
    first = results[0].slice(0, BARE_ROWS)
    rows = list(RowLookup(store.folder).records(first["row_id"]))
    answers = [Answer(text=text) for text in first["text"].to_pylist()]
    asked: list[tuple[Any, list[str]]] = [
        (bound.scorer, [bound.expected.render(row) for row in rows]) for bound in scorers if bound.expected
    ]
    started = time.perf_counter()
    for scorer, references in asked:
        for answer, reference, row in zip(answers, references, rows, strict=True):
            scorer.score(answer, reference, row)
    each = (time.perf_counter() - started) / len(answers)
    total: int = sum(table.num_rows for table in results)
    return each * total


if __name__ == "__main__":
    main()
