"""Writes small evaluations into a folder."""

from __future__ import annotations

import json
from pathlib import Path


def sums(count: int) -> list[dict[str, str]]:
    """Rows with a question and its answer."""
    return [
        {"id": f"r{number}", "question": f"What is {number} plus {number}?", "answer": str(2 * number)}
        for number in range(count)
    ]


ROWS = sums(8)

EVAL = """\
name = "sums"

[dataset]
path = "rows.csv"
id = "id"

[[prompts]]
name = "plain"
template = "plain.jinja"

[[models]]
name = "small"
id = "simulator/sim-small"
[models.params]
max_tokens = 64

[[scorers]]
kind = "number"
expected = "{{ answer }}"

[simulator]
seed = 3
answers = "rows.csv"
"""


def recorded_eval(name: str, **answers: str) -> str:
    """An eval.toml whose models have answered already: `answers` holds each one's template, beside `rows.csv`."""
    models = "".join(
        f'[[models]]\nname = "{model}"\nid = "recorded/{model}"\nanswer = "{answer}"\n'
        for model, answer in answers.items()
    )
    return f"""
name = "{name}"
[dataset]
path = "rows.csv"
id = "id"
[[prompts]]
name = "plain"
template = "plain.jinja"
{models}[[scorers]]
kind = "exact"
expected = "{{{{ answer }}}}"
"""


def write_eval(
    folder: Path, eval_toml: str = EVAL, *, template: str = "{{ question }}", rows: list[dict[str, str]] = ROWS
) -> Path:
    """Write eval.toml, plain.jinja and rows.csv; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "eval.toml").write_text(eval_toml, encoding="utf-8")
    (folder / "plain.jinja").write_text(template, encoding="utf-8")
    lines = [",".join(rows[0])]
    lines += [",".join(json.dumps(value, ensure_ascii=False) for value in row.values()) for row in rows]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
