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
