"""A run notes its limits, a session that continues it under others notes those, and the summary knows both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.commands import evalmill
from tests.support.evals import EVAL, sums, write_eval

PROVIDERS = "[providers.simulator.limits]\nrequests_per_minute = {}\n"


def run(evaluation: Path, folder: Path, per_minute: int, *options: str) -> int:
    (evaluation / "providers.toml").write_text(PROVIDERS.format(per_minute))
    return evalmill("run", evaluation, "--out", folder, *options).code


def paces(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())["pace"]
    return found


def test_a_run_that_is_continued_under_other_limits_knows_both(tmp_path: Path) -> None:
    evaluation, folder = write_eval(tmp_path / "sums", EVAL, rows=sums(12)), tmp_path / "run"
    assert run(evaluation, folder, 60_000, "--budget", "0.0002") == 75
    stopped = paces(folder)
    assert not (folder / "events.jsonl").exists()
    assert [one["requests_per_minute"] for one in stopped["limits"]] == [60_000]
    assert 0 < stopped["use"][0]["requests"] < 12
    assert run(evaluation, folder, 90_000) == 0
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [event["limits"][0]["requests_per_minute"] for event in events] == [90_000]
    whole = paces(folder)
    assert whole["use"][0]["requests"] == 12
    assert sum(sum(entry["requests"]) for entry in whole["bins"]) == 12


def test_answers_that_exist_already_sent_nothing(tmp_path: Path) -> None:
    text = EVAL.replace(
        'id = "simulator/sim-small"\n[models.params]\nmax_tokens = 64', 'id = "recorded/old"\nanswer = "4"'
    )
    assert "recorded" in text
    folder = tmp_path / "run"
    assert evalmill("run", write_eval(tmp_path / "sums", text), "--out", folder).code == 0
    assert paces(folder) is None
    assert 'id="pace"' not in (folder / "cost.html").read_text()
