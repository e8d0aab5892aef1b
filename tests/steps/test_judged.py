"""scores/judged.json: by what the stored scores were made."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.core.records import Metric
from pipeline.core.settings import ScorerSettings
from pipeline.steps.score import bind, read_judged


def written(folder: Path, *scorers: dict[str, object]) -> Path:
    (folder / "scores").mkdir()
    noted = {"scorers": scorers, "gates": [], "budget_usd": None}
    (folder / "scores" / "judged.json").write_text(json.dumps(noted))
    return folder


def test_a_scorer_is_noted_with_what_its_values_are(tmp_path: Path) -> None:
    settings = ScorerSettings(kind="number", name="sum", expected="{{ answer }}", counts={"truncated": "scored"})
    (bound,) = bind([settings])
    metric = bound.metric
    assert (metric.name, metric.kind, metric.pass_fail, metric.better, metric.scale) == (
        *("sum", "number", True, "higher", "share"),
    )
    assert (metric.counts["truncated"], metric.counts["refused"]) == ("scored", "wrong")


def test_files_of_older_versions_are_read(tmp_path: Path) -> None:
    folder = written(tmp_path, {"name": "number", "pass_fail": True}, {"name": "close", "pass_fail": False})
    assert read_judged(folder).scorers == (
        Metric(name="number", pass_fail=True, scale="share"),
        Metric(name="close", pass_fail=False, scale="number"),
    )
