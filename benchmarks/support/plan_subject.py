"""The process in which planning is measured: prepare, expand every job, then render rows alone."""

from __future__ import annotations

import argparse
import json
import os
import time
from itertools import islice
from pathlib import Path

from benchmarks.support.child import high_water_mb
from benchmarks.support.workload import read_questions
from pipeline.config.load import Overrides
from pipeline.core.template import Media, compile_template
from pipeline.run.memory import calm_collector
from pipeline.steps.prepare import Prepared, media_reader, prepare

RENDERED_ROWS = 100_000


def main() -> None:
    """Print what each part took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evaluation", type=Path)
    given = parser.parse_args()
    started = time.process_time()
    prepared = prepare(given.evaluation, Overrides())
    prepare_seconds = time.process_time() - started
    calm_collector()
    expand_us = _expand(prepared)
    expand_mb = high_water_mb(os.getpid())  # before rendering, which has its rows in memory
    took = {
        "prepare_seconds": prepare_seconds,
        "expand_us": expand_us,
        "expand_mb": expand_mb,
        "render_us": _render(prepared),
    }
    print(json.dumps(took))


def _expand(prepared: Prepared) -> float:
    started, jobs = time.process_time(), 0
    for lane in prepared.plan.lanes:
        for shard in prepared.plan.shards(lane):
            jobs += sum(1 for _ in prepared.plan.jobs(shard))
    return (time.process_time() - started) * 1e6 / jobs


def _render(prepared: Prepared) -> float:
    """Rendering rows that are in memory already."""
    prompt = prepared.settings.prompts[0]
    template = compile_template(prompt.source, path=prompt.path)
    media: Media = media_reader(prepared.settings)
    file = Path(prepared.settings.dataset.path)
    rows = [{"id": row_id, "question": text, "answer": "30"} for row_id, text in _first(file)]
    started = time.process_time()
    for row in rows:
        template.render(row, media)
    return (time.process_time() - started) * 1e6 / len(rows)


def _first(file: Path) -> list[tuple[str, str]]:
    return list(islice(read_questions(file), RENDERED_ROWS))


if __name__ == "__main__":
    main()
