"""Two runs of recorded answers, so that every difference between them is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.commands import evalmill

EVAL = """\
name = "{name}"

[dataset]
path = "rows.jsonl"
id = "id"

[[prompts]]
name = "plain"
template = "plain.jinja"

[[models]]
name = "{model}"
id = "recorded/{model}"
answer = "{{{{ answer_given }}}}"

[[scorers]]
kind = "exact"
expected = "{{{{ answer }}}}"

[[scorers]]
kind = "contains"
expected = "{{{{ answer }}}}"
{more}
"""


def rows_of(answers: Sequence[str], *, start: int = 0) -> list[dict[str, Any]]:
    """One row for each answer; "4" is right; even rows are about sums, odd ones about products."""
    return [
        {
            "id": f"r{start + number}",
            "question": f"What is 2 and {start + number}?",
            "topic": "products" if number % 2 else "sums",
            "answer": "4",
            "answer_given": given,
        }
        for number, given in enumerate(answers)
    ]


def write_recorded(
    folder: Path, rows: Sequence[dict[str, Any]], *, name: str = "recorded", model: str = "m", more: str = "",
    template: str = "{{ question }}",
) -> Path:  # fmt: skip
    """Write an evaluation of recorded answers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "eval.toml").write_text(EVAL.format(name=name, model=model, more=more), encoding="utf-8")
    (folder / "plain.jinja").write_text(template, encoding="utf-8")
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "rows.jsonl").write_text(lines + "\n", encoding="utf-8")
    return folder


def recorded_run(folder: Path, rows: Sequence[dict[str, Any]], **how: Any) -> Path:
    """Run it; gives the run folder."""
    done = evalmill("run", write_recorded(folder / "eval", rows, **how), "--out", folder / "run")
    assert done.code == 0, done.err
    return folder / "run"


def make_found(**changes: Any) -> dict[str, Any]:
    """Build what a comparison of two runs found: one metric, worse by 25 points, one row changed."""
    cell = {"model": "m", "prompt": "p", "params": "{}"}
    found = {
        "runs": [make_compared_run("A"), make_compared_run("B")],
        "metrics": {"exact": {"pass_fail": True, "better": "higher", "scale": "share", "unit": "", "corpus": None}},
        "pairs": [
            {
                "run": "B",
                "rows": {"common": 40, "only_a": 0, "only_b": 0, "changed": 0, "changed_ids": [],
                         "columns_only_a": [], "columns_only_b": []},
                "differing": [], "matched": [{"a": cell, "b": cell, "how": "same"}], "only_a": [], "only_b": [],
                "comparisons": [make_difference()], "slices": [], "slices_left_out": [],
                "endings": [], "costs": [make_paid()], "latencies": [make_paid()], "changes": [make_change()],
            }
        ],
    }  # fmt: skip
    return {**found, **changes}


def make_compared_run(letter: str, **changes: Any) -> dict[str, Any]:
    """Build one run of a comparison; `changes` replace its fields."""
    return {
        "letter": letter, "folder": f"reports/e/{letter}", "run_id": f"run-{letter}", "eval": "e",
        "created_at": "2026-11-27T15:17:05+00:00", "version": "0.1.0", "simulated": False, "rows": 40,
        "jobs": {"total": 40, "planned": 40, "error": 0, "reused": 0}, **changes,
    }  # fmt: skip


def make_difference(**changes: Any) -> dict[str, Any]:
    """Build one comparison of a metric: 75 % in A, 50 % in B; `changes` replace its fields."""
    cell = {"model": "m", "prompt": "p", "params": "{}"}
    return {
        "metric": "exact", "a": cell, "b": cell, "n": 40, "clusters": None, "mean_a": 0.75, "mean_b": 0.5,
        "difference": -0.25, "se": 0.09, "ci95": [-0.42, -0.08], "gained": 2, "lost": 12, "p": 0.013,
        "p_adjusted": 0.013, "adjust": "holm", "test": "mcnemar_exact", "smallest_detectable": 0.24,
        "only_a": 0, "only_b": 0, **changes,
    }  # fmt: skip


def make_paid(**changes: Any) -> dict[str, Any]:
    """Build the cost (or latency) of an answer in both runs; `changes` replace its fields."""
    cell = {"model": "m", "prompt": "p", "params": "{}"}
    return {
        "a": cell, "b": cell, "n": 40, "mean_a": 0.001, "mean_b": 0.002, "difference": 0.001, "se": 0.0001,
        "ci95": [0.0008, 0.0012], **changes,
    }  # fmt: skip


def make_change(**changes: Any) -> dict[str, Any]:
    """Build one changed row: right in A, wrong in B; `changes` replace its fields."""
    cell = {"model": "m", "prompt": "p", "params": "{}"}

    def answer(text: str, *, passed: bool) -> dict[str, Any]:
        score = {"scorer": "exact", "value": float(passed), "passed": passed, "label": None, "extracted": text,
                 "expected": "4", "explanation": None, "status": "scored"}  # fmt: skip
        return {"row_id": "r1", "prompt": "p", "repeat": 0, "status": "ok", "stop_reason": "end_turn", "answer": text,
                "error": None, "scores": {"exact": score}, "asked": "What is 2 + 2?"}  # fmt: skip

    return {
        "metric": "exact", "a": cell, "b": cell, "change": "lower", "row_id": "r1",
        "before": answer("It is 4", passed=True), "after": answer("It is 5", passed=False), **changes,
    }  # fmt: skip
